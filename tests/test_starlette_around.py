"""The Starlette door where requests do not come through the guard, or through another one than the router's."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router

from cartaguard import Guard, LocalDirectory, Principal, Resource, permission, public
from cartaguard.asgi import chain
from cartaguard.errors import CartaGuardError, InvalidPath
from cartaguard.fastapi import FastAPIGuard
from cartaguard.model.freshness import Freshness
from cartaguard.starlette import GuardMiddleware, principal, requires
from support.asking import READ, ask
from support.aurora import guard_for

RESEARCH = [{"path": "/a", "require": {"groups": ["Aurora:Research"]}}]
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
def test_a_request_that_goes_around_the_guard_reaches_nothing(inside: Any) -> None:
    """Whoever it comes from, and whatever came through the guard before."""
    app = starlette(OPEN, PROJECT, inside=inside)
    for _ in range(2):
        assert ask(app, "/open")[0] == 200
        assert [ask(app.router, path, user)[0] for path in ("/open", "/projects/alloys") for user in ("", "olga")] == [500] * 4
        with guard_for().acting_as(Principal.anonymous):
            assert ask(app.router, "/open")[0] == 500


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
    strict = starlette(Route("/a", ok), guard=guard_for(RESEARCH))
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


class _Inner(Starlette):
    """An application that builds its middlewares in its own way."""

    def build_middleware_stack(self) -> Any:
        stack = super().build_middleware_stack()
        _pages(stack).app = _Elsewhere(_pages(stack).app)
        return stack


class _Answering(ExceptionMiddleware):
    """Error pages that answer more than errors."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await _Elsewhere(super().__call__)(scope, receive, send)


class _Straight(Router):
    """A router that lets nothing stand in front of it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await _Elsewhere(self.middleware_stack)(scope, receive, send)


def _pages(stack: Any) -> Any:
    return next(inner for inner in chain(stack) if isinstance(inner, ExceptionMiddleware))


def _fastapi() -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes[:] = [Route("/a", ok)]
    FastAPIGuard(guard_for(RESEARCH)).install(app)
    return app


def _elsewhere(kind: str) -> Any:
    """An application that answers one path in front of its router, or comes to do so."""
    routes: list[BaseRoute] = [Route("/a", ok)]
    middleware = [Middleware(GuardMiddleware, guard=guard_for(RESEARCH))]
    if kind == "more error pages":
        return Starlette(routes=routes, middleware=[*middleware, Middleware(cast("Any", ExceptionMiddleware)), Middleware(_Elsewhere)])
    if kind == "other error pages":
        return Starlette(routes=routes, middleware=[*middleware, Middleware(cast("Any", _Answering))])
    if kind == "inside of the error pages":
        return _Inner(routes=routes, middleware=middleware)
    if kind == "behind FastAPI's own":
        fast = _fastapi()
        stack = fast.middleware_stack = fast.build_middleware_stack()
        last = _pages(stack).app
        last.app = _Elsewhere(last.app)
        return fast
    app = Starlette(middleware=middleware)
    app.router = _Straight(routes=routes) if kind == "a router of its own" else Router(routes=routes)
    return app


@pytest.mark.parametrize(
    "kind", ["more error pages", "other error pages", "inside of the error pages", "behind FastAPI's own", "a router of its own"]
)
def test_where_something_else_comes_before_the_router_the_guard_decides_itself(kind: str) -> None:
    app = _elsewhere(kind)
    for _ in range(2):
        assert [ask(app, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
        assert [ask(app, "/elsewhere", user)[0] for user in ("", "otto")] == [401, 200]


@pytest.mark.parametrize("kind", ["starlette", "fastapi, first", "fastapi, last", "instead of the error pages"])
def test_what_is_put_before_the_router_while_it_runs_is_behind_the_guard(kind: str) -> None:
    app: Any = _fastapi() if kind.startswith("fastapi") else _elsewhere("")
    assert [ask(app, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
    assert [ask(app, "/elsewhere", user)[0] for user in ("", "otto")] == [401, 404]
    before: Any = _pages(app.middleware_stack)
    if kind == "instead of the error pages":
        before = next(inner for inner in chain(app.middleware_stack) if type(inner) is GuardMiddleware)
        before.app = before.app.app
    before = before.app if kind == "fastapi, last" else before
    before.app = _Elsewhere(before.app)
    assert [ask(app, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
    # What stands inside of the error pages may answer what is nowhere else.
    assert [ask(app, "/elsewhere", user)[0] for user in ("", "otto")] == [401, 404 if kind == "instead of the error pages" else 200]


def test_a_router_that_takes_the_place_of_another_one_opens_nothing() -> None:
    """The middlewares that are built already lead to the former one."""
    for built in (False, True):
        app = _elsewhere("")
        if built:
            app.middleware_stack = app.build_middleware_stack()
            former, app.router = app.router, Router(routes=[Route("/a", ok)])
            statuses = [[ask(app, "/a", user)[0] for user in ("", "otto")] for _ in range(2)]
            assert former.routes
            assert all(status in (401, 403, 500) for each in statuses for status in each)
        else:
            assert [ask(app, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
            app.router = Router(routes=[Route("/a", ok)])
            assert [ask(app, "/a", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]


class _Failing(LocalDirectory):
    """Raises what no directory should."""

    def __init__(self, fault: Exception, late: bool) -> None:
        super().__init__(LocalDirectory.from_dict({})._store)
        self.fault, self.late = fault, late

    def permission(self, principal: Principal, resource: Resource, flag: int = 63, fresh: Freshness | None = None) -> Any:
        if not self.late:
            raise self.fault
        return None

    def fetch(self, needs: Any) -> Any:
        raise self.fault


@pytest.mark.parametrize("late", [False, True], ids=["at once", "while fetching"])
@pytest.mark.parametrize(
    "fault", [ValueError("x"), KeyError("x"), HTTPException(418), InvalidPath("x")], ids=lambda fault: type(fault).__name__
)
def test_a_fault_of_the_decision_is_answered_by_no_handler_of_the_application(fault: Exception, late: bool) -> None:
    """On the first request and on later ones."""
    ran: list[Any] = []

    async def soft(request: Request, fault: Exception) -> Response:
        ran.append(fault)
        return PlainTextResponse("soft")

    kinds: dict[Any, Any] = dict.fromkeys((ValueError, LookupError, HTTPException, CartaGuardError, RuntimeError), soft)
    guard = Guard(verifier=guard_for().verifier, directory=_Failing(fault, late))
    app = Starlette(routes=[OPEN, PROJECT], middleware=[Middleware(GuardMiddleware, guard=guard)], exception_handlers=kinds)
    assert ask(app, "/open")[0] == 200
    assert [ask(app, "/projects/alloys", "olga")[0] for _ in range(2)] == [500, 500]
    assert not ran


def test_a_concealed_page_is_rendered_once_and_a_refused_scope_holds_no_pass() -> None:
    rendered: list[Any] = []
    left: list[Any] = []

    async def page(request: Request, fault: Exception) -> Response:
        rendered.append(fault)
        raise LookupError

    async def other(request: Request, fault: Exception) -> Response:
        return PlainTextResponse("other")

    class Outer(_Inside):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            try:
                await self.app(scope, receive, send)
            finally:
                left.append(scope.get("cartaguard"))

    route = Route("/projects/{project_id}", requires(permission("read", on="Project:{project_id}", conceal=True))(ok))
    middleware = [Middleware(Outer), Middleware(GuardMiddleware, guard=guard_for())]
    app = Starlette(routes=[OPEN, PROJECT, route], middleware=middleware, exception_handlers={404: page, LookupError: other})
    assert ask(app, "/open")[0] == 200
    assert ask(app, "/projects/alloys")[0] == 401
    assert left[1] is None
    assert ask(app, "/nowhere", "otto")[0] == 500
    assert len(rendered) == 1
