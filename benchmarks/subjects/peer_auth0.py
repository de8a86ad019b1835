"""auth0-fastapi-api: ``require_auth`` with a scope as a dependency. Its metadata and keys come from a function of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Depends
from fastapi_plugin.fast_api_client import Auth0FastAPI

from benchmarks.drive import AsgiDriver
from benchmarks.subject import Cells, Kit, all_refusals, door_cell
from benchmarks.subjects.applications import fastapi_app
from benchmarks.subjects.routes import paths_for

__all__ = ["make"]


def make(kit: Kit, *, counts: Sequence[int]) -> Cells:
    driver = AsgiDriver()
    return {
        f"{count} routes, exact path": door_cell(
            driver,
            fastapi_app(count),
            _guarded(kit, count),
            paths_for("exact path"),
            kit["tokens"]["auth0"],
            # Without a credential it answers 400.
            all_refusals(no_token=400),
        )
        for count in counts
    }


def _guarded(kit: Kit, count: int) -> Any:
    issuer: str = kit["issuers"]["auth0"]
    documents = {
        f"{issuer}.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}keys"},
        f"{issuer}keys": kit["jwks"],
    }

    async def fetch(url: str) -> Any:
        return documents[url]

    auth0 = Auth0FastAPI(
        domain=issuer.removeprefix("https://").rstrip("/"), audience="https://api.example.org", custom_fetch=fetch, cache_ttl_seconds=86_400
    )
    return fastapi_app(count, demands=lambda route: [Depends(auth0.require_auth(scopes="research"))])
