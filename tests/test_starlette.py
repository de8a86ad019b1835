"""The door for Starlette: starting, refusing, and what the application itself still answers."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocket

from cartaguard import Guard, authenticated, authorize, current_principal, groups, permission, public
from cartaguard import asgi as asgi_door
from cartaguard.errors import CartaGuardError, ConfigurationError, FactsUnavailable, UndeclaredRoutes
from cartaguard.starlette import GuardMiddleware, check, principal, requires
from support.asking import READ, ask, client, headers
from support.aurora import authorization, guard_for
from support.doors import Answer, AsgiDoor, SocketDoor
from support.sockets import serving_asgi

RESEARCH = groups("Aurora:Research")


def starlette(*routes: BaseRoute, guard: Guard | None = None, middleware: Any = (), inside: Any = (), **options: Any) -> Starlette:
    """An application with its guard, middlewares outside and inside of that."""
    gate = Middleware(GuardMiddleware, guard=guard or guard_for())
    return Starlette(routes=list(routes), middleware=[*middleware, gate, *inside], **options)


async def ok(request: Request) -> Response:
    return PlainTextResponse(principal(request.scope).username or "nobody")


async def _with_more(request: Request, more: str = "more") -> Response:
    return PlainTextResponse(f"{principal(request.scope).username or 'nobody'} and {more}")


def show(requirement: Any = READ, path: str = "/projects/{project_id}", **options: Any) -> Route:
    return Route(path, requires(requirement)(ok), **options)


class TestStart:
    def test_a_route_without_a_requirement_keeps_the_application_from_starting(self) -> None:
        app = starlette(show(), Route("/forgotten", ok), WebSocketRoute("/ws", _hello))
        with pytest.raises(UndeclaredRoutes, match="2 routes have no requirement") as refused, client(app):
            pass
        assert refused.value.routes == ("GET /forgotten", "* /ws")
        assert "requires(…)" in str(refused.value)

    def test_the_server_is_told_that_it_failed(self) -> None:
        sent: list[Any] = []

        async def go() -> None:
            async def receive() -> Any:
                return {"type": "lifespan.startup"}

            async def send(message: Any) -> None:
                sent.append(message)

            with pytest.raises(UndeclaredRoutes):
                await starlette(Route("/forgotten", ok))({"type": "lifespan"}, receive, send)

        asyncio.run(go())
        assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
        assert "`GET /forgotten`" in sent[0]["message"]

    def test_without_lifespan_every_request_is_refused(self, caplog: pytest.LogCaptureFixture) -> None:
        app = starlette(show(public("a test"), "/open"), Route("/forgotten", ok))
        with caplog.at_level(logging.ERROR, "cartaguard"):
            assert [ask(app, path, user)[0] for path in ("/open", "/forgotten", "/else") for user in ("", "olga")] == [500] * 6
        assert "`GET /forgotten`" in caplog.text

    def test_check_lists_them_for_a_test(self) -> None:
        with pytest.raises(UndeclaredRoutes, match="`GET /forgotten`"):
            check(starlette(Route("/forgotten", ok)))
        check(starlette(show()))
        check(TestCors().app())
        with pytest.raises(ConfigurationError, match="has no guard"):
            check(Starlette())

    def test_routes_that_are_added_while_it_starts_belong_to_it(self) -> None:
        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            app.router.routes.append(show(public("a test"), "/late"))
            yield

        app = starlette(lifespan=lifespan)
        with client(app) as asked:
            assert asked.get("/late").status_code == 200
        with client(app):
            """It starts a second time as well."""

    def test_a_policy_entry_declares_a_route(self) -> None:
        guard = guard_for([{"path": "/a/*", "require": {"groups": ["Aurora:Research"]}}])
        app = starlette(Route("/a/b", ok), guard=guard)
        assert [ask(app, "/a/b", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]

    def test_an_entry_that_does_not_cover_every_method_declares_nothing(self) -> None:
        guard = guard_for([{"path": "/a", "methods": ["GET"], "require": {"public": "a test"}}])
        check(starlette(Route("/a", ok), guard=guard))
        with pytest.raises(UndeclaredRoutes):
            check(starlette(Route("/a", ok, methods=["GET", "POST"]), guard=guard))

    def test_what_policy_and_route_demand_holds_together(self) -> None:
        guard = guard_for([{"path": "/projects/{id}", "require": {"groups": ["Aurora:Research"]}}])
        app = starlette(show(), guard=guard)
        assert [ask(app, "/projects/alloys", user)[0] for user in ("olga", "greta")] == [200, 403]
        assert ask(app, "/projects/else", "olga")[0] == 403


class TestMisplaced:
    """A guard that cannot see what it guards refuses everything."""

    @pytest.mark.parametrize("kind", ["around the application", "around a mounted one", "in a mount's own middleware", "around a router"])
    def test_it_refuses_everything(self, kind: str) -> None:
        guard = guard_for()
        opened = show(public("a test"), "/open")
        app: Any = {
            "around the application": GuardMiddleware(Starlette(routes=[opened]), guard=guard),
            "around a mounted one": Starlette(routes=[Mount("/sub", GuardMiddleware(Router([opened]), guard=guard)), opened]),
            "in a mount's own middleware": Starlette(
                routes=[Mount("/sub", routes=[opened], middleware=[Middleware(GuardMiddleware, guard=guard)])]
            ),
            "around a router": GuardMiddleware(Router(routes=[opened]), guard=guard),
        }[kind]
        assert ask(app, "/sub/open" if "mount" in kind else "/open", "olga")[0] == 500

    def test_a_middleware_that_hides_the_rest_is_looked_around(self) -> None:
        """A middleware written as a closure has no ``app``: the guard is found from the outside."""

        def closure(app: Any) -> Any:
            async def middle(scope: Any, receive: Any, send: Any) -> None:
                await app(scope, receive, send)

            return middle

        app = starlette(show(conceal := permission("read", "Project:{project_id}", conceal=True)), inside=[Middleware(closure)])
        assert conceal.conceal
        assert [ask(app, "/projects/alloys", user) for user in ("greta", "otto")] == [(200, "greta"), (404, "Not Found")]

    def test_a_marked_endpoint_without_the_guard_answers_nobody(self) -> None:
        class Endpoint(HTTPEndpoint):
            async def get(self, request: Request) -> Response:
                return PlainTextResponse("open")

        def plain(request: Request) -> Response:
            return PlainTextResponse("open")

        mark = requires(public("a test"))
        routes = [
            Route("/function", mark(ok)),
            Route("/plain", mark(plain)),
            Route("/class", mark(Endpoint)),
            Mount("/mounted", mark(Router(routes=[Route("/x", ok)]))),
        ]
        bare = Starlette(routes=routes)
        behind = asgi_door.GuardMiddleware(bare, guard=guard_for([{"path": "/*", "require": {"public": "a test"}}]))
        for app in (bare, behind):
            assert [ask(app, path, "olga")[0] for path in ("/function", "/plain", "/class", "/mounted/x")] == [500] * 4
        assert [ask(starlette(*routes), path)[0] for path in ("/function", "/plain", "/class", "/mounted/x")] == [200] * 4

    def test_a_marked_function_that_is_called_without_a_connection_does_not_run(self) -> None:
        with pytest.raises(ConfigurationError, match="nothing has decided"):
            asyncio.run(requires(public("a test"))(ok)("no connection"))  # type: ignore[arg-type]

    @pytest.mark.parametrize("endpoint", ["of a request alone", "of more"])
    @pytest.mark.parametrize(
        ("args", "named"),
        [
            ((), {}),
            ((), {"request": Request({"type": "http"})}),
            ((Request({"type": "http"}),), {}),
            ((Request({"type": "http", "cartaguard": "a pass"}),), {}),
            ((SimpleNamespace(scope=None),), {}),
            ((SimpleNamespace(),), {}),
        ],
    )
    def test_however_it_is_called_without_one_the_fault_is_the_same(self, endpoint: str, args: tuple[Any, ...], named: Any) -> None:
        marked: Any = requires(public("a test"))(ok if endpoint == "of a request alone" else _with_more)
        with pytest.raises(ConfigurationError, match="nothing has decided"):
            marked(*args, **named)

    def test_a_marked_function_takes_the_arguments_that_it_took_before(self) -> None:
        alone: Any = requires(public("a test"))(ok)
        with pytest.raises(TypeError):
            alone(1, 2)
        marked: Any = requires(public("a test"))(_with_more)
        with pytest.raises(ConfigurationError, match="nothing has decided"):
            marked(1, 2)
        assert ask(starlette(Route("/", marked)), "/") == (200, "nobody and more")

    def test_a_marked_application_starts_and_stops_without_a_caller(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            started.append(scope["type"])

        started: list[str] = []
        asyncio.run(requires(public("a test"))(app)({"type": "lifespan"}, None, None))
        assert started == ["lifespan"]

    def test_a_requirement_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match="is not a requirement"):
            requires("Aurora:Research")  # type: ignore[arg-type]


def _alone(method: Any) -> Any:
    """A decorator whose function says it takes what the one within takes, and takes more."""

    @functools.wraps(method)
    async def inner(self: Any, request: Request) -> Response:
        return cast("Response", await method(request))

    return inner


class TestEndpoints:
    """Every kind of endpoint that Starlette takes."""

    def test_a_method_may_take_its_arguments_as_it_likes(self) -> None:
        @requires(READ)
        class Endpoint(HTTPEndpoint):
            @requires(READ)
            async def get(*args: Any) -> Response:
                return await ok(args[1])

            @requires(READ)
            @_alone
            async def put(request: Request) -> Response:
                return await ok(request)

            @requires(READ)
            async def post(self, request: Request, more: str = "") -> Response:
                return await ok(request)

        app = starlette(Route("/projects/{project_id}", Endpoint))
        for method in ("GET", "PUT", "POST"):
            assert ask(app, "/projects/alloys", "olga", method=method)[0] == 200

    def test_each_is_guarded_and_gets_its_caller(self) -> None:
        threads: list[str] = []

        def sync(request: Request) -> Response:
            threads.append(threading.current_thread().name)
            return PlainTextResponse(current_principal().username)

        class Endpoint(HTTPEndpoint):
            async def get(self, request: Request) -> Response:
                return await ok(request)

            def post(self, request: Request) -> Response:
                return PlainTextResponse(current_principal().username)

        class Methods:
            @requires(RESEARCH)
            async def show(self, request: Request) -> Response:
                return await ok(request)

        async def two(prefix: str, request: Request) -> Response:
            return PlainTextResponse(prefix + principal(request.scope).username)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse(asgi_door.principal(scope).username)(scope, receive, send)

        mark = requires(RESEARCH)
        app = starlette(
            Route("/sync", mark(sync)),
            Route("/class", mark(Endpoint)),
            Route("/method", Methods().show),
            Route("/bound", mark(Methods().show)),
            Route("/partial-outside", functools.partial(mark(ok))),
            Route("/partial-inside", mark(functools.partial(two, "p:"))),
            Mount("/application", mark(application)),
            Route("/twice", mark(requires(authenticated)(ok))),
        )
        for path in ("/sync", "/class", "/method", "/bound", "/partial-outside", "/application/x", "/twice"):
            assert [ask(app, path, user) for user in ("", "otto", "olga")][-1] == (200, "olga")
            assert [ask(app, path, user)[0] for user in ("", "otto")] == [401, 403], path
        assert ask(app, "/partial-inside", "olga") == (200, "p:olga")
        assert ask(app, "/class", "olga", method="POST") == (200, "olga")
        assert ask(app, "/class", "olga", method="PUT")[0] == 405
        assert threads[0] != threading.current_thread().name

    def test_a_class_endpoint_takes_methods_in_any_case_and_so_the_gate_takes_none_of_them(self) -> None:
        """Starlette calls ``post`` of an endpoint class for the method ``post``, which no policy entry lists."""

        class Endpoint(HTTPEndpoint):
            async def post(self, request: Request) -> Response:
                return PlainTextResponse("posted")

        guard = guard_for([{"path": "/x", "methods": ["POST"], "require": {"groups": ["Aurora:Research"]}}])
        app = starlette(Route("/x", requires(authenticated)(Endpoint)), guard=guard)
        assert [request_raw(app, method, "/x").status for method in ("POST", "post")] == [403, 400]

    def test_a_websocket_endpoint_is_guarded(self) -> None:
        class Talk(WebSocketEndpoint):
            encoding = "text"

            async def on_receive(self, websocket: WebSocket, data: Any) -> None:
                await websocket.send_text(data + principal(websocket.scope).username)

        app = starlette(WebSocketRoute("/class", requires(RESEARCH)(Talk)), WebSocketRoute("/function", requires(RESEARCH)(_hello)))
        for path, heard in (("/class", "hi olga"), ("/function", "olga")):
            with client(app).websocket_connect(path, headers=headers("olga")) as talk:
                if path == "/class":
                    talk.send_text("hi ")
                assert talk.receive_text() == heard
            with pytest.raises(WebSocketDenialResponse) as denied, client(app).websocket_connect(path, headers=headers("otto")):
                pass
            assert denied.value.status_code == 403

    def test_background_tasks_and_streams_run_as_the_caller(self) -> None:
        seen: list[str] = []

        @authorize(groups=["Aurora:Research"])
        def later() -> None:
            seen.append(current_principal().username)

        async def chunks() -> AsyncIterator[str]:
            yield current_principal().username
            yield "!"

        async def streamed(request: Request) -> Response:
            return StreamingResponse(chunks(), background=BackgroundTask(later))

        assert ask(starlette(Route("/s", requires(RESEARCH)(streamed))), "/s", "olga") == (200, "olga!")
        assert seen == ["olga"]


class TestFaults:
    """What ``authorize`` or a directory raises in a route becomes 401, 403, 404 or 503."""

    @authorize(groups=["Aurora:Research"])
    async def work(self) -> None:
        """Something for the members of a group."""

    def app(self, **options: Any) -> Starlette:
        async def working(request: Request) -> Response:
            await self.work()
            return PlainTextResponse("done")

        async def lost(request: Request) -> Response:
            raise FactsUnavailable

        class Endpoint(HTTPEndpoint):
            async def get(self, request: Request) -> Response:
                return await working(request)

        async def hidden(request: Request) -> Response:
            await _conceal()
            return PlainTextResponse("done")

        open_to_all = requires(public("a test"))
        routes = [
            Route("/work", open_to_all(working)),
            Route("/class", open_to_all(Endpoint)),
            Route("/lost", open_to_all(lost)),
            Route("/hidden", open_to_all(hidden)),
        ]
        return starlette(*routes, Mount("/sub", Starlette(routes=routes)), **options)

    @pytest.mark.parametrize("prefix", ["", "/sub"])
    def test_it_is_answered(self, prefix: str) -> None:
        app = self.app()
        for path in ("/work", "/class"):
            assert [ask(app, prefix + path, user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
        response = client(app).get(prefix + "/lost")
        assert (response.status_code, response.headers["Retry-After"], response.headers["Cache-Control"]) == (503, "5", "no-store")
        assert ask(app, prefix + "/hidden", "otto") == (404, "Not Found")

    def test_handlers_of_the_application_stay(self) -> None:
        async def own(request: Request, fault: Exception) -> Response:
            return PlainTextResponse("my own words", 418)

        app = self.app(exception_handlers={CartaGuardError: own})
        assert ask(app, "/work", "otto") == (418, "my own words")
        sub = Starlette(routes=[Route("/work", requires(public("a test"))(self._raise))], exception_handlers={CartaGuardError: own})
        assert ask(starlette(Mount("/sub", sub)), "/sub/work", "otto") == (418, "my own words")

    async def _raise(self, request: Request) -> Response:
        raise FactsUnavailable

    def test_a_websocket_is_closed(self) -> None:
        async def talk(websocket: WebSocket) -> None:
            await websocket.accept()
            await self.work()

        app = starlette(
            WebSocketRoute("/ws", requires(public("a test"))(talk)),
            Mount("/sub", Starlette(routes=[WebSocketRoute("/ws", requires(public("a test"))(talk))])),
        )
        for path in ("/ws", "/sub/ws"):
            with client(app).websocket_connect(path, headers=headers("otto")) as talking:
                message = talking.receive()
            assert (message["type"], message["code"]) == ("websocket.close", 1008)


@authorize(requirement=permission("read", "Project:alloys", conceal=True))
async def _conceal() -> None:
    """Something that not everybody may know of."""


class TestHidden:
    """What is hidden, and what is not there, is the application's own 404, and nothing else of it runs."""

    async def _page(self, request: Request, fault: Exception) -> Response:
        return JSONResponse({"page": "nothing here"}, 404)

    def test_it_is_rendered_by_the_applications_own_handler(self) -> None:
        app = starlette(show(permission("read", "Project:{project_id}", conceal=True)), exception_handlers={404: self._page})
        nothing = ask(app, "/nowhere", "otto")
        assert nothing == (404, '{"page":"nothing here"}')
        assert ask(app, "/projects/alloys", "otto") == nothing
        assert ask(app, "/projects/alloys", "otto", method="DELETE") == nothing
        assert ask(app, "/projects/alloys/", "otto") == nothing
        assert ask(app, "/projects/alloys", "greta")[0] == 200
        assert [ask(app, path)[0] for path in ("/nowhere", "/projects/alloys")] == [401, 401]

    def test_a_middleware_inside_does_not_get_such_a_request(self) -> None:
        """A middleware that answers by itself would be open to every caller with a token."""

        class Metrics:
            def __init__(self, app: Any) -> None:
                self.app = app

            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "http" and scope["path"] == "/metrics":
                    await PlainTextResponse("secret numbers")(scope, receive, send)
                else:
                    await self.app(scope, receive, send)

        app = starlette(show(), inside=[Middleware(Metrics)])
        assert [ask(app, "/metrics", user)[0] for user in ("", "olga")] == [401, 404]

    def test_at_dispatch_it_is_the_same_page(self) -> None:
        """Project 7 is olga's, and there is no project 07; both are hidden from otto, and 07 is decided as 7."""
        hidden = permission("read", "Project:{project_id}", conceal=True)
        app = starlette(show(hidden, "/projects/{project_id:int}"), exception_handlers={404: self._page})
        assert ask(app, "/projects/7", "olga")[0] == 200
        assert ask(app, "/projects/7", "otto") == ask(app, "/projects/07", "otto") == (404, '{"page":"nothing here"}')


class TestCors:
    def app(self) -> Starlette:
        cors = Middleware(CORSMiddleware, allow_origins=["https://app.example.org"], allow_methods=["PUT"], allow_headers=["Authorization"])
        return starlette(show(methods=["GET", "PUT"]), middleware=[cors])

    def test_outside_of_the_guard_preflights_pass_and_refusals_get_its_headers(self) -> None:
        origin = {"Origin": "https://app.example.org"}
        asked = client(self.app())
        preflight = asked.options("/projects/alloys", headers={**origin, "Access-Control-Request-Method": "PUT"})
        assert (preflight.status_code, preflight.headers["Access-Control-Allow-Methods"]) == (200, "PUT")
        refused = asked.put("/projects/alloys", headers=origin)
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example.org")

    def test_inside_of_the_guard_they_are_asked_for(self) -> None:
        cors = Middleware(CORSMiddleware, allow_origins=["*"])
        preflight = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "GET"}
        closed = starlette(show(), inside=[cors])
        gate = Middleware(GuardMiddleware, guard=guard_for(), allow_preflight=True)
        opened = Starlette(routes=[show()], middleware=[gate, cors])
        assert [client(app).options("/projects/alloys", headers=preflight).status_code for app in (closed, opened)] == [401, 200]

    def test_a_preflight_runs_no_route(self) -> None:
        gate = Middleware(GuardMiddleware, guard=guard_for(), allow_preflight=True)
        app = Starlette(routes=[show(methods=["OPTIONS"])], middleware=[gate])
        preflight = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "GET"}
        assert client(app).options("/projects/alloys", headers=preflight).status_code == 401


def request_raw(app: Any, method: str, target: str, user: str = "otto") -> Answer:
    """A request with the method in the case that it has here."""
    door = AsgiDoor(app)
    try:
        return door.request(method, target, [("Authorization", authorization(user).encode())])
    finally:
        door.close()


async def _hello(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(principal(websocket.scope).username)
    await websocket.close()


def test_a_rewritten_request_is_refused() -> None:
    """A middleware between guard and router must not lead a request somewhere else than it was decided for."""

    class Rewriting:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            for name, value in scope.get("headers", ()):
                if name == b"x-http-method-override":
                    scope["method"] = value.decode()
                if name == b"x-original-url":
                    scope["path"] = value.decode()
            await self.app(scope, receive, send)

    policy = [{"path": "/x", "methods": ["GET"], "require": {"public": "a test"}}, {"path": "/x", "require": {"authenticated": True}}]
    routes = Route("/x", ok, methods=["GET", "DELETE"]), show(public("a test"), "/open")
    app = starlette(*routes, guard=guard_for(policy), inside=[Middleware(Rewriting)])
    assert ask(app, "/x")[0] == 200
    assert ask(app, "/x", headers={"X-HTTP-Method-Override": "DELETE"})[0] == 500
    assert ask(app, "/open", headers={"X-Original-URL": "/x"})[0] == 500


def test_on_a_real_server() -> None:
    app = starlette(show(), show(public("a test"), "/open"))
    with serving_asgi(app) as port:
        door = SocketDoor(port)
        token = headers("greta")["Authorization"].encode()
        assert door.request("GET", "/projects/alloys", [("Authorization", token)]).body == b"greta"
        assert door.request("GET", "/projects/alloys").status == 401
        assert door.request("GET", "/open/%2e%2e/projects/alloys").status == 400
