"""A small world for the tests of doors: who works on Aurora's alloys, told as the development server tells it.

Olga owns `Project:alloys`, greta is a guest on it, otto holds nothing. What is known of a `Distant:…` resource
has to be asked for elsewhere, and nobody answers for a `Lost:…` one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from cartaguard import Guard, LocalDirectory, Permission, Policy, Resource
from cartaguard.errors import FactsUnavailable
from cartaguard.model.facts import Fact, Granted, Need, PermissionNeed
from cartaguard.model.freshness import Freshness
from cartaguard.model.principal import Principal
from support.doors import SocketDoor
from support.tokens import Clock, token_for, verifier_for

__all__ = ["aurora", "authorization", "guard_for", "served"]

_FACTS = {
    "users": {"olga": {}, "greta": {}, "otto": {}},
    "groups": {"Aurora:Research": {"users": ["olga"]}},
    "resources": {"Project:alloys": {"owner": "olga", "grants": [{"to": "user:greta", "role": "Guest"}]}, "Project:7": {"owner": "olga"}},
}


class _Aurora(LocalDirectory):
    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:  # type: ignore[override] # not at hand
        return None if resource.type in ("Distant", "Lost") else super().permission(principal, resource, flag)

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        found: dict[Need, Fact] = {}
        for need in needs:
            assert isinstance(need, PermissionNeed)
            if need.resource.type == "Lost":
                raise FactsUnavailable("nobody answers", code="lost")
            found[need] = Granted(Permission.READ if need.principal.username == "olga" else Permission.NONE)
        return found


def aurora() -> LocalDirectory:
    """The facts."""
    return _Aurora.from_dict(_FACTS)


def guard_for(policy: list[dict[str, Any]] | None = None, **options: Any) -> Guard:
    """A guard of that world, with a policy's routes; its clock stands still."""
    clock = Clock()
    return Guard(
        verifier=verifier_for(clock=clock),
        directory=aurora(),
        policy=None if policy is None else Policy.from_dict({"routes": policy}),
        clock=clock,
        **options,
    )


@cache
def authorization(username: str = "olga") -> str:
    """The ``Authorization`` value of a user; made once, as signing is slow."""
    return "Bearer " + token_for(username)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def served(app: Any) -> Iterator[SocketDoor]:
    """A WSGI application behind werkzeug's server, on 127.0.0.1 at a free port, until the block ends."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield SocketDoor(server.port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
