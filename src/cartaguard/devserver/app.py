"""The embedded Carta as an ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.openapi import description
from cartaguard.devserver.routes import (
    apitokens,
    calling,
    cognito,
    dev,
    files,
    graph,
    groups,
    nodes,
    oidc,
    permissions,
    projects,
    secrets,
    services,
    users,
    workspaces,
)

__all__ = ["create_app"]

#: Pages on this machine may call it: an application's documentation page asks it for tokens.
_LOCAL_PAGES = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"

#: In the order in which they are tried.
_CONCERNS = (
    oidc,
    cognito,
    users,
    groups,
    permissions,
    graph,
    nodes,
    apitokens,
    projects,
    workspaces,
    files,
    secrets,
    services,
    calling,
    dev,
)


def create_app(carta: DevCarta) -> ASGIApp:
    """The application for one embedded Carta. Errors are Carta's ``{"error": …}`` and hold no trace."""
    calls = [route for concern in _CONCERNS for route in concern.routes(carta)]
    app = Starlette(
        routes=[*calls, Route("/openapi.json", partial(_describe, description(calls, carta.url)))],
        middleware=[
            Middleware(CORSMiddleware, allow_origin_regex=_LOCAL_PAGES, allow_methods=["*"], allow_headers=["Authorization"]),
            Middleware(_PathAsSent),
        ],
        exception_handlers={ApiError: _refuse, HTTPException: _not_routed, Exception: _fail},
    )
    app.router.redirect_slashes = False  # Carta's clients strip them, and a redirect would be built from the Host header
    return app


async def _describe(document: Mapping[str, Any], _: Request) -> Response:
    return JSONResponse(document)


class _PathAsSent:
    """Routes on the path as it was sent: an escaped slash stays within its segment, see ``routes.endpoint.name``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii", errors="replace")}
            # No database keeps a zero byte in a text.
            if b"%00" in scope["raw_path"] or b"%00" in scope["query_string"]:
                await JSONResponse({"error": "a zero byte is no text"}, 400)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _refuse(_: Request, fault: Any) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if fault.status == 401 else {}
    return JSONResponse({"error": fault.text}, fault.status, headers)


def _not_routed(_: Request, fault: Any) -> Response:
    return JSONResponse({"error": fault.detail.lower()}, fault.status_code, fault.headers)


def _fail(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "internal error"}, 500)
