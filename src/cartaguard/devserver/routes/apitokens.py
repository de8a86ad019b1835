"""Carta's v2 calls about API tokens. A token is its user's: nobody makes one for another, and none is made with one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from cartaguard.devserver.apitokens import ApiToken
from cartaguard.devserver.caller import Caller, is_api_token
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import TEXT, TEXTS, Body, name, posted, signed_in
from cartaguard.devserver.routes.graph import node_in

__all__ = ["routes"]

#: The most uses that can be counted.
_MOST = 2**31 - 1

#: The last second that can be told in every time zone: the end of the year 9998.
_LATEST = 253370764799.0


def _create(request: Request, caller: Caller, sent: Body) -> object:
    """Make an API token. Its whole key is in this answer, and nowhere after."""
    if is_api_token(request) or node_in(request, caller, "node").id != caller.node.id:
        raise ApiError(403, "users make api tokens for themselves, and need their own login for it")
    title, endpoints = sent.get("name"), sent.get("allowedEndpoints")
    if not isinstance(title, str):
        raise ApiError(400, "a token needs a name")
    if not isinstance(endpoints, list) or not all(isinstance(text, str) for text in endpoints):
        raise ApiError(400, "allowedEndpoints is a list of texts")
    uses, auto_remove = sent.get("uses"), sent.get("autoRemove")
    if not (uses is None or (type(uses) is int and 0 < uses <= _MOST)):
        raise ApiError(400, f"uses is a number from 1 to {_MOST}")
    if not (auto_remove is None or isinstance(auto_remove, bool)):
        raise ApiError(400, "autoRemove is true or false")
    expires = _expiry_in(sent)
    tokens = caller.tables.apitokens
    made = tokens.add(caller.person.name, title, endpoints, expires=expires, uses=uses, auto_remove=bool(auto_remove))
    return JSONResponse(_token_json(made), headers={"Cache-Control": "no-store"})


def _list(request: Request, caller: Caller) -> object:
    """A user's API tokens, their keys obscured."""
    return [_token_json(token) for token in caller.tables.apitokens.of(_owner(request, caller))]


def _delete(request: Request, caller: Caller) -> object:
    """Remove an API token."""
    caller.tables.apitokens.remove(_owner(request, caller), name(request, "name"))
    return True


def _revoke(request: Request, caller: Caller) -> object:
    """Make an API token useless at once."""
    caller.tables.apitokens.revoke(_owner(request, caller), name(request, "name"))
    return True


def _owner(request: Request, caller: Caller) -> str:
    """Whose tokens the call is about: one's own, or anybody's for who administers the server."""
    node = node_in(request, caller, "node")
    if not (caller.administers or node.id == caller.node.id):
        raise ApiError(403, "forbidden")
    if node.grantee.kind != "user":
        raise ApiError(404, "not found")
    return node.name


def _expiry_in(sent: Body) -> float | None:
    value = sent.get("expires")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        # What has no time zone is Carta's own, which is that of UTC.
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds <= _LATEST:
        raise ApiError(400, "expires is a time such as 2030-12-31T23:59:59Z")
    return seconds


def _token_json(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "token": token.key,
        "allowedEndpoints": list(token.endpoints),
        "expires": _time(token.expires),
        "uses": token.uses,
        "revoked": token.revoked,
        "autoRemove": token.auto_remove,
        "lastUsed": _time(token.last_used),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def routes(carta: DevCarta) -> list[BaseRoute]:
    one = "/v2/auth/apitoken/{node}/{name}"
    return [
        posted(
            carta,
            "POST",
            "/v2/auth/apitoken/{node}",
            _create,
            required={"name": TEXT, "allowedEndpoints": TEXTS},
            optional={"expires": {**TEXT, "format": "date-time"}, "uses": {"type": "integer"}},
        ),
        signed_in(carta, "GET", "/v2/auth/apitoken/{node}", _list),
        signed_in(carta, "DELETE", one, _delete),
        signed_in(carta, "POST", f"{one}/revoke", _revoke),
    ]
