"""The Starlette door where requests do not come through the guard, or through another one than the router's."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router

from cartaguard import Guard, public
from cartaguard.asgi import chain
from cartaguard.starlette import GuardMiddleware, principal, requires
from support.asking import READ, ask
from support.aurora import guard_for

EVERYTHING = {"path": "/*", "require": {"public": "a test"}}


def starlette(*routes: BaseRoute, guard: Guard | None = None, inside: Any = ()) -> Starlette:
    """An application with its guard, and middlewares inside of that."""
    return Starlette(routes=list(routes), middleware=[Middleware(GuardMiddleware, guard=guard or guard_for()), *inside])


async def ok(request: Request) -> Response:
    return PlainTextResponse(principal(request.scope).username or "nobody")


PROJECT, OPEN = Route("/projects/{project_id}", requires(READ)(ok)), Route("/open", requires(public("a test"))(ok))


class _Inside:
    """A middleware that changes nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class _Forwards:
    """An application that hands each request to another one, with what it has in it."""

    to: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.to({**scope, "root_path": ""}, receive, send)


@pytest.mark.parametrize("inside", [(), (Middleware(_Inside),)], ids=["guard alone", "a middleware inside"])
def test_a_request_is_decided_all_the_same(inside: Any) -> None:
    app = starlette(OPEN, PROJECT, inside=inside)
    assert ask(app, "/open")[0] == 200
    for asked in (app, app.router):
        assert [ask(asked, "/projects/alloys", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
    assert ask(app.router, "/open") == (200, "nobody")


@pytest.mark.parametrize("held", ["foreign", "made up"])
def test_with_the_pass_of_another_guard_nothing_is_reached(held: str) -> None:
    app, other = starlette(PROJECT), starlette(Route("/{path:path}", _Forwards()), guard=guard_for([EVERYTHING]))
    assert ask(app, "/projects/alloys", "olga")[0] == 200

    async def forged(scope: Any, receive: Any, send: Any) -> None:
        await app.router({**scope, "cartaguard": "a pass"}, receive, send)

    if held == "made up":
        assert ask(forged, "/projects/alloys", "olga")[0] == 500
        return
    _Forwards.to = app.router
    assert ask(other, "/projects/alloys", "olga")[0] == 500
    # A guard of its own in between decides for itself.
    _Forwards.to = app
    assert [ask(other, "/projects/alloys", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]


def test_of_two_applications_with_one_router_none_decides_for_the_other() -> None:
    strict = starlette(Route("/a", ok), guard=guard_for([{"path": "/a", "require": {"groups": ["Aurora:Research"]}}]))
    lax = starlette(guard=guard_for([EVERYTHING]))
    lax.router = strict.router
    assert [ask(strict, "/a", user)[0] for user in ("", "olga")] == [401, 200]
    assert ask(lax, "/a")[0] == 200
    assert [ask(strict, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 500]


def test_who_takes_the_place_in_front_of_the_router_finds_it_decided() -> None:
    seen: list[Any] = []
    app = starlette(PROJECT, OPEN)
    assert ask(app, "/open")[0] == 200
    stack: Any = app.router.middleware_stack

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        seen.append(principal(scope).username)
        await stack(scope, receive, send)

    app.router.middleware_stack = noting
    assert [ask(app, "/projects/alloys", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
    assert seen == ["olga"]


class _Elsewhere:
    """Answers some requests itself, in front of the router."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = PlainTextResponse("elsewhere") if scope["path"] == "/elsewhere" else self.app
        await answer(scope, receive, send)


class _Own(Starlette):
    """An application that builds its middlewares in its own way."""

    def build_middleware_stack(self) -> Any:
        stack: Any = super().build_middleware_stack()
        pages = next(inner for inner in chain(stack) if isinstance(inner, ExceptionMiddleware))
        pages.app = _Elsewhere(pages.app)
        return stack


class _Straight(Router):
    """A router that lets nothing stand in front of it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.mark.parametrize("kind", ["router", "pages"])
def test_where_something_else_comes_before_the_router_the_guard_decides_itself(kind: str) -> None:
    """Even if it hands nothing to the router, or that hands nothing to the gate in front of it."""
    guard = guard_for([{"path": "/a", "require": {"groups": ["Aurora:Research"]}}])
    middleware = [Middleware(GuardMiddleware, guard=guard)]
    if kind == "router":
        app = Starlette(middleware=middleware)
        app.router = _Straight(routes=[Route("/a", ok)])
    else:
        app = _Own(routes=[Route("/a", ok)], middleware=middleware)
    for _ in range(2):
        assert [ask(app, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
        assert [ask(app, "/elsewhere", user)[0] for user in ("", "otto")] == [401, 404 if kind == "router" else 200]
