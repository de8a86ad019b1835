"""Applications in each framework, with a place for each kind of guard and nothing else that could differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from benchmarks.subjects.routes import Route, body_of, routes

__all__ = ["Wrap", "fastapi_app", "flask_app", "raw_asgi", "raw_wsgi", "starlette_app"]

#: Puts a route's guard around its view; a bare application has none.
Wrap: TypeAlias = Callable[[Route, Any], Any]

_BODY = b'{"answer":"raw"}'


def _as_it_is(route: Route, view: Any) -> Any:
    return view


async def raw_asgi(scope: Any, receive: Any, send: Any) -> None:
    """As little as an ASGI application can do."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"16")]}
    )
    await send({"type": "http.response.body", "body": _BODY})


def raw_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """As little as a WSGI application can do."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "16")])
    return [_BODY]


def starlette_app(count: int, *, wrap: Wrap = _as_it_is, middleware: Sequence[Any] = ()) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route as StarletteRoute

    def view(name: str) -> Any:
        async def answer(request: Request) -> JSONResponse:
            return JSONResponse(body_of(name))

        return answer

    return Starlette(
        routes=[StarletteRoute(route.path, wrap(route, view(route.path))) for route in routes(count)], middleware=list(middleware)
    )


def fastapi_app(count: int, *, demands: Callable[[Route], Sequence[Any]] = lambda route: ()) -> Any:
    from fastapi import FastAPI

    app = FastAPI(openapi_url=None)

    def view(name: str) -> Any:
        async def answer() -> dict[str, str]:
            return body_of(name)

        return answer

    for route in routes(count):
        app.get(route.path, dependencies=list(demands(route)))(view(route.path))
    return app


def flask_app(count: int, *, wrap: Wrap = _as_it_is, before: Callable[[Any], None] = lambda app: None) -> Any:
    from flask import Flask

    app = Flask("measured", static_folder=None)
    before(app)

    def view(name: str) -> Any:
        # A new function each time: a guard may leave its mark on it.
        return lambda **params: body_of(name)

    for number, route in enumerate(routes(count)):
        app.add_url_rule(route.path.replace("{", "<").replace("}", ">"), f"view{number}", wrap(route, view(route.path)))
    return app
