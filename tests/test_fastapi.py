"""The door for FastAPI: installed, with its documentation, its dependencies and its handlers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.testclient import WebSocketDenialResponse

from cartaguard import (
    Guard,
    Issuer,
    Principal,
    StaticKeys,
    TokenVerifier,
    authenticated,
    authorize,
    current_principal,
    groups,
    permission,
    public,
    users,
)
from cartaguard.errors import CartaGuardError, ConfigurationError, FactsUnavailable, InvalidToken, UndeclaredRoutes
from cartaguard.fastapi import FastAPIGuard
from support.asking import READ, ask, client, headers
from support.aurora import authorization, guard_for
from support.doors import SocketDoor
from support.keys import jwks, rsa_key
from support.sockets import serving_asgi

CARTA = FastAPIGuard(guard_for())
RESEARCH = groups("Aurora:Research")
DOCS = public("API documentation")
MEMBER: Any = CARTA.requires(RESEARCH)
Caller = Annotated[Principal, CARTA.principal]


def fastapi(carta: FastAPIGuard = CARTA, *, docs: Any = DOCS, install: bool = True, **options: Any) -> FastAPI:
    """An application with its guard."""
    app = FastAPI(**options)
    if install:
        carta.install(app, docs=docs)
    return app


def requiring(*requirements: Any, carta: FastAPIGuard = CARTA) -> list[Any]:
    return [carta.requires(requirement) for requirement in requirements]


def statuses(app: Any, target: str, *, method: str = "GET", **options: Any) -> list[int]:
    """What nobody, otto (who holds nothing), greta (who reads alloys) and olga (who owns it) are answered."""
    return [ask(app, target, user, method=method, **options)[0] for user in ("", "otto", "greta", "olga")]


def simple() -> FastAPI:
    app = fastapi()

    @app.get("/projects/{project_id}", dependencies=requiring(READ))
    async def show(project_id: str, caller: Caller) -> dict[str, str]:
        return {"id": project_id, "caller": caller.username}

    @app.post("/projects/{project_id}", dependencies=requiring(permission("write", "Project:{project_id}")))
    async def change(project_id: str, body: dict[str, int]) -> dict[str, Any]:
        return {"id": project_id, **body}

    @app.get("/open", dependencies=requiring(public("a test")))
    def healthy(caller: Caller) -> str:
        return caller.username or "nobody"

    return app


class TestStart:
    def test_a_route_without_a_requirement_keeps_the_application_from_starting(self) -> None:
        app = simple()
        app.add_api_route("/forgotten", lambda: "secret")
        with pytest.raises(UndeclaredRoutes, match="`GET /forgotten`") as refused, client(app):
            pass
        assert refused.value.routes == ("GET /forgotten",)
        assert "carta.requires(…)" in str(refused.value)

    def test_the_documentation_must_be_declared_too(self) -> None:
        app = fastapi(docs=None)
        with pytest.raises(UndeclaredRoutes) as refused:
            CARTA.check(app)
        assert refused.value.routes == ("GET /openapi.json", "GET /docs", "GET /docs/oauth2-redirect", "GET /redoc")
        CARTA.check(fastapi())
        CARTA.check(fastapi(docs=None, openapi_url=None))

    def test_without_lifespan_every_request_is_refused(self, caplog: pytest.LogCaptureFixture) -> None:
        app = simple()
        app.add_api_route("/forgotten", lambda: "secret")
        with caplog.at_level(logging.ERROR, "cartaguard"):
            assert [ask(app, path, "olga")[0] for path in ("/open", "/forgotten", "/nowhere", "/docs")] == [500] * 4

    def test_check_needs_a_guard(self) -> None:
        with pytest.raises(ConfigurationError, match="has no guard"):
            CARTA.check(FastAPI())

    def test_it_is_installed_once_and_before_the_start(self) -> None:
        app = simple()
        with pytest.raises(ConfigurationError, match="has its guard already"):
            CARTA.install(app)
        started = FastAPI()
        ask(started, "/")
        with pytest.raises(ConfigurationError, match="started already"):
            CARTA.install(started)

    def test_the_same_guard_on_two_applications(self) -> None:
        for app in (simple(), simple()):
            assert statuses(app, "/projects/alloys") == [401, 403, 200, 200]

    def test_it_starts_on_a_real_server(self) -> None:
        with serving_asgi(simple()) as port:
            door = SocketDoor(port)
            answer = door.request("GET", "/projects/alloys", [("Authorization", authorization("greta").encode())])
            assert (answer.status, answer.body) == (200, b'{"id":"alloys","caller":"greta"}')
            assert door.request("GET", "/open/../projects/alloys").status == 400
            assert door.request("GET", "/projects/alloys").header("www-authenticate") == 'Bearer realm="carta"'


class TestRequests:
    def test_each_route_has_its_requirement(self) -> None:
        app = simple()
        assert statuses(app, "/projects/alloys") == [401, 403, 200, 200]
        assert statuses(app, "/projects/alloys", method="POST", json={"n": 1}) == [401, 403, 403, 200]
        assert statuses(app, "/open") == [200] * 4
        assert statuses(app, "/docs") == [200] * 4
        assert statuses(app, "/nowhere") == [401, 404, 404, 404]

    def test_without_the_guard_the_same_routes_are_open(self) -> None:
        app = FastAPI()
        app.add_api_route("/projects/{project_id}", lambda project_id: project_id)
        assert statuses(app, "/projects/alloys") == [200] * 4

    @pytest.mark.parametrize("content", ["{", "", '{"n": "x"}', "[]"])
    def test_a_malformed_body_without_a_token_is_401(self, content: str) -> None:
        """Not 422, which would tell what the route looks like."""
        app = simple()
        options: dict[str, Any] = {"method": "POST", "content": content}
        assert ask(app, "/projects/alloys", **options)[0] == 401
        assert ask(app, "/projects/alloys", "greta", **options)[0] == 403
        assert ask(app, "/projects/alloys", "olga", **options)[0] == 422

    def test_the_body_is_not_read_before_the_decision(self) -> None:
        async def receive() -> Any:
            raise AssertionError("the body was read")

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/projects/alloys", "headers": [], "query_string": b""}
        asyncio.run(simple()(scope, receive, send))
        assert sent[0]["status"] == 401

    def test_every_refusal_is_a_problem(self) -> None:
        response = client(simple()).get("/projects/alloys", headers=headers("otto"))
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["reason"] == "lacks_permission"
        assert response.json()["required"] == [{"permission": "read", "on": "Project:alloys"}]

    def test_405_and_redirects_lie_behind_the_gate(self) -> None:
        app = simple()
        assert statuses(app, "/projects/alloys", method="DELETE") == [401, 403, 405, 405]
        assert statuses(app, "/projects/alloys", method="OPTIONS") == [401, 403, 405, 405]
        assert statuses(app, "/projects/alloys", method="HEAD") == [401, 403, 405, 405]
        assert statuses(app, "/projects/alloys/") == [401, 403, 307, 307]

    def test_head_with_a_route_of_its_own_is_guarded_as_get_and_as_itself(self) -> None:
        policy = [{"path": "/x", "require": {"authenticated": True}}]
        carta = FastAPIGuard(guard_for(policy))
        app = fastapi(carta)
        app.add_api_route("/x", lambda: "x")
        app.add_api_route("/x", lambda: None, methods=["HEAD"], dependencies=requiring(RESEARCH, carta=carta))
        assert statuses(app, "/x", method="HEAD") == [401, 403, 403, 200]
        assert statuses(app, "/x") == [401, 200, 200, 200]

    def test_the_applications_own_404(self) -> None:
        app = fastapi()

        @app.exception_handler(404)
        async def page(request: Request, fault: Exception) -> JSONResponse:
            return JSONResponse({"page": "nothing here"}, 404)

        @app.get("/projects/{project_id}", dependencies=requiring(permission("read", "Project:{project_id}", conceal=True)))
        async def show(project_id: str) -> str:
            return project_id

        assert ask(app, "/projects/alloys", "otto") == ask(app, "/nowhere", "otto") == (404, '{"page":"nothing here"}')
        assert ask(app, "/projects/alloys", "greta")[0] == 200

    def test_the_same_requirement_of_another_guard_is_decided_by_that_guard_too(self) -> None:
        other = FastAPIGuard(Guard())
        app = fastapi()

        @app.get("/x", dependencies=[other.requires(RESEARCH)])
        async def show() -> str:
            return "x"

        @app.get("/y", dependencies=[other.requires(public("a test"))])
        async def opened(caller: Principal = other.principal) -> str:
            return caller.username

        assert ask(app, "/x", "otto")[0] == 403
        assert ask(app, "/x", "olga")[0] == 500
        assert ask(app, "/y")[0] == 200
        assert ask(app, "/y", "olga")[0] == 500


class TestCaller:
    def test_as_an_annotation_as_a_default_and_as_a_requirement(self) -> None:
        app = fastapi()

        @app.get("/annotated", dependencies=requiring(RESEARCH))
        async def annotated(caller: Caller) -> str:
            return caller.username

        @app.get("/default", dependencies=requiring(RESEARCH))
        async def default(caller: Principal = CARTA.principal) -> str:
            return caller.username

        @app.get("/required")
        async def required(caller: Principal = MEMBER) -> str:
            return caller.username

        def nested(caller: Principal = MEMBER) -> str:
            return caller.username

        @app.get("/nested")
        def deep(name: str = Depends(nested)) -> str:
            return name

        for path in ("/annotated", "/default", "/required", "/nested"):
            assert statuses(app, path) == [401, 403, 403, 200]
            assert ask(app, path, "olga")[1] == '"olga"'

    def test_an_override_for_tests_of_the_application_opens_nothing(self) -> None:
        app = fastapi()
        requirement = CARTA.requires(RESEARCH)
        app.add_api_route("/x", lambda: "x", dependencies=[requirement])
        app.dependency_overrides[requirement.dependency] = lambda: None
        assert statuses(app, "/x") == [401, 403, 403, 200]

    def test_plain_functions_background_tasks_and_streams_know_him(self) -> None:
        app = fastapi()
        seen: list[str] = []

        @authorize(groups=["Aurora:Research"])
        def later() -> None:
            seen.append(current_principal().username)

        async def chunks() -> AsyncIterator[str]:
            yield current_principal().username

        @app.get("/x", dependencies=requiring(authenticated))
        def streamed(tasks: BackgroundTasks) -> StreamingResponse:
            tasks.add_task(later)
            return StreamingResponse(chunks(), background=tasks)

        assert ask(app, "/x", "olga") == (200, "olga")
        assert seen == ["olga"]


class TestFaults:
    """What ``authorize`` or a directory raises in a route becomes 401, 403, 404 or 503."""

    def app(self, **options: Any) -> FastAPI:
        app = fastapi(**options)

        @authorize(groups=["Aurora:Research"])
        async def work() -> str:
            return "done"

        @authorize(requirement=permission("read", "Project:alloys", conceal=True))
        async def hidden() -> str:
            return "done"

        async def lost() -> str:
            raise FactsUnavailable

        async def foreign() -> str:
            raise InvalidToken(code="expired")

        for function in (work, hidden, lost, foreign):
            app.add_api_route(f"/{function.__name__}", function, dependencies=requiring(public("a test")))

        @app.websocket("/ws", dependencies=requiring(public("a test")))
        async def talk(websocket: WebSocket) -> None:
            await websocket.accept()
            await work()

        return app

    @pytest.mark.parametrize("mounted", [False, True])
    def test_it_is_answered(self, mounted: bool) -> None:
        app, prefix = self.app(), ""
        if mounted:
            inner, prefix = self.app(install=False, openapi_url=None), "/sub"
            app = fastapi()
            app.mount("/sub", inner)
        assert statuses(app, prefix + "/work") == [401, 403, 403, 200]
        assert statuses(app, prefix + "/lost") == [503] * 4
        assert statuses(app, prefix + "/foreign") == [401] * 4
        assert ask(app, prefix + "/hidden", "otto") == (404, '{"detail":"Not Found"}')
        with client(app).websocket_connect(prefix + "/ws", headers=headers("otto")) as talking:
            assert talking.receive() == {"type": "websocket.close", "code": 1008, "reason": "not_group_member"}

    def test_handlers_of_the_application_stay(self) -> None:
        async def own(request: Request, fault: Exception) -> PlainTextResponse:
            return PlainTextResponse("my own words", 418)

        assert ask(self.app(exception_handlers={CartaGuardError: own}), "/work", "otto") == (418, "my own words")

    def test_a_handler_without_a_guard_in_front_answers_nothing(self) -> None:
        app = self.app()
        bare = FastAPI(exception_handlers=dict(app.exception_handlers))
        bare.add_api_route("/lost", _lost)
        assert ask(bare, "/lost")[0] == 500


async def _lost() -> str:
    raise FactsUnavailable


class TestMiddleware:
    def test_cors_outside_of_the_guard_answers_preflights_and_marks_refusals(self) -> None:
        """Wherever it was added, before or after the guard."""
        origin = {"Origin": "https://app.example.org"}

        class Own(CORSMiddleware):
            """An application's own kind."""

        def before(app: FastAPI, kind: Any) -> None:
            app.add_middleware(kind, allow_origins=["https://app.example.org"], allow_methods=["GET"])

        steps: list[Callable[[FastAPI], None]] = [lambda app: before(app, Own), lambda app: app.add_middleware(GZipMiddleware)]
        for kind in ("before", "after"):
            app = FastAPI()
            if kind == "before":
                for step in steps:
                    step(app)
            CARTA.install(app, docs=DOCS)
            if kind == "after":
                before(app, CORSMiddleware)
            app.add_api_route("/x", lambda: "x", dependencies=requiring(RESEARCH))
            preflight = client(app).options("/x", headers={**origin, "Access-Control-Request-Method": "GET"})
            refused = client(app).get("/x", headers=origin)
            assert (preflight.status_code, refused.status_code) == (200, 401)
            assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example.org"

    def test_every_other_middleware_is_inside(self) -> None:
        app = FastAPI()

        @app.middleware("http")
        async def look(request: Request, call_next: Any) -> Any:
            assert request.scope["cartaguard"].principal.username == "olga"
            return await call_next(request)

        CARTA.install(app, docs=DOCS)
        app.add_api_route("/x", lambda: "x", dependencies=requiring(RESEARCH))
        assert statuses(app, "/x") == [401, 403, 403, 200]

    def test_preflights_pass_on_request(self) -> None:
        app = FastAPI()
        CARTA.install(app, docs=DOCS, allow_preflight=True)
        app.add_api_route("/x", lambda: "x", methods=["OPTIONS"], dependencies=requiring(RESEARCH))
        asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "GET"}
        assert client(app).options("/x", headers=asked).status_code == 401


class TestWebSockets:
    def test_they_are_refused_before_they_are_accepted(self) -> None:
        app, router = fastapi(), APIRouter(prefix="/r", dependencies=requiring(authenticated))

        @app.websocket("/ws/{project_id}", dependencies=requiring(READ))
        @router.websocket("/ws/{project_id}", dependencies=requiring(READ))
        async def talk(websocket: WebSocket, project_id: str, caller: Caller) -> None:
            await websocket.accept()
            await websocket.send_text(caller.username)

        app.include_router(router)
        app.include_router(router, prefix="/v2")
        for path in ("/ws/alloys", "/r/ws/alloys", "/v2/r/ws/alloys"):
            for user, status in (("", 401), ("otto", 403)):
                with pytest.raises(WebSocketDenialResponse) as denied, client(app).websocket_connect(path, headers=headers(user)):
                    pass
                assert denied.value.status_code == status
            with client(app).websocket_connect(path, headers=headers("greta")) as talking:
                assert talking.receive_text() == "greta"


def test_users_of_several_issuers_must_be_told_apart_at_the_start() -> None:
    issuers = [Issuer(f"https://{name}.example.org", client_ids=["c"], keys=StaticKeys(jwks(rsa_key()))) for name in "ab"]
    carta = FastAPIGuard(Guard(verifier=TokenVerifier(issuers)))
    with pytest.raises(ConfigurationError, match="several issuers"):
        carta.requires(users("olga"))
