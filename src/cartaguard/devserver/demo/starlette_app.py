"""The demo's application in Starlette."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartaguard import Guard, groups, permission, public
from cartaguard.devserver.demo.greeting import greeting
from cartaguard.starlette import GuardMiddleware, principal, requires

__all__ = ["application"]


@requires(public("front page"))
async def front(request: Request) -> JSONResponse:
    return JSONResponse(greeting(principal(request.scope)))


@requires(groups("Aurora:Research"))
async def research(request: Request) -> JSONResponse:
    return JSONResponse(greeting(principal(request.scope)))


@requires(permission("read", "Project:{project_id}"))
async def show(request: Request) -> JSONResponse:
    return JSONResponse(greeting(principal(request.scope), read=request.path_params["project_id"]))


@requires(permission("write", "Project:{project_id}"))
async def change(request: Request) -> JSONResponse:
    return JSONResponse(greeting(principal(request.scope), changed=request.path_params["project_id"]))


@requires(permission("execute", "Project:{project_id}"))
async def run(request: Request) -> JSONResponse:
    return JSONResponse(greeting(principal(request.scope), started=request.path_params["project_id"]))


@requires(permission("admin", "Project:{project_id}"))
async def remove(request: Request) -> JSONResponse:
    return JSONResponse(greeting(principal(request.scope), removed=request.path_params["project_id"]))


def application(guard: Guard) -> Starlette:
    """The application behind this guard."""
    routes = [
        Route("/", front),
        Route("/research", research),
        Route("/projects/{project_id}", show, methods=["GET"]),
        Route("/projects/{project_id}", change, methods=["PUT"]),
        Route("/projects/{project_id}", run, methods=["POST"]),
        Route("/projects/{project_id}", remove, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(GuardMiddleware, guard=guard)])
