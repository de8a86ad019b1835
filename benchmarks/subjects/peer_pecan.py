"""pecanhq: what is asked of it with a profile at hand, and a guard that loads the profile for every request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pecanhq
import requests

from benchmarks.drive import fresh_text
from benchmarks.remote_server import ALLOWED
from benchmarks.subject import Cells, Kit, Outcomes, nothing_bare
from benchmarks.subjects.applications import raw_wsgi
from benchmarks.subjects.remote import service

__all__ = ["make", "pecan_guard"]


def make(kit: Kit) -> Cells:
    pecan = _pecan(service(kit))
    profiles = {name: pecan.load(name)["claims"] for name in (ALLOWED, "account-otto")}

    def ask(name: str) -> Any:
        return pecanhq.Session(pecan, profiles[name]).has_permissions("lab", "reports", "read")

    def outcomes() -> Outcomes:
        return {
            "missing right": "permitted" if ask("account-otto") else "refused",
            "good": "permitted" if ask(ALLOWED) else "refused",
        }

    claimed = {"missing right": "refused", "good": "permitted"}
    return {"a permission, profile at hand": nothing_bare(ask, lambda: fresh_text(ALLOWED), outcomes=outcomes, claimed=claimed)}


def pecan_guard(url: str) -> Callable[..., list[bytes]]:
    """A WSGI application that asks Pecan who the account is, every time."""
    pecan = _pecan(url)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        account = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Account ")
        profile = pecan.load(account)
        if profile is not None and pecanhq.Session(pecan, profile["claims"]).has_permissions("lab", "reports", "read"):
            return raw_wsgi(environ, start_response)
        start_response("403 Denied", [])
        return [b"denied"]

    return app


def _pecan(url: str) -> Any:
    secret = base64.b64encode(b"a secret of the benchmark").decode()
    return pecanhq.create(requests.Session(), "benchmark", secret, "artifact", 1, url=f"{url}/grant/")
