"""The FastAPI door on every shape of route: included, mounted, plain, static, frontends, late ones, and typed parameters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi import Path as PathParameter
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import WebSocketDenialResponse

from cartaguard import Guard, LocalDirectory, authenticated, groups, permission, public
from cartaguard.errors import ConfigurationError, UndeclaredRoutes
from cartaguard.fastapi import FastAPIGuard
from cartaguard.starlette import GuardMiddleware, requires
from support.asking import READ, ask, client, headers
from support.aurora import guard_for
from support.tokens import Clock, verifier_for

CARTA = FastAPIGuard(guard_for())
RESEARCH = groups("Aurora:Research")
OPEN = public("a test")


def fastapi(carta: FastAPIGuard = CARTA, **options: Any) -> FastAPI:
    """A guarded application without documentation."""
    app = FastAPI(openapi_url=None, **options)
    carta.install(app)
    return app


def needs(*requirements: Any, carta: FastAPIGuard = CARTA) -> list[Any]:
    return [carta.requires(requirement) for requirement in requirements]


def answering(text: str) -> Callable[[], str]:
    return lambda: text


async def plain(request: Request) -> Response:
    return PlainTextResponse("known")


async def _show(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("known")(scope, receive, send)


def statuses(app: Any, target: str, *, method: str = "GET", **options: Any) -> list[int]:
    """What nobody, otto (who holds nothing), greta (who reads alloys) and olga (who owns it) are answered."""
    return [ask(app, target, user, method=method, **options)[0] for user in ("", "otto", "greta", "olga")]


MEMBERS, READERS, ALL, NONE = [401, 403, 403, 200], [401, 403, 200, 200], [200] * 4, [401, 403, 403, 403]


class TestIncludedRouters:
    def test_twice_under_different_prefixes(self) -> None:
        """One route object serves both; each inclusion has what it was included with."""
        app, router = fastapi(), APIRouter()
        router.add_api_route("/projects/{project_id}", lambda project_id: project_id, dependencies=needs(READ))
        app.include_router(router, prefix="/v1")
        app.include_router(router, prefix="/v2", dependencies=needs(RESEARCH))
        assert statuses(app, "/v1/projects/alloys") == READERS
        assert statuses(app, "/v2/projects/alloys") == MEMBERS

    def test_without_the_guard_they_are_open(self) -> None:
        app, router = FastAPI(), APIRouter()
        router.add_api_route("/x", answering("x"))
        app.include_router(router, prefix="/v1")
        assert statuses(app, "/v1/x") == ALL

    def test_twice_under_the_same_prefix_both_hold(self) -> None:
        app, router = fastapi(), APIRouter()
        router.add_api_route("/x", answering("x"))
        app.include_router(router, dependencies=needs(authenticated))
        app.include_router(router, dependencies=needs(RESEARCH))
        assert statuses(app, "/x") == MEMBERS

    def test_nested_with_dependencies_on_every_level(self) -> None:
        app = FastAPI(openapi_url=None, dependencies=needs(authenticated))
        CARTA.install(app)
        outer, inner = APIRouter(prefix="/outer/{project_id}", dependencies=needs(READ)), APIRouter(prefix="/inner")
        inner.add_api_route("/x", lambda project_id: project_id, dependencies=needs(RESEARCH))
        inner.add_api_route("/y", lambda project_id: project_id)
        outer.include_router(inner)
        app.include_router(outer)
        app.add_api_route("/z", answering("z"))
        assert statuses(app, "/outer/alloys/inner/x") == MEMBERS
        assert statuses(app, "/outer/alloys/inner/y") == READERS
        assert statuses(app, "/outer/else/inner/y") == NONE
        assert statuses(app, "/z") == [401, 200, 200, 200]

    def test_an_undeclared_route_of_one_is_named_with_its_prefix(self) -> None:
        app, router = fastapi(), APIRouter()
        router.add_api_route("/x", answering("x"), methods=["GET", "PUT"])
        app.include_router(router, prefix="/v1")
        with pytest.raises(UndeclaredRoutes) as refused:
            CARTA.check(app)
        assert refused.value.routes == ("GET,PUT /v1/x",)

    def test_plain_routes_and_mounts_in_one_speak_for_themselves(self) -> None:
        """FastAPI runs a router's dependencies for its own kind of routes only, so these are not declared by them."""
        member = requires(RESEARCH)

        async def talk(websocket: WebSocket) -> None:
            raise AssertionError

        def app(mark: Any) -> FastAPI:
            app, router = fastapi(), APIRouter(dependencies=needs(RESEARCH))
            router.routes += [
                Route("/plain", mark(plain)),
                Mount("/mount", mark(_show)),
                Mount("/routes", routes=[Route("/x", mark(plain))]),
            ]
            router.routes.append(WebSocketRoute("/ws", mark(talk)))
            app.include_router(router, prefix="/v1")
            app.include_router(router, prefix="/v2")
            return app

        with pytest.raises(UndeclaredRoutes) as refused:
            CARTA.check(app(lambda endpoint: endpoint))
        assert refused.value.routes[:4] == ("GET /v1/plain", "* /v1/mount/*", "GET /v1/routes/x", "* /v1/ws")
        declared = app(member)
        for target in ("/v1/plain", "/v1/mount/x", "/v2/routes/x"):
            assert statuses(declared, target) == MEMBERS
        with pytest.raises(WebSocketDenialResponse), client(declared).websocket_connect("/v2/ws", headers=headers("otto")):
            pass

    def test_one_router_in_two_applications_with_two_guards(self) -> None:
        directory = LocalDirectory.from_dict({"users": {"otto": {}}, "resources": {"Project:alloys": {"owner": "otto"}}})
        clock = Clock()
        other = FastAPIGuard(Guard(verifier=verifier_for(clock=clock), directory=directory, clock=clock))
        router = APIRouter()
        router.routes.append(Route("/p/{project_id}", requires(READ)(plain)))
        router.add_api_route("/q/{project_id}", lambda project_id: project_id, dependencies=needs(READ))
        first, second, bare = fastapi(), fastapi(other), FastAPI()
        for app in (first, second, bare):
            app.include_router(router, prefix="/v1")
        for _ in range(2):
            assert [statuses(app, "/v1/p/alloys") for app in (first, second)] == [READERS, [401, 200, 403, 403]]
            assert statuses(first, "/v1/q/alloys") == READERS
        # The one without a guard: the mark answers nobody, the dependency decides alone.
        assert [statuses(bare, path) for path in ("/v1/p/alloys", "/v1/q/alloys")] == [[500] * 4, READERS]


class TestMounts:
    def test_static_files_need_an_entry_in_the_policy(self, tmp_path: Path) -> None:
        (tmp_path / "style.css").write_text("body {}")
        carta = FastAPIGuard(guard_for([{"path": "/static/*", "require": {"groups": ["Aurora:Research"]}}]))
        for guarded, expected in ((carta, MEMBERS), (None, ALL)):
            app = FastAPI(openapi_url=None) if guarded is None else fastapi(guarded)
            app.mount("/static", StaticFiles(directory=tmp_path))
            assert statuses(app, "/static/style.css") == expected
        bare = fastapi()
        bare.mount("/static", StaticFiles(directory=tmp_path))
        with pytest.raises(UndeclaredRoutes, match="`\\* /static/\\*`"):
            CARTA.check(bare)

    def test_a_mounted_application_is_looked_into(self) -> None:
        """With its included routers, WebSockets, mounts and documentation."""
        inner, router, app = FastAPI(openapi_url=None), APIRouter(prefix="/r"), fastapi()
        inner.add_api_route("/projects/{project_id}", lambda project_id: project_id, dependencies=needs(READ))
        router.add_api_route("/projects/{project_id}", lambda project_id: project_id, dependencies=needs(READ))
        inner.include_router(router)
        inner.mount("/m", requires(RESEARCH)(_show))
        app.mount("/sub/{n:int}", inner)
        for target in ("/sub/1/projects/alloys", "/sub/1/r/projects/alloys", "/sub/01/projects/alloys"):
            assert statuses(app, target) == READERS
        assert statuses(app, "/sub/1/m/x") == MEMBERS
        inner_with_docs = FastAPI()
        inner_with_docs.add_api_route("/x", answering("x"))
        other = fastapi()
        other.mount("/sub", inner_with_docs)
        with pytest.raises(UndeclaredRoutes) as refused:
            CARTA.check(other)
        assert refused.value.routes[0] == "GET /sub/openapi.json"
        assert refused.value.routes[-1] == "GET /sub/x"

    def test_a_mounted_application_with_a_guard_of_its_own(self) -> None:
        inner, app = fastapi(), fastapi()
        inner.add_api_route("/x", answering("x"), dependencies=needs(RESEARCH))
        app.mount("/sub", inner)
        app.mount("/both", requires(authenticated)(inner))
        assert [statuses(app, target) for target in ("/sub/x", "/both/x")] == [MEMBERS, MEMBERS]

    def test_a_mounted_application_with_a_root_of_its_own_keeps_it_from_starting(self) -> None:
        """It reads `/sub/public/admin` as `/admin`."""
        inner, app = FastAPI(openapi_url=None), fastapi()
        inner.root_path = "/sub/public"
        inner.add_api_route("/admin", answering("admin"), dependencies=needs(RESEARCH))
        app.mount("/sub", inner)
        with pytest.raises(ConfigurationError, match="`root_path` of its own"):
            CARTA.check(app)

    def test_in_a_starlette_application_it_needs_a_guard_of_its_own(self) -> None:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware

        inner, router = FastAPI(openapi_url=None), APIRouter()
        router.add_api_route("/x", answering("x"), dependencies=needs(RESEARCH))
        inner.include_router(router)
        gate = [Middleware(GuardMiddleware, guard=guard_for())]
        assert ask(Starlette(routes=[Mount("/sub", inner)], middleware=gate), "/sub/x", "olga")[0] == 500
        CARTA.install(inner)
        assert statuses(Starlette(routes=[Mount("/sub", inner)], middleware=gate), "/sub/x") == MEMBERS


def test_the_root_path_opens_nothing() -> None:
    """Whether the server was told of it or the application says it itself."""
    app = fastapi()
    app.add_api_route("/public/{rest:path}", answering("public"), dependencies=needs(OPEN))
    app.add_api_route("/admin/panel", answering("secret"), dependencies=needs(RESEARCH))
    assert statuses(app, "/public/admin/panel") == ALL
    app.root_path = "/public"
    assert statuses(app, "/public/admin/panel") == MEMBERS
    assert ask(app, "/public/admin/panel", "olga")[1] == '"secret"'
    app.root_path = ""
    served = client(app, root_path="/public").get("/public/admin/panel")
    assert served.status_code == 401


class TestDocumentation:
    def test_another_route_with_its_path_is_not_declared_by_it(self, tmp_path: Path) -> None:
        """`docs=public(…)` speaks of what FastAPI made, not of everything that is called `/docs`."""
        app = FastAPI()
        CARTA.install(app, docs=OPEN)
        app.router.add_route("/docs", plain, methods=["POST"])
        app.mount("/redoc", StaticFiles(directory=tmp_path))
        with pytest.raises(UndeclaredRoutes) as refused:
            CARTA.check(app)
        assert refused.value.routes == ("POST /docs", "* /redoc/*")

    def test_it_may_be_for_some_only(self) -> None:
        app = FastAPI(docs_url="/help", redoc_url=None)
        CARTA.install(app, docs=RESEARCH)
        assert [statuses(app, path) for path in ("/help", "/openapi.json", "/help/oauth2-redirect")[:2]] == [MEMBERS, MEMBERS]


class TestFrontends:
    def site(self, folder: Path, text: str) -> Path:
        folder.mkdir()
        (folder / "index.html").write_text(text)
        (folder / "app.js").write_text(text)
        return folder

    def test_they_need_a_requirement(self, tmp_path: Path) -> None:
        app = fastapi()
        app.frontend("/ui", directory=self.site(tmp_path / "ui", "known"))
        with pytest.raises(UndeclaredRoutes, match="`GET /ui/\\*`"):
            CARTA.check(app)
        bare = FastAPI()
        bare.frontend("/ui", directory=tmp_path / "ui")
        assert statuses(bare, "/ui/app.js") == ALL

    def test_by_the_policy_by_the_application_or_by_a_router(self, tmp_path: Path) -> None:
        folder = self.site(tmp_path / "ui", "known")
        by_policy = fastapi(FastAPIGuard(guard_for([{"path": "/ui/*", "require": {"groups": ["Aurora:Research"]}}])))
        by_policy.frontend("/ui", directory=folder)
        by_application = FastAPI(openapi_url=None, dependencies=needs(RESEARCH))
        CARTA.install(by_application)
        by_application.frontend("/ui", directory=folder)
        by_router, outer, router = fastapi(), APIRouter(), APIRouter(dependencies=needs(RESEARCH))
        router.frontend("/", directory=folder)
        outer.include_router(router, prefix="/ui")
        by_router.include_router(outer)
        for app in (by_policy, by_application, by_router):
            assert [statuses(app, target) for target in ("/ui/app.js", "/ui/", "/ui/somewhere/else.js")] == [
                MEMBERS,
                MEMBERS,
                [401, 403, 403, 404],
            ]
            assert statuses(app, "/ui/app.js", method="POST") == [401, 403, 403, 405]

    def test_the_most_specific_one_is_decided_on(self, tmp_path: Path) -> None:
        """FastAPI serves that one, whatever was declared first."""
        app = fastapi()
        opened, closed = APIRouter(dependencies=needs(OPEN)), APIRouter(dependencies=needs(RESEARCH))
        opened.frontend("/", directory=self.site(tmp_path / "open", "open"))
        closed.frontend("/", directory=self.site(tmp_path / "closed", "closed"))
        app.include_router(opened)
        app.include_router(closed, prefix="/admin")
        assert [ask(app, target, "olga")[1] for target in ("/app.js", "/admin/app.js")] == ["open", "closed"]
        assert statuses(app, "/admin/app.js")[1:] == MEMBERS[1:]
        assert ask(app, "/admin/app.js")[1] != "closed"

    def test_one_that_comes_late_is_denied(self, tmp_path: Path) -> None:
        site = self.site(tmp_path / "ui", "late")
        app = fastapi()
        app.add_api_route("/x", answering("x"), dependencies=needs(OPEN))
        app.mount("/ui", requires(OPEN)(_show))
        assert ask(app, "/x")[0] == 200
        app.frontend("/", directory=site)
        assert "late" not in {ask(app, target, "olga")[1] for target in ("/app.js", "/", "/x/app.js", "/ui", "/ui/app.js")}


class TestLate:
    """Routes that are added after the start are denied, and known ones go on."""

    def app(self) -> tuple[FastAPI, APIRouter]:
        app, outer, router = fastapi(), APIRouter(), APIRouter()
        router.add_api_route("/x", answering("known"), dependencies=needs(OPEN))
        router.routes += [Route("/plain", requires(OPEN)(plain)), Mount("/mount", requires(OPEN)(_show))]
        outer.include_router(router, prefix="/r")
        app.include_router(outer)
        app.add_api_route("/x", answering("known"), dependencies=needs(OPEN))
        assert [ask(app, path)[0] for path in ("/x", "/r/x", "/r/plain", "/r/mount/a")] == ALL
        return app, router

    @pytest.mark.parametrize("kind", ["new", "same first", "method", "plain", "mount", "include", "mounted routes"])
    @pytest.mark.parametrize("included", [True, False])
    def test_they_are_denied(self, kind: str, included: bool) -> None:
        app, router = self.app()
        target: Any = router if included else app.router

        async def late(request: Request) -> Response:
            return PlainTextResponse("late")

        async def late_application(scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("late")(scope, receive, send)

        more = APIRouter()
        more.add_api_route("/y", answering("late"), dependencies=needs(OPEN))
        changes: dict[str, Callable[[], Any]] = {
            "new": lambda: target.add_api_route("/y", answering("late"), dependencies=needs(OPEN)),
            "same first": lambda: (target.add_api_route("/x", answering("late"), dependencies=needs(OPEN)), target.routes.reverse()),
            "method": lambda: target.add_api_route("/x", answering("late"), methods=["POST"], dependencies=needs(OPEN)),
            "plain": lambda: target.add_route("/y", requires(OPEN)(late)),
            "mount": lambda: target.mount("/y", requires(OPEN)(late_application)),
            "include": lambda: target.include_router(more),
            "mounted routes": lambda: target.routes.insert(0, Mount("/x", routes=[Route("/", requires(OPEN)(late))])),
        }
        changes[kind]()
        prefix = "/r" if included else ""
        for path in ("/x", "/x/", "/y", "/y/a"):
            for method in ("GET", "POST"):
                status, text = ask(app, prefix + path, "olga", method=method)
                assert "late" not in text
                assert status in (200, 307, 403, 404, 405)
        assert [ask(app, path)[0] for path in ("/r/plain", "/r/mount/a")] == [200, 200]

    def test_a_router_in_a_mount_of_an_included_router_is_watched_too(self) -> None:
        app, router, inner = fastapi(), APIRouter(), Router(routes=[Route("/x", requires(OPEN)(plain))])
        router.routes.append(Mount("/m", inner))
        app.include_router(router)
        assert ask(app, "/m/x")[0] == 200
        inner.routes.insert(0, Route("/x", requires(OPEN)(lambda request: PlainTextResponse("late"))))
        assert ask(app, "/m/x", "olga")[0] == 403


@pytest.mark.parametrize(("route", "code"), [(Host("a.example.org", Router()), "host_routing"), (BaseRoute(), "unknown_route")])
def test_what_cannot_be_guarded_keeps_the_application_from_starting(route: BaseRoute, code: str) -> None:
    app = fastapi()
    app.router.routes.append(route)
    with pytest.raises(ConfigurationError) as refused:
        CARTA.check(app)
    assert refused.value.code == code


class Colour(Enum):
    RED = "red"


def lowered(text: str) -> str:
    return text.lower()


ITEM = permission("read", "Item:{id}")


def items(facts: dict[str, str]) -> FastAPIGuard:
    """A guard for whom these items belong to these people."""
    resources = {f"Item:{name}": {"owner": owner, "grants": [{"to": "user:ada", "role": "Guest"}]} for name, owner in facts.items()}
    directory = LocalDirectory.from_dict({"users": {"olga": {}, "otto": {}, "ada": {}}, "resources": resources})
    clock = Clock()
    return FastAPIGuard(Guard(verifier=verifier_for(clock=clock), directory=directory, clock=clock))


class TestTypedParameters:
    """FastAPI converts behind the dispatch; what the endpoint is given is decided on as well as the text of the path."""

    @pytest.mark.parametrize(
        ("annotation", "spelled", "served"),
        [
            (int, "08", "8"),
            (int, "+8", "8"),
            (float, "1.50", "1.5"),
            (Decimal, "01", "1"),
            (UUID, "7B0F6A520C2F4F0E9F5C3D1F6B7C8D9E", "7b0f6a52-0c2f-4f0e-9f5c-3d1f6b7c8d9e"),
            (Annotated[str, AfterValidator(lowered)], "AB", "ab"),
            (Annotated[int, PathParameter(ge=1)], "08", "8"),
        ],
    )
    def test_another_spelling_opens_nothing(self, annotation: Any, spelled: str, served: str) -> None:
        carta = items({spelled: "otto", served: "olga"})
        app = fastapi(carta)

        def direct(id: Any) -> str:
            return str(id)

        def nested(id: Any) -> str:
            return str(id)

        direct.__annotations__["id"] = nested.__annotations__["id"] = annotation
        app.add_api_route("/direct/{id}", direct, dependencies=needs(ITEM, carta=carta))

        def depending(text: str = Depends(nested)) -> str:
            return text

        app.add_api_route("/nested/{id}", depending, dependencies=needs(ITEM, carta=carta))
        for path in ("/direct", "/nested"):
            assert {user: ask(app, f"{path}/{spelled}", user)[0] for user in ("olga", "otto", "ada")} == {
                "olga": 403,
                "otto": 403,
                "ada": 200,
            }
            assert {user: ask(app, f"{path}/{served}", user)[0] for user in ("olga", "otto", "ada")} == {
                "olga": 200,
                "otto": 403,
                "ada": 200,
            }

    def test_a_websocket_as_well(self) -> None:
        carta = items({"08": "otto", "8": "olga"})
        app = fastapi(carta)

        @app.websocket("/ws/{id}", dependencies=needs(ITEM, carta=carta))
        async def talk(websocket: WebSocket, id: int) -> None:
            await websocket.accept()
            await websocket.close()

        with pytest.raises(WebSocketDenialResponse) as denied, client(app).websocket_connect("/ws/08", headers=headers("otto")):
            pass
        assert denied.value.status_code == 403

    def test_the_policy_sees_the_same_item(self) -> None:
        policy = [
            {"path": "/items/8", "require": {"groups": ["Aurora:Research"]}},
            {"path": "/items/{id}", "require": {"authenticated": True}},
        ]
        app = fastapi(FastAPIGuard(guard_for(policy)))

        @app.get("/items/{id}")
        def show(id: int) -> int:
            return id

        targets = {"/items/7": 200, "/items/07": 200, "/items/8": 403, "/items/08": 403, "/items/+8": 403, "/items/x": 422}
        assert {target: ask(app, target, "otto")[0] for target in targets} == targets
        assert ask(app, "/items/08", "olga") == (200, "8")

    def test_what_no_template_takes_is_its_text(self) -> None:
        carta = items({"2026-11-22": "olga", "red": "olga"})
        app = fastapi(carta)

        def day(id: date) -> str:
            return str(id)

        def colour(id: Colour) -> str:
            return id.name

        app.add_api_route("/day/{id}", day, dependencies=needs(ITEM, carta=carta))
        app.add_api_route("/colour/{id}", colour, dependencies=needs(ITEM, carta=carta))
        assert [ask(app, path, "olga")[0] for path in ("/day/2026-11-22", "/colour/red")] == [200, 200]
        assert [ask(app, path, "otto")[0] for path in ("/day/2026-11-22", "/colour/red")] == [403, 403]
