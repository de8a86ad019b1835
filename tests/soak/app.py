"""The service that is soaked: projects of a Carta, which share a Redis. Run by uvicorn, in several processes."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cartaguard import Guard, Issuer, Principal, TokenVerifier, permission, users
from cartaguard.caches.shared import SharedCache
from cartaguard.directories.carta import CartaDirectory
from cartaguard.starlette import GuardMiddleware, principal, requires

host = os.environ["SOAK_CARTA"]
guard = Guard(
    verifier=TokenVerifier([Issuer.carta(host)]),
    directory=CartaDirectory(host, api="v2"),
    cache=SharedCache.redis(os.environ["SOAK_REDIS"]),
)


@requires(permission("read", "Project:{project_id}"))
async def show(request: Request) -> PlainTextResponse:
    return PlainTextResponse(principal(request.scope).username)


@requires(users("vera"))
async def forget(request: Request) -> PlainTextResponse:
    """Forget a caller, or everything about a project."""
    named = request.query_params
    if "project" in named:
        await guard.ainvalidate(resource=f"Project:{named['project']}")
    else:
        await guard.ainvalidate(principal=Principal(issuer=named["issuer"], subject=named["subject"]))
    return PlainTextResponse("forgotten")


app = Starlette(
    routes=[Route("/projects/{project_id}", show), Route("/forget", forget, methods=["POST"])],
    middleware=[Middleware(GuardMiddleware, guard=guard)],
)
