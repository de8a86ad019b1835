"""The demo's questions: whatever comes back is an answer that can be compared, and never an exception."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from cartaguard.devserver.demo.asking import ask
from cartaguard.devserver.demo.expected import CALLERS, ROUTES, Answer
from cartaguard.devserver.demo.servers import WsgiServer
from cartaguard.devserver.server import Listener

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

TOKENS = {caller.user: f"token-of-{caller.user}" for caller in CALLERS if caller.user is not None}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"caller": "olga"}', Answer(200, "", "olga")),
        (b'{"reason": "lacks_permission"}', Answer(200, "lacks_permission")),
        (b"[]", Answer(200, "no_object")),
        (b"<html>", Answer(200, "no_json")),
    ],
)
def test_a_body_is_read_as_what_it_is(body: bytes, answer: Answer) -> None:
    """A caller, a reason, or the word for what is neither."""

    def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    server = WsgiServer(application)
    try:
        assert list(ask(server.url, TOKENS)) == [[answer] * len(CALLERS)] * len(ROUTES)
    finally:
        server.stop()


def test_a_server_that_is_gone_is_an_answer_too() -> None:
    """A refused connection gives status 0 and the name of the fault."""
    listener = Listener("127.0.0.1", 0)
    listener.socket.close()
    assert next(ask(listener.url, TOKENS))[0] == Answer(0, "ConnectError")


def test_each_caller_sends_his_own_token_and_the_anonymous_none() -> None:
    """What the application gets to see is method, path and token of the table."""
    seen: list[tuple[str, str, str | None]] = []

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION")))
        start_response("200 OK", [("Content-Length", "2")])
        return [b"{}"]

    server = WsgiServer(application)
    try:
        list(ask(server.url, TOKENS))
    finally:
        server.stop()
    tokens = [None, *(f"Bearer token-of-{name}" for name in ("otto", "greta", "edda", "adam", "olga"))]
    assert seen == [(route.method, route.path, token) for route in ROUTES for token in tokens]
