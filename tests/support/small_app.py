"""The same small application in every framework, with the routes of the conformance file.

Whoever is let in reads his own name: ``{"caller": "olga"}``.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import flask
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from cartaguard import Policy, Requirement, asgi, authorize, current_principal, wsgi
from cartaguard import starlette as starlette_door
from cartaguard.fastapi import FastAPIGuard
from cartaguard.flask import FlaskGuard
from cartaguard.http.paths import decoded
from cartaguard.model.requirement_table import read_requirement
from support.doors import AsgiDoor, Door, WsgiDoor
from support.world import guard_of, vectors

__all__ = ["APPLICATIONS", "DOORS", "prefix"]

#: Routes below this are reached through a mount, an included router or a blueprint.
prefix = "/mounted"


def _routes() -> list[tuple[str, list[str], Requirement]]:
    return [(route["path"], route["methods"], read_requirement(route["require"])) for route in vectors()["routes"]]


def _policy(requirement: Callable[[Any], Any] = lambda said: said) -> Policy:
    return Policy.from_dict({"routes": [{**route, "require": requirement(route["require"])} for route in vectors()["routes"]]})


# -- applications that cannot be looked into: the policy is all there is -------------------------------


async def _any_asgi(scope: Any, receive: Any, send: Any) -> None:
    await JSONResponse({"caller": asgi.principal(scope).username})(scope, receive, send)


def _any_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    return _wsgi_answer(wsgi.principal(environ).username, start_response)


def _wsgi_answer(username: str, start_response: Any) -> list[bytes]:
    body = json.dumps({"caller": username}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def asgi_app() -> Any:
    return asgi.GuardMiddleware(_any_asgi, guard=guard_of(_policy()))


def wsgi_app() -> Any:
    return wsgi.GuardMiddleware(_any_wsgi, guard=guard_of(_policy()))


# -- frameworks: the routes say it themselves ----------------------------------------------------------


async def _starlette_endpoint(request: Request) -> Response:
    return JSONResponse({"caller": starlette_door.principal(request.scope).username})


def starlette_app() -> Any:
    routes: list[BaseRoute] = []
    mounted: list[BaseRoute] = []
    for path, methods, requirement in _routes():
        guarded = starlette_door.requires(requirement)
        if path.endswith("/*"):
            routes.append(Mount(path.removesuffix("/*"), app=guarded(_any_asgi)))
        elif path.startswith(prefix):
            mounted.append(Route(path.removeprefix(prefix), guarded(_starlette_endpoint), methods=methods))
        else:
            routes.append(Route(path, guarded(_starlette_endpoint), methods=methods))
    routes.append(Mount(prefix, routes=mounted))
    return Starlette(routes=routes, middleware=[Middleware(starlette_door.GuardMiddleware, guard=guard_of())])


def fastapi_app() -> Any:
    app = FastAPI(openapi_url=None)
    carta = FastAPIGuard(guard_of())
    carta.install(app)
    router = APIRouter()
    for path, methods, requirement in _routes():
        if path.endswith("/*"):
            app.mount(path.removesuffix("/*"), starlette_door.requires(requirement)(_any_asgi))
            continue
        # FastAPI serves HEAD only where it is listed.
        listed = [*methods, "HEAD"] if "GET" in methods else methods
        holder, below = (router, path.removeprefix(prefix)) if path.startswith(prefix) else (app, path)
        holder.api_route(below, methods=listed, dependencies=[carta.requires(requirement)])(_fastapi_endpoint)
    app.include_router(router, prefix=prefix)
    return app


async def _fastapi_endpoint(request: Request) -> dict[str, str]:
    return {"caller": starlette_door.principal(request.scope).username}


def flask_app() -> Any:
    app = flask.Flask("small", static_folder=None)
    carta = FlaskGuard(guard_of())
    carta.init_app(app)
    blueprint = flask.Blueprint("mounted", "small")

    def endpoint() -> Any:
        # A new function each time: the requirement is put on the function itself.
        return lambda **params: {"caller": carta.principal.username}

    for index, (path, methods, requirement) in enumerate(_routes()):
        rule = path.replace("{", "<").replace("}", ">").replace("/*", "/<path:below>")
        holder, below = (blueprint, rule.removeprefix(prefix)) if path.startswith(prefix) else (app, rule)
        holder.add_url_rule(below, f"route{index}", carta.requires(requirement)(endpoint()), methods=methods)
    app.register_blueprint(blueprint, url_prefix=prefix)
    carta.check(app)
    return app


# -- plain functions: the policy lets everybody through, and the function decides -------------------------


def _open_to_all(said: Any) -> Any:
    return {"public": "the function decides"}


class _Functions:
    """For each route a function that decides by itself, called by path."""

    def __init__(self, *, asynchronous: bool) -> None:
        self.guard = guard_of(_policy(_open_to_all))
        self._functions = [
            (entry, _function(entry.pattern.names, requirement, asynchronous=asynchronous))
            for entry, (_, _, requirement) in zip(self.guard.policy.entries, _routes(), strict=True)
        ]

    def find(self, method: str, path: str) -> tuple[Any, Mapping[str, str]]:
        for entry, function in self._functions:
            params = entry.pattern.match(path[1:].split("/"))
            if params is not None and (method in (entry.methods or ()) or (method == "HEAD" and "GET" in (entry.methods or ()))):
                return function, params
        raise AssertionError(f"no function for {method} {path}")


def _function(names: tuple[str, ...], requirement: Requirement, *, asynchronous: bool) -> Any:
    async def later(**params: str) -> str:
        return current_principal().username

    def now(**params: str) -> str:
        return current_principal().username

    function: Any = later if asynchronous else now
    # As if the parameters had been written out.
    function.__signature__ = inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])
    return authorize(requirement=requirement)(function)


def functions_app() -> Any:
    functions = _Functions(asynchronous=False)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        function, params = functions.find(environ["REQUEST_METHOD"], decoded(environ["PATH_INFO"]))
        return _wsgi_answer(function(**params), start_response)

    return wsgi.GuardMiddleware(app, guard=functions.guard)


def async_functions_app() -> Any:
    functions = _Functions(asynchronous=True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        function, params = functions.find(scope["method"], scope["path"].removeprefix(scope["root_path"]))
        await JSONResponse({"caller": await function(**params)})(scope, receive, send)

    return asgi.GuardMiddleware(app, guard=functions.guard)


APPLICATIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], Door]]] = {
    "asgi": (asgi_app, AsgiDoor),
    "starlette": (starlette_app, AsgiDoor),
    "fastapi": (fastapi_app, AsgiDoor),
    "async functions": (async_functions_app, AsgiDoor),
    "wsgi": (wsgi_app, WsgiDoor),
    "flask": (flask_app, WsgiDoor),
    "functions": (functions_app, WsgiDoor),
}

DOORS = tuple(APPLICATIONS)
