"""The door for any WSGI application."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from cartaguard import Guard, Principal, authorize, current_principal, permission
from cartaguard.errors import ConfigurationError, NoPrincipal, NotAuthorized
from cartaguard.guard import current
from cartaguard.http.environ import HELD
from cartaguard.wsgi import GuardMiddleware, principal
from support.aurora import authorization, guard_for, served
from support.doors import Answer, Headers, WsgiDoor, wsgi_environ

POLICY: list[dict[str, Any]] = [
    {"path": "/health", "require": {"public": "health check"}},
    {"path": "/admin", "require": {"groups": ["Aurora:Research"]}},
    {"path": "/public/*", "require": {"public": "open to all"}},
    {"path": "/projects/{id}", "methods": ["GET"], "require": {"permission": "read", "on": "Project:{id}"}},
    {"path": "/hidden/{id}", "require": {"permission": "read", "on": "Project:{id}", "conceal": True}},
    {"path": "/distant/{id}", "require": {"permission": "read", "on": "Distant:{id}"}},
    {"path": "/lost/{id}", "require": {"permission": "read", "on": "Lost:{id}"}},
    {"path": "/who", "require": {"authenticated": True}},
]


def says_who(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{principal(environ).username}".encode()]


def ask(app: Any, method: str, target: str, user: str = "", *, root: str = "", headers: Headers = ()) -> Answer:
    if user:
        headers = (*headers, ("Authorization", authorization(user).encode()))
    return WsgiDoor(app).request(method, target, headers, root=root)


@pytest.fixture
def guarded() -> Any:
    """An application behind the door, both sides watched by the validator of PEP 3333."""
    return validator(GuardMiddleware(validator(says_who), guard=guard_for(POLICY)))


@pytest.fixture(params=[False, True], ids=["plain", "authorize in use"])
def in_use(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways through the door: with and without plain functions that ask for the caller."""
    monkeypatch.setattr(current, "used", request.param)
    return bool(request.param)


@pytest.mark.parametrize(
    ("method", "target", "user", "status", "body"),
    [
        ("GET", "/health", "", 200, b""),
        ("GET", "/who", "", 401, None),
        ("GET", "/who", "otto", 200, b"otto"),
        ("GET", "/admin", "otto", 403, None),
        ("GET", "/admin", "olga", 200, b"olga"),
        ("GET", "/projects/alloys", "greta", 200, b"greta"),
        ("HEAD", "/projects/alloys", "otto", 403, b""),
        ("GET", "/projects/alloys", "otto", 403, None),
        ("POST", "/projects/alloys", "olga", 403, None),
        ("GET", "/hidden/alloys", "otto", 404, b"Not Found"),
        ("GET", "/hidden/alloys", "", 401, None),
        ("GET", "/distant/x", "olga", 200, b"olga"),
        ("GET", "/distant/x", "otto", 403, None),
        ("GET", "/lost/x", "olga", 503, None),
        ("GET", "/lost/x", "", 401, None),
        ("GET", "/nothing/here", "", 401, None),
        ("GET", "/nothing/here", "olga", 404, b"Not Found"),
        ("GET", "/public/a/b", "", 200, b""),
        ("GET", "/public/../admin", "", 400, None),
        ("GET", "/public/%2e%2e/admin", "", 400, None),
        ("GET", "/public/x;/admin", "", 400, None),
        ("GET", "/public/x%5cadmin", "", 400, None),
        ("GET", "/public//admin", "", 400, None),
        ("GET", "/public/%252e", "", 400, None),
        ("GET", "/public/%ff", "", 400, None),
        ("GET", "/public/%c3%a4", "", 200, b""),
        ("GET", "/Admin", "olga", 404, b"Not Found"),
    ],
)
def test_a_request_is_answered_by_the_policy(
    guarded: Any, in_use: bool, method: str, target: str, user: str, status: int, body: bytes | None
) -> None:
    answer = ask(guarded, method, target, user)
    assert answer.status == status
    assert body is None or answer.body == body


def test_a_refusal_is_a_whole_response(guarded: Any) -> None:
    answer = ask(guarded, "GET", "/who")
    assert answer.reason == "unauthenticated"
    assert answer.header("content-length") == str(len(answer.body))
    assert answer.header("www-authenticate") == 'Bearer realm="carta"'
    assert (answer.header("cache-control"), answer.header("vary")) == ("no-store", "Authorization")


def test_the_status_line_has_the_standard_phrase() -> None:
    lines: list[str] = []

    def start_response(status: str, *rest: Any) -> Any:
        lines.append(status)

    environ = wsgi_environ("GET", "/lost/x", [("Authorization", authorization().encode())])
    GuardMiddleware(says_who, guard=guard_for(POLICY))(environ, start_response)
    assert lines == ["503 Service Unavailable"]


def test_a_refused_head_has_the_length_and_no_body(guarded: Any) -> None:
    got, headed = ask(guarded, "GET", "/who"), ask(guarded, "HEAD", "/who")
    assert headed.body == b""
    assert headed.header("content-length") == got.header("content-length")


def test_a_refusal_leaves_the_body_unread() -> None:
    class Unread(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = readlines = __iter__ = read  # type: ignore[assignment]

    environ = wsgi_environ("POST", "/admin", body=b"x")
    environ["wsgi.input"] = Unread(b"x")
    app = GuardMiddleware(says_who, guard=guard_for(POLICY))
    assert app(environ, lambda *args: lambda data: None)


def test_a_prefix_in_script_name_opens_nothing(guarded: Any) -> None:
    assert ask(guarded, "GET", "/admin", root="/public").status == 401
    assert ask(guarded, "GET", "/public/x", root="/admin").status == 200


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_override_counts_for_nothing(guarded: Any, name: str) -> None:
    assert ask(guarded, "POST", "/projects/alloys", "olga", headers=[(name, b"GET")]).status == 403


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Uri"])
def test_a_forwarding_header_counts_for_nothing(guarded: Any, name: str) -> None:
    assert ask(guarded, "GET", "/admin", headers=[(name, b"/health")]).status == 401


@pytest.mark.parametrize("first", ["olga", "otto"])
def test_a_repeated_authorization_is_refused(guarded: Any, first: str) -> None:
    answer = ask(guarded, "GET", "/who", "olga", headers=[("Authorization", authorization(first).encode())])
    assert (answer.status, answer.reason) == (400, "several_credentials")


def test_a_bad_token_is_refused_even_where_anybody_may_come(guarded: Any) -> None:
    answer = ask(guarded, "GET", "/health", headers=[("Authorization", b"Bearer a.b.c")])
    assert answer.status == 401
    assert 'error="invalid_token"' in (answer.header("www-authenticate") or "")


def test_a_client_cannot_say_who_he_is(guarded: Any) -> None:
    answer = ask(guarded, "GET", "/health", headers=[("cartaguard.pass", b"olga"), ("X-User", b"olga"), ("Remote-User", b"olga")])
    assert (answer.status, answer.body) == (200, b"")


def test_what_stood_in_the_environ_before_is_replaced() -> None:
    environ = wsgi_environ("GET", "/health")
    environ[HELD] = "olga"
    GuardMiddleware(says_who, guard=guard_for(POLICY))(environ, lambda *args: lambda data: None)
    assert principal(environ) is Principal.anonymous


@pytest.mark.parametrize("environ", [{}, {HELD: "olga"}])
def test_without_a_guard_there_is_no_caller(environ: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="GuardMiddleware"):
        principal(environ)


PREFLIGHT: Headers = [("Origin", b"https://app.example"), ("Access-Control-Request-Method", b"GET")]


@pytest.mark.parametrize(
    ("allowed", "method", "headers", "status"),
    [
        (False, "OPTIONS", PREFLIGHT, 401),
        (True, "OPTIONS", PREFLIGHT, 200),
        (True, "OPTIONS", PREFLIGHT[:1], 401),
        (True, "OPTIONS", PREFLIGHT[1:], 401),
        (True, "GET", PREFLIGHT, 401),
    ],
)
def test_a_preflight_passes_only_when_the_application_asks_for_it(allowed: bool, method: str, headers: Headers, status: int) -> None:
    app = GuardMiddleware(says_who, guard=guard_for(POLICY), allow_preflight=allowed)
    assert ask(app, method, "/admin", headers=headers).status == status


def test_a_preflight_with_a_path_that_is_no_utf8_is_refused() -> None:
    app = GuardMiddleware(says_who, guard=guard_for(POLICY), allow_preflight=True)
    assert ask(app, "OPTIONS", "/%ff", headers=PREFLIGHT).status == 400


def test_a_method_in_small_letters_is_another_method() -> None:
    assert ask(GuardMiddleware(says_who, guard=guard_for(POLICY)), "get", "/projects/alloys", "olga").status == 403


def test_a_guard_that_only_decides_lets_no_token_in() -> None:
    guard = Guard(policy=guard_for(POLICY).policy)
    answer = ask(GuardMiddleware(says_who, guard=guard), "GET", "/who", "olga")
    assert (answer.status, answer.reason) == (500, "no_verifier")


# -- plain functions behind the door -----------------------------------------------------------------------


@authorize(groups=["Aurora:Research"])
def research() -> str:
    return current_principal().username


@authorize(requirement=permission("read", "Lost:x"))
def lost() -> str:
    raise AssertionError("nobody may come here")


def caller() -> str | None:
    """Who is bound to this thread now."""
    try:
        return current_principal().username
    except NoPrincipal:
        return None


@pytest.mark.usefixtures("used")
class TestPlainFunctions:
    """What `authorize` and `current_principal` see."""

    @pytest.fixture
    def used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(current, "used", True)

    def test_they_see_the_caller_of_the_request_and_nobody_afterwards(self) -> None:
        def app(environ: Any, start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [research().encode()]

        assert ask(GuardMiddleware(app, guard=guard_for(POLICY)), "GET", "/who", "olga").body == b"olga"
        assert caller() is None

    @pytest.mark.parametrize(
        ("function", "target", "user", "status"),
        [(research, "/who", "otto", 403), (research, "/health", "", 401), (lost, "/who", "olga", 503)],
    )
    @pytest.mark.parametrize("late", [False, True], ids=["at once", "in the body"])
    def test_their_refusal_is_the_answer(self, function: Any, target: str, user: str, status: int, late: bool) -> None:
        def at_once(environ: Any, start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [function()]

        def in_the_body(environ: Any, start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield function()

        app = GuardMiddleware(in_the_body if late else at_once, guard=guard_for(POLICY))
        answer = ask(app, "GET", target, user)
        assert (answer.status, answer.header("content-type")) == (status, "application/problem+json")
        assert caller() is None

    def test_a_body_that_was_begun_ends_with_the_fault(self) -> None:
        def app(environ: Any, start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"begun"
            yield research().encode()

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            if exc_info is not None:
                # What a server does whose headers are out (PEP 3333).
                raise exc_info[1]

        body = iter(GuardMiddleware(app, guard=guard_for(POLICY))(_environ("otto"), start_response))
        assert next(body) == b"begun"
        with pytest.raises(NotAuthorized):
            next(body)
        assert caller() is None

    def test_the_caller_is_bound_while_the_body_is_made_and_closed_only(self) -> None:
        seen: list[str | None] = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                seen.append(caller())
                yield b"a"
                seen.append(caller())

            def close(self) -> None:
                seen.append(caller())

        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return Body()

        body: Any = GuardMiddleware(app, guard=guard_for(POLICY))(_environ("olga"), lambda *args: lambda data: None)
        between = [caller() for _ in body]
        body.close()
        assert seen == ["olga", "olga", "olga"]
        assert [*between, caller()] == [None, None]

    def test_a_body_without_close_is_closed_in_peace(self) -> None:
        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return iter([b"a", b"b"])

        assert ask(GuardMiddleware(app, guard=guard_for(POLICY)), "GET", "/who", "olga").body == b"ab"

    def test_a_list_stays_a_list(self) -> None:
        """Servers take the length of a list of one for the length of the response."""
        body = GuardMiddleware(says_who, guard=guard_for(POLICY))(_environ("olga"), lambda *args: lambda data: None)
        assert body == [b"olga"]

    def test_a_fault_leaves_nobody_behind(self) -> None:
        def app(environ: Any, start_response: Any) -> list[bytes]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            ask(GuardMiddleware(app, guard=guard_for(POLICY)), "GET", "/who", "olga")
        assert caller() is None

    def test_an_anonymous_request_replaces_the_caller_before(self) -> None:
        def app(environ: Any, start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [repr(current_principal()).encode()]

        guard = guard_for(POLICY)
        with guard.acting_as(Principal(issuer="i", subject="s", username="olga")):
            assert ask(GuardMiddleware(app, guard=guard), "GET", "/health").body == b"Principal.anonymous"


def test_a_fault_of_a_directory_is_answered_without_authorize_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "used", False)
    guard = guard_for(POLICY)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        return [str(guard.permissions(principal(environ), "Lost:x")).encode()]

    answer = ask(GuardMiddleware(app, guard=guard), "GET", "/who", "olga")
    assert (answer.status, answer.header("retry-after")) == (503, "5")


def test_over_a_socket_the_answers_are_the_same() -> None:
    with served(GuardMiddleware(says_who, guard=guard_for(POLICY))) as door:
        bearer = [("Authorization", authorization("olga").encode())]
        assert door.request("GET", "/who", bearer).body == b"olga"
        assert door.request("GET", "/who").status == 401
        assert door.request("HEAD", "/who").body == b""
        assert door.request("GET", "/who", bearer * 2).status == 400
        assert door.request("GET", "/public/../admin").status == 400
        assert door.request("GET", "/public//admin", bearer).status == 400
        assert door.request("POST", "/admin", body=b"x" * 100_000).status == 401


def _environ(user: str) -> dict[str, Any]:
    return wsgi_environ("GET", "/who", [("Authorization", authorization(user).encode())])
