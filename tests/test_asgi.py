"""The door for any ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse

from cartaguard import Guard, asgi, current_principal
from cartaguard.errors import ConfigurationError, FactsUnavailable, NotAuthorized
from cartaguard.guard import current
from cartaguard.guard.gate import Gate, Pass
from cartaguard.guard.plan import Plan
from cartaguard.model.decision import Decision, Outcome
from cartaguard.model.principal import Principal
from support.aurora import authorization, guard_for
from support.doors import Answer, AsgiDoor, SocketDoor, asgi_scope
from support.sockets import serving_asgi
from support.tokens import token_for

POLICY = [
    {"path": "/public/*", "require": {"public": "a test"}},
    {"path": "/admin/*", "require": {"groups": ["Aurora:Research"]}},
    {"path": "/projects/{id}", "require": {"permission": "read", "on": "Project:{id}"}},
    {"path": "/distant/{id}", "require": {"permission": "read", "on": "Distant:{id}"}},
    {"path": "/form", "methods": ["POST"], "require": {"groups": ["Aurora:Research"]}},
    {"path": "/form", "require": {"authenticated": True}},
]


async def whoami(scope: Any, receive: Any, send: Any) -> None:
    await JSONResponse({"caller": asgi.principal(scope).username, "path": scope["path"]})(scope, receive, send)


def request(app: Any, target: str, user: str = "", *, method: str = "GET", root: str = "", extra: Any = ()) -> Answer:
    door = AsgiDoor(app)
    try:
        return door.request(method, target, [*extra, *([("Authorization", authorization(user).encode())] if user else [])], root=root)
    finally:
        door.close()


def guarded(app: Any = whoami, policy: Any = POLICY, **options: Any) -> asgi.GuardMiddleware:
    return asgi.GuardMiddleware(app, guard=guard_for(policy), **options)


@pytest.mark.parametrize(
    ("target", "user", "status"),
    [
        ("/public/x", "", 200),
        ("/admin/panel", "", 401),
        ("/admin/panel", "otto", 403),
        ("/admin/panel", "olga", 200),
        ("/projects/alloys", "greta", 200),
        ("/projects/alloys", "otto", 403),
        ("/distant/a", "olga", 200),
        ("/distant/a", "otto", 403),
        ("/nowhere", "", 401),
        ("/nowhere", "olga", 404),
    ],
)
def test_the_policy_is_the_table_and_nothing_else_is_let_through(target: str, user: str, status: int) -> None:
    assert request(guarded(), target, user).status == status


def test_without_the_guard_the_same_application_is_open() -> None:
    """The proof that the table above shows the guard's work."""

    async def anybody(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({})(scope, receive, send)

    assert request(anybody, "/admin/panel").status == 200
    assert request(guarded(anybody), "/admin/panel").status == 401


@pytest.mark.parametrize("server", ["in process", "uvicorn"])
@pytest.mark.parametrize(
    "target",
    [
        "/public//x",
        "/public/./x",
        "/public/../admin/panel",
        "/public/%2e%2e/admin",
        "/public;a",
        "/public/a%5Cb",
        "/public/%2561",
        "/public/%00",
    ]
    + ["/public/%0d", "/public/%ff", "/public/%c0%af", "/public/%EF%BF%BD", "//admin/panel", "/public/%C2%85"],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(target: str, server: str) -> None:
    if server == "in process":
        answer = request(guarded(), target, "olga")
    else:
        with serving_asgi(guarded()) as port:
            answer = SocketDoor(port).request("GET", target, [("Authorization", authorization().encode())])
    assert (answer.status, answer.reason) == (400, "ambiguous_path")


@pytest.mark.parametrize(
    ("target", "root", "status"),
    [
        ("/admin/panel", "/public", 401),
        ("/public/admin/panel", "/public", 200),
        ("/panel", "/admin", 401),
        ("/x", "/pub", 401),
    ],
)
def test_the_path_below_the_root_is_decided_on(target: str, root: str, status: int) -> None:
    """A prefix that the server was told of opens nothing: ``/public`` before ``/admin`` is still ``/admin``."""
    assert request(guarded(), target, root=root).status == status


def test_a_root_that_ends_within_a_segment_is_no_root() -> None:
    scope = asgi_scope("GET", "/publicity")
    scope["root_path"] = "/public"
    assert guarded()._path(scope) == "/publicity"


def test_the_root_that_fastapi_sets_itself_is_known() -> None:
    """FastAPI serves ``/admin/panel`` for ``/public/admin/panel`` when it was told ``root_path="/public"``."""
    inner = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    inner.root_path = "/public"

    @inner.get("/admin/panel")
    def panel() -> str:
        return "secret"

    assert request(inner, "/public/admin/panel").status == 200
    assert request(guarded(inner), "/public/admin/panel").status == 401
    assert request(guarded(inner), "/public/admin/panel", "olga").status == 200
    assert request(guarded(FastAPI()), "/admin/panel", "olga").status == 404


@pytest.mark.parametrize(
    "values",
    [
        [authorization().encode()] * 2,
        [authorization().encode() + b", " + authorization().encode()],
        [b"Bearer"],
        [b"Bearer " + b"x" * 17000],
    ],
)
def test_anything_but_one_credential_is_refused(values: list[bytes]) -> None:
    answer = request(guarded(), "/public/x", extra=[("Authorization", value) for value in values])
    assert (answer.status, answer.header("www-authenticate")) == (400, 'Bearer realm="carta", error="invalid_request"')


def test_a_bad_token_is_refused_even_on_a_public_path() -> None:
    answer = request(guarded(), "/public/x", extra=[("Authorization", b"Bearer a.b.c")])
    assert (answer.status, answer.header("cache-control"), answer.header("vary")) == (401, "no-store", "Authorization")


def test_head_is_guarded_as_get_and_gets_no_body() -> None:
    answer = request(guarded(), "/admin/panel", method="HEAD")
    assert (answer.status, answer.body) == (401, b"")
    assert int(answer.header("content-length") or 0) > 0


@pytest.mark.parametrize("method", ["post", "Post", "pOST"])
def test_a_method_is_compared_exactly(method: str) -> None:
    """``post`` must not fall through to the entry for every method: many applications take it for POST."""
    answer = request(guarded(), "/form", "otto", method=method)
    assert (answer.status, answer.reason) == (400, "bad_method")
    assert request(guarded(), "/form", "otto", method="POST").status == 403


PREFLIGHT = [("Origin", b"https://app.example.org"), ("Access-Control-Request-Method", b"PUT")]


def test_a_preflight_passes_only_when_the_application_asks_for_it() -> None:
    assert request(guarded(), "/admin/panel", method="OPTIONS", extra=PREFLIGHT).status == 401
    opened = guarded(allow_preflight=True)
    assert request(opened, "/admin/panel", method="OPTIONS", extra=PREFLIGHT).status == 200
    assert request(opened, "/admin/panel", method="OPTIONS", extra=PREFLIGHT[:1]).status == 401
    assert request(opened, "/admin/panel", method="GET", extra=PREFLIGHT).status == 401
    assert request(opened, "/admin/../panel", method="OPTIONS", extra=PREFLIGHT).status == 400


def test_the_body_is_never_read_before_the_decision() -> None:
    async def go() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            raise AssertionError("the body was read")

        async def send(message: Any) -> None:
            sent.append(message)

        await guarded()(asgi_scope("POST", "/form"), receive, send)
        return sent

    assert asyncio.run(go())[0]["status"] == 401


def test_nobody_can_say_beforehand_what_was_decided() -> None:
    """What stands in the scope already is overwritten, and what is in headers counts for nothing."""
    app = guarded()

    async def forging(scope: Any, receive: Any, send: Any) -> None:
        forged = Pass(Gate(app.guard), Principal(issuer="i", subject="s", username="root"), Plan(None), "/admin/panel")
        scope["cartaguard"] = forged
        scope["user"] = forged.principal
        await app(scope, receive, send)

    assert request(forging, "/admin/panel", extra=[("cartaguard", b"olga"), ("X-Forwarded-User", b"olga")]).status == 401
    assert json.loads(request(forging, "/public/x").body)["caller"] == Principal.anonymous.username


def test_the_user_in_the_scope_is_a_courtesy_that_is_never_read_back() -> None:
    async def impersonating(scope: Any, receive: Any, send: Any) -> None:
        assert scope["user"].username == "otto"
        scope["user"] = "olga"
        await whoami(scope, receive, send)

    app = guarded(impersonating, [{"path": "/x", "require": {"authenticated": True}}])
    assert json.loads(request(app, "/x", "otto").body)["caller"] == "otto"


def test_the_caller_without_a_guard_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no guard stands in front"):
        asgi.principal({"cartaguard": "olga"})


def test_an_unknown_kind_of_scope_is_not_let_through() -> None:
    async def go() -> None:
        await guarded()({"type": "webtransport"}, None, None)  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError, match="`webtransport`"):
        asyncio.run(go())


def test_lifespan_passes() -> None:
    async def go() -> list[str]:
        sent: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

        async def receive() -> Any:
            return {}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await guarded(app)({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(go()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_guard_that_is_not_set_up_refuses_everything(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(asgi.GuardMiddleware):
        made = 0

        def make_gate(self, scope: Any) -> Gate:
            self.made += 1
            raise ConfigurationError("half an inventory")

    app = Broken(whoami, guard=guard_for(POLICY))
    with caplog.at_level(logging.CRITICAL, "cartaguard"):
        answers = [request(app, "/public/x").status for _ in range(2)]
    assert (answers, app.made) == ([500, 500], 1)


def test_a_guard_without_a_verifier_answers_no_credential() -> None:
    app = asgi.GuardMiddleware(whoami, guard=Guard(policy=guard_for(POLICY).policy))
    assert request(app, "/public/x").status == 200
    assert request(app, "/public/x", "olga").status == 500


class TestFaultsOfTheApplication:
    """What ``authorize`` or a directory raises inside of the application is answered like the gate's own refusals."""

    @pytest.mark.parametrize(
        ("fault", "user", "status"),
        [
            (NotAuthorized(), "", 401),
            (NotAuthorized(), "olga", 403),
            (NotAuthorized(decision=Decision(Outcome.INDETERMINATE, "facts_unavailable")), "olga", 503),
            (NotAuthorized(decision=Decision(reason="lacks_permission", concealed=True)), "olga", 404),
            (FactsUnavailable(), "olga", 503),
        ],
    )
    def test_it_is_answered(self, fault: Exception, user: str, status: int) -> None:
        async def failing(scope: Any, receive: Any, send: Any) -> None:
            raise fault

        assert request(guarded(failing), "/public/x", user).status == status

    def test_a_response_that_has_begun_is_not_answered_twice(self) -> None:
        async def failing(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise NotAuthorized

        with pytest.raises(NotAuthorized):
            request(guarded(failing), "/public/x")

    def test_other_faults_are_the_applications_own(self) -> None:
        async def failing(scope: Any, receive: Any, send: Any) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            request(guarded(failing), "/public/x")


class TestCaller:
    """The caller of plain functions is bound for one request, and only once somebody asks for it."""

    def test_requests_on_one_task_do_not_see_each_other(self) -> None:
        seen: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(current_principal().username)
            await JSONResponse({})(scope, receive, send)

        async def go() -> None:
            door = guarded(app)
            for user in ("olga", "", "otto"):
                scope = asgi_scope("GET", "/public/x", [("Authorization", authorization(user).encode())] if user else [])
                await door(scope, None, _ignore)  # type: ignore[arg-type]
                assert current._caller.get() is None

        asyncio.run(go())
        assert seen == ["olga", Principal.anonymous.username, "otto"]

    def test_it_is_not_bound_when_nobody_asks_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(current, "used", False)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert current._caller.get() is None
            await JSONResponse({})(scope, receive, send)

        assert request(guarded(app), "/public/x").status == 200

    def test_it_is_unbound_when_the_application_fails(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            raise ZeroDivisionError

        async def go() -> None:
            with pytest.raises(ZeroDivisionError):
                await guarded(app)(asgi_scope("GET", "/public/x"), None, _ignore)  # type: ignore[arg-type]
            assert current._caller.get() is None

        asyncio.run(go())


async def _ignore(message: Any) -> None:
    """A client that does not listen."""


def test_the_token_of_another_user_is_another_caller() -> None:
    """Nothing of one request is kept for the next: each new header object is read."""
    app = guarded()
    callers = [json.loads(request(app, "/public/x", user).body)["caller"] for user in ("olga", "otto", "olga")]
    assert callers == ["olga", "otto", "olga"]
    assert token_for("olga") != token_for("otto")
