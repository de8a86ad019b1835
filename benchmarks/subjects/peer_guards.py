"""Guards written by hand around PyJWT and joserfc, the way that each framework's documentation shows.

They verify the token anew for every request, as such guards do, and then look for the group in its claims.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from benchmarks.drive import AsgiDriver, Driver, WsgiDriver
from benchmarks.subject import Cells, Kit, all_refusals, door_cell
from benchmarks.subjects import applications
from benchmarks.subjects.peer_tokens import verify_with
from benchmarks.subjects.routes import paths_for

__all__ = ["application_for", "make"]


class Denied(Exception):
    """Whom a guard does not let in, with the status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def make(kit: Kit, *, library: str, door: str, counts: Sequence[int]) -> Cells:
    driver: Driver = WsgiDriver() if door in {"wsgi", "flask"} else AsgiDriver()
    cells: Cells = {}
    for count in counts:
        bare, guarded = application_for(kit, library, door, count)
        cells[f"{count} routes, exact path"] = door_cell(
            driver, bare, guarded, paths_for("exact path"), kit["tokens"]["cognito"], all_refusals()
        )
    return cells


def application_for(kit: Kit, library: str, door: str, count: int) -> tuple[Any, Any]:
    """The bare application and the one with a guard by hand."""
    verify, refused = verify_with(library, kit)
    group = kit["group"]

    def check(authorization: str | None) -> None:
        """Let somebody in, or raise :class:`Denied`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Denied(401)
        try:
            claims = verify(token)
        except refused:
            raise Denied(401) from None
        if group not in claims.get("cognito:groups", ()):
            raise Denied(403)

    match door:
        case "asgi":
            return applications.raw_asgi, _asgi(check)
        case "wsgi":
            return applications.raw_wsgi, _wsgi(check)
        case "starlette":
            return applications.starlette_app(count), _starlette(count, verify, refused, group)
        case "fastapi":
            return applications.fastapi_app(count), _fastapi(count, check)
        case "flask":
            return applications.flask_app(count).wsgi_app, _flask(count, check)
        case _:
            raise ValueError(f"`{door}` is not a door")


def _asgi(check: Callable[[str | None], None]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        found = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            check(found[0].decode("latin-1") if found else None)
        except Denied as denied:
            await send({"type": "http.response.start", "status": denied.status, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps({"detail": "denied"}).encode()})
            return
        await applications.raw_asgi(scope, receive, send)

    return app


def _wsgi(check: Callable[[str | None], None]) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            check(environ.get("HTTP_AUTHORIZATION"))
        except Denied as denied:
            start_response(f"{denied.status} Denied", [])
            return [b"denied"]
        return applications.raw_wsgi(environ, start_response)

    return app


def _starlette(count: int, verify: Any, refused: type[Exception], group: str) -> Any:
    """Starlette's own AuthenticationMiddleware, and its ``requires``."""
    from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser, requires
    from starlette.middleware import Middleware
    from starlette.middleware.authentication import AuthenticationMiddleware
    from starlette.responses import JSONResponse

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            scheme, _, token = conn.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise AuthenticationError("no token")
            try:
                claims = verify(token)
            except refused:
                raise AuthenticationError("not accepted") from None
            return AuthCredentials(claims.get("cognito:groups", [])), SimpleUser(claims["cognito:username"])

    def on_error(conn: Any, fault: Exception) -> Any:
        return JSONResponse({"detail": str(fault)}, status_code=401)

    return applications.starlette_app(
        count,
        wrap=lambda route, view: requires(group, status_code=403)(view),
        middleware=[Middleware(AuthenticationMiddleware, backend=Backend(), on_error=on_error)],
    )


def _fastapi(count: int, check: Callable[[str | None], None]) -> Any:
    from fastapi import Depends, HTTPException
    from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

    bearer = HTTPBearer()

    async def guard(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> None:  # noqa: B008 (how FastAPI is told)
        try:
            check(f"{credentials.scheme} {credentials.credentials}")
        except Denied as denied:
            raise HTTPException(denied.status) from None

    # FastAPI reads these from the function, not from this module's names.
    guard.__annotations__ = {"credentials": HTTPAuthorizationCredentials}
    return applications.fastapi_app(count, demands=lambda route: [Depends(guard)])


def _flask(count: int, check: Callable[[str | None], None]) -> Any:
    from flask import request

    def wrap(route: Any, view: Any) -> Any:
        @wraps(view)
        def guarded(**params: Any) -> Any:
            try:
                check(request.headers.get("Authorization"))
            except Denied as denied:
                return {"detail": "denied"}, denied.status
            return view(**params)

        return guarded

    return applications.flask_app(count, wrap=wrap).wsgi_app
