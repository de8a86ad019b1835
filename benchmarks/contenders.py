"""Who stands in which row: cartaguard, and the others in environments of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.subjects.routes import ASKED_PATHS

__all__ = ["PAIRED", "Contender", "Row"]


class Contender(NamedTuple):
    """Somebody in a row.

    :param who: the name in the table.
    :param module: makes the cells, below ``benchmarks.subjects``.
    :param options: for its ``make``.
    :param environment: whose packages it runs with: a table of ``peers.toml``; ``None``: cartaguard's own.
    :param note: a sentence for the table.
    """

    who: str
    module: str
    options: Mapping[str, Any] = {}
    environment: str | None = None
    note: str = ""


class Row(NamedTuple):
    """A row of things that are timed in pairs."""

    title: str
    contenders: Sequence[Contender]


_COUNTS = {"counts": [5, 500]}
_DOOR = {**_COUNTS, "asked": list(ASKED_PATHS)}


def _ours(door: str, who: str = "cartaguard") -> Contender:
    return Contender(who, "cartaguard_doors", {"door": door, **_DOOR})


def _by_hand(door: str) -> list[Contender]:
    """Guards by hand around a library that checks tokens."""
    return [
        Contender(f"{name} guard", "peer_guards", {"library": library, "door": door, **_COUNTS}, library)
        for name, library in (("PyJWT", "pyjwt"), ("joserfc", "joserfc"))
    ]


PAIRED: Mapping[str, Row] = {
    "token": Row(
        "A token",
        [
            Contender("cartaguard", "cartaguard_tokens"),
            Contender("the signature alone", "signature"),
            Contender("PyJWT", "peer_tokens", {"library": "pyjwt"}, "pyjwt"),
            Contender("joserfc", "peer_tokens", {"library": "joserfc"}, "joserfc"),
        ],
    ),
    "decision": Row(
        "A decision whose facts are at hand",
        [
            Contender("cartaguard", "cartaguard_decisions"),
            Contender("casbin", "peer_casbin", {"what": "decision"}, "casbin"),
            Contender("cedarpy", "peer_engines", {"engine": "cedarpy"}, "cedarpy"),
            Contender("pemba", "peer_engines", {"engine": "pemba"}, "pemba"),
            Contender("pecanhq", "peer_pecan", {}, "pecanhq", "The session is made anew for each question, as for each request."),
        ],
    ),
    "asgi": Row("Raw ASGI", [_ours("asgi"), *_by_hand("asgi")]),
    "starlette": Row("Starlette", [_ours("starlette"), *_by_hand("starlette")]),
    "fastapi": Row(
        "FastAPI",
        [
            _ours("fastapi"),
            _ours("fastapi routes", "cartaguard, demands on the routes"),
            _ours("fastapi alone", "cartaguard, as a dependency"),
            Contender("a dependency that does nothing", "idle_dependency", _COUNTS),
            *_by_hand("fastapi"),
            Contender("fastapi-azure-auth", "peer_azure", _COUNTS, "fastapi-azure-auth"),
            Contender("auth0-fastapi-api", "peer_auth0", _COUNTS, "auth0-fastapi-api"),
            Contender("fastapi-casbin-auth behind PyJWT", "peer_casbin", {"what": "fastapi", **_COUNTS}, "fastapi-casbin-auth"),
        ],
    ),
    "wsgi": Row("Raw WSGI", [_ours("wsgi"), *_by_hand("wsgi")]),
    "flask": Row(
        "Flask",
        [
            _ours("flask"),
            *_by_hand("flask"),
            Contender("Flask-JWT-Extended", "peer_flask_jwt", _COUNTS, "flask-jwt-extended"),
            Contender("flask-authz", "peer_casbin", {"what": "flask", **_COUNTS}, "flask-authz"),
        ],
    ),
    "remote": Row(
        "Asking somebody a millisecond away for every request",
        [
            Contender("cartaguard, raw ASGI", "cartaguard_doors", {"door": "asgi"}),
            Contender("cartaguard, raw WSGI", "cartaguard_doors", {"door": "wsgi"}),
            Contender("three calls by hand (httpx)", "remote", {"how": "three calls"}),
            Contender("pecanhq, one call", "remote", {"how": "pecanhq"}, "pecanhq"),
        ],
    ),
}
