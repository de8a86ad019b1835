"""fastapi-azure-auth: its single-tenant scheme as a dependency, with a scope that is demanded. Its keys are put in place by hand."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import Security
from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer

from benchmarks.drive import AsgiDriver
from benchmarks.subject import Cells, Kit, all_refusals, door_cell
from benchmarks.subjects.applications import fastapi_app
from benchmarks.subjects.routes import paths_for

__all__ = ["make"]


def make(kit: Kit, *, counts: Sequence[int]) -> Cells:
    # It writes the token of a refused request into its log.
    logging.getLogger("fastapi_azure_auth").setLevel(logging.CRITICAL)
    driver = AsgiDriver()
    return {
        f"{count} routes, exact path": door_cell(
            driver, fastapi_app(count), _guarded(kit, count), paths_for("exact path"), kit["tokens"]["azure"], all_refusals()
        )
        for count in counts
    }


def _guarded(kit: Kit, count: int) -> Any:
    scheme = SingleTenantAzureAuthorizationCodeBearer(
        app_client_id=kit["client"], tenant_id=kit["tenant"], scopes={"research": "research"}, leeway=30, allow_guest_users=True
    )
    config = scheme.openid_config
    config.issuer = kit["issuers"]["azure"]
    config._load_keys(kit["jwks"]["keys"])
    # As if it had been fetched, and for as long as the run takes.
    config._config_timestamp = datetime.now() + timedelta(hours=1)
    return fastapi_app(count, demands=lambda route: [Security(scheme, scopes=["research"])])
