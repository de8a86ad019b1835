"""What only the embedded Carta has: tokens for a name and a password, and a page that says how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from cartaguard.devserver.carta import LIFETIME, DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.keys import USES
from cartaguard.devserver.routes.endpoint import anonymous, body_of, object_in
from cartaguard.devserver.welcome import welcome

__all__ = ["routes"]


async def _token(carta: DevCarta, request: Request) -> Response:
    fields = _fields(request.headers.get("content-type", ""), await body_of(request))
    answer = await run_in_threadpool(_issue, carta, fields)
    # RFC 6749 section 5.1.
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _issue(carta: DevCarta, fields: Mapping[str, str]) -> dict[str, object]:
    name, grant = fields.get("username", ""), fields.get("grant_type")
    if grant not in (None, "password"):
        raise ApiError(400, "unsupported_grant_type")
    password = fields.get("password", "")
    person = carta.store.transact(lambda tables: tables.people.proven(name, password, pool_id=carta.pool.id))
    if person is None:
        raise ApiError(400, "invalid_grant")
    issued = {f"{use}_token": carta.token(person.name, use) for use in USES}
    if grant is not None:
        # An OAuth2 client sends whatever it finds under `access_token`, and what Carta takes is the ID token.
        issued["access_token"] = issued["id_token"]
    return {**issued, "token_type": "Bearer", "expires_in": int(LIFETIME)}


def _fields(content_type: str, body: bytes) -> Mapping[str, str]:
    """The text members of a form or of a JSON object."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/json":
            fields = object_in(body)
        else:
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    except (ValueError, ApiError):
        raise ApiError(400, "invalid_request") from None
    if not all(isinstance(value, str) and "\0" not in value for value in fields.values()):
        raise ApiError(400, "invalid_request")
    return fields


def _page(carta: DevCarta, _: Request) -> object:
    """How to use this server."""
    return PlainTextResponse("\n".join(welcome(carta)) + "\n")


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        Route("/dev/token", partial(_token, carta), methods=["POST"]),
        anonymous(carta, "/", _page),
    ]
