"""Tokens and passwords stay out of everything that people read: bodies, logs, reprs, tracebacks, warnings."""

from __future__ import annotations

import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flask
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from cartaguard import Guard, Policy, asgi, authenticated, errors, permission, starlette, wsgi
from cartaguard.drivers import blocking
from cartaguard.fastapi import FastAPIGuard
from cartaguard.flask import FlaskGuard
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.model.principal import Principal
from support.canary import CANARY, Watch, secrets_in
from support.credentials import CREDENTIALS, headers_of
from support.doors import Answer, AsgiDoor, Door, Headers, WsgiDoor
from support.small_app import APPLICATIONS
from support.tokens import bearer, mint, token_for
from support.world import guard_of, vectors


def seen(fault: BaseException) -> str:
    """Everything that a log would show of a fault: its traceback with causes, its arguments and attributes."""
    text = "".join(traceback.format_exception(fault))
    return text + repr(fault) + str(fault) + repr(fault.args) + repr(vars(fault))


def text_of(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace") + repr(answer.headers)


@pytest.fixture(scope="module")
def doors() -> Iterator[dict[str, Door]]:
    opened = {name: door(make()) for name, (make, door) in APPLICATIONS.items()}
    yield opened
    for door in opened.values():
        door.close()


def secret_headers(credential: str) -> Headers:
    """A credential with the canary beside it."""
    return [*headers_of(credential), ("Cookie", f"session={CANARY}".encode()), ("X-Api-Key", CANARY.encode())]


ROUTES = ("/public", "/private", "/closed", "/projects/p1", "/hidden/p1", "/faraway/x", "/nowhere", "/static/../private")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_no_answer_holds_a_secret(doors: dict[str, Door], name: str) -> None:
    """Whatever the credential, good or bad, no body and no header of an answer holds any of it."""
    for credential in CREDENTIALS:
        for route in ROUTES:
            headers = secret_headers(credential)
            told = text_of(doors[name].request("GET", f"{route}?access_token={CANARY}", headers))
            assert secrets_in(told) == []
            for value in (value for header, value in headers if header == "Authorization"):
                words = [word for word in value.decode("latin-1").split() if len(word) > 20]
                assert not any(word in told for word in words)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_password_as_a_token_is_not_echoed(doors: dict[str, Door], name: str) -> None:
    """A password that somebody sent in place of a token is in no answer."""
    for value in (
        f"Bearer {CANARY}",
        f"Bearer {CANARY}.{CANARY}.{CANARY}",
        f"Bearer {CANARY} {CANARY}",
        CANARY,
        f"Basic {CANARY}",
        f"Bearer {CANARY},",
    ):
        assert secrets_in(text_of(doors[name].request("GET", "/private", [("Authorization", value.encode())]))) == []


class Crash(Exception):
    """What a broken application raises."""


async def crashing_asgi(scope: Any, receive: Any, send: Any) -> None:
    raise Crash(f"broken for {asgi.principal(scope)!r}")


def crashing_wsgi(environ: Any, start_response: Any) -> Any:
    raise Crash(f"broken for {wsgi.principal(environ)!r}")


async def crashing_endpoint(request: Request) -> Any:
    raise Crash(f"broken for {asgi.principal(request.scope)!r}")


def crashing_starlette() -> Door:
    routes = [Route("/x", starlette.requires(authenticated)(crashing_endpoint))]
    return AsgiDoor(Starlette(routes=routes, middleware=[Middleware(starlette.GuardMiddleware, guard=guard_of())]))


def crashing_fastapi() -> Door:
    app = FastAPI(openapi_url=None)
    carta = FastAPIGuard(guard_of())
    carta.install(app)
    app.get("/x", dependencies=[carta.requires(authenticated)])(crashing_endpoint)
    return AsgiDoor(app)


EVERYTHING = Policy.from_dict({"routes": [{"path": "/*", "require": {"authenticated": True}}]})
CRASHING: dict[str, Callable[[], Door]] = {
    "asgi": lambda: AsgiDoor(asgi.GuardMiddleware(crashing_asgi, guard=guard_of(EVERYTHING))),
    "wsgi": lambda: WsgiDoor(wsgi.GuardMiddleware(crashing_wsgi, guard=guard_of(EVERYTHING))),
    "starlette": crashing_starlette,
    "fastapi": crashing_fastapi,
}


@pytest.mark.parametrize("name", CRASHING)
def test_a_crash_behind_a_door_shows_no_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The traceback of an application that crashed behind the guard, which servers log, shows no token."""
    door = CRASHING[name]()
    with pytest.raises(Crash, match=r"broken for Principal\(") as raised:
        door.request("GET", "/x", secret_headers("olga"))
    door.close()
    assert secrets_in(seen(raised.value) + caplog.text) == []


def test_a_crash_in_a_framework_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Nor do the answer and the log of Flask, which handles the crash itself."""
    app = flask.Flask("crashing", static_folder=None)
    carta = FlaskGuard(guard_of())
    carta.init_app(app)

    @app.get("/x")
    @carta.requires(authenticated)
    def crash() -> str:
        raise Crash(f"broken for {carta.principal!r}")

    answer = WsgiDoor(app).request("GET", "/x", secret_headers("olga"))
    assert answer.status == 500
    assert secrets_in(text_of(answer) + caplog.text) == []
    assert "broken for Principal(" in caplog.text


def faults(guard: Guard) -> Iterator[errors.CartaGuardError]:
    """The fault of every bad credential."""
    for name in CREDENTIALS:
        try:
            guard.authenticate([value for _, value in headers_of(name)])
        except errors.CartaGuardError as fault:
            yield fault


def test_faults_show_no_secret() -> None:
    """No fault that a bad credential raises shows any of it, in its message, its arguments, its cause or its traceback."""
    found = list(faults(guard_of()))
    assert len(found) > 50
    for fault in found:
        assert secrets_in(seen(fault)) == []
        assert fault.__cause__ is None
        # A decoder's own fault would carry the bytes that it could not read.
        assert fault.__suppress_context__ or fault.__context__ is None


def objects() -> Sequence[object]:
    """Everything that knows a secret, or came from one."""
    guard = guard_of()
    principal = guard.authenticate(bearer(token_for("olga")))
    claims = guard.verifier.verify(token_for("olga")) if guard.verifier is not None else None
    request = HttpRequest("POST", "https://carta.example.org/user", {"Authorization": f"Bearer {CANARY}"}, CANARY.encode())
    response = HttpResponse(200, {"set-cookie": CANARY}, CANARY.encode())
    decision = guard.check(principal, permission("read", "Project:p1"))
    return (
        guard,
        guard.verifier,
        guard.directory,
        principal,
        principal.credential,
        claims,
        request,
        response,
        decision,
        decision.explain(),
    )


def test_reprs_show_no_secret() -> None:
    """What stands in a debugger, a log or a failing assertion is free of secrets."""
    for thing in objects():
        assert secrets_in(f"{thing!r} {thing}") == []


def test_a_principal_is_stored_without_its_token() -> None:
    """A principal that is pickled (for a queue, a cache) leaves its token behind, and a credential cannot be pickled."""
    principal = guard_of().authenticate(bearer(token_for("olga")))
    assert token_for("olga").encode() not in pickle.dumps(principal)
    restored: Principal = pickle.loads(pickle.dumps(principal))
    assert restored == principal
    assert restored.credential is None
    with pytest.raises(TypeError):
        pickle.dumps(principal.credential)


def test_no_warning_shows_a_secret(doors: dict[str, Door]) -> None:
    """Nothing is warned of with a secret in it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for door in doors.values():
            for credential in ("olga", "tampered", "header twice", "bytes beyond ASCII"):
                door.request("GET", "/private", secret_headers(credential))
    assert [str(warning.message) for warning in caught if secrets_in(str(warning.message))] == []


def test_the_watch_sees_what_it_should() -> None:
    """The fixture that fails a test for a logged secret sees messages, arguments, extras and tracebacks."""
    log, watch = logging.getLogger("watched"), Watch()
    log.addHandler(watch)
    log.setLevel(logging.INFO)
    # Or the fixture's own would fail this very test.
    log.propagate = False
    token = mint({"sub": "x"})
    log.info("hello %s", "world")
    assert watch.leaks == []
    log.info("token %s", token)
    log.info(CANARY)
    log.info("extra", extra={"password": CANARY})
    try:
        blocking.run(_raising(token), twin="nothing")
    except ValueError:
        log.exception("failed")
    # Once in the message and once in its arguments.
    assert len(watch.leaks) == 5
    assert not any(token in leak for leak in watch.leaks)


def _raising(token: str) -> Any:
    yield from ()
    raise ValueError(f"bad {token}")


def test_the_file_of_cases_holds_no_token() -> None:
    """Tokens are made with real keys when tests run, and none is stored."""
    assert secrets_in(repr(vectors())) == []
