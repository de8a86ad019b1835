"""Performing a call: what is sent again and what is not, and what becomes of Carta's refusals."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cartaguard.carta import ApiTokenLogin, AsyncCartaClient, CartaClient, TokenLogin
from cartaguard.carta.endpoint import wait
from cartaguard.carta.operation import Operation
from cartaguard.carta.paths import UnaskableError
from cartaguard.carta.reading import ignored
from cartaguard.drivers import aio, blocking
from cartaguard.errors import (
    CartaDuplicate,
    CartaError,
    CartaForbidden,
    CartaInvalid,
    CartaNotFound,
    CartaUnauthorized,
    CartaUnavailable,
    LoginError,
    WouldBlock,
)
from support.canary import CANARY, secrets_in
from support.clients import Ask, pauses_in
from support.recorder import Recorder
from support.served import Answer

LOGIN = TokenLogin("token-1")
GOOD = Answer.of({"name": "olga"})


def who(carta: Any) -> Any:
    return carta.users.current()


# -- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, b'{"error": "User already exists"}', CartaDuplicate, "User already exists"),
        (400, b'{"error": "duplicate record"}', CartaDuplicate, "duplicate record"),
        (400, b'{"error": "Duplicate token"}', CartaDuplicate, "Duplicate token"),
        (409, b"", CartaDuplicate, ""),
        (400, b'{"error": "group not found"}', CartaNotFound, "group not found"),
        (400, b'{"error": "must provide baseUrl through query"}', CartaInvalid, "must provide baseUrl through query"),
        (422, b'{"message": "no"}', CartaInvalid, "no"),
        (400, b"plain words", CartaInvalid, "plain words"),
        (400, b"", CartaInvalid, ""),
        (400, b"[1]", CartaInvalid, ""),
        (400, b'{"error": {"a": 1}}', CartaInvalid, ""),
        (400, b"\xff", CartaInvalid, "\ufffd"),
        (400, b"a\r\nb\x1b[31mc\xe2\x80\xaed", CartaInvalid, "a  b [31mc d"),
        (400, b'{"error": "' + b"x" * 5000 + b'"}', CartaInvalid, "x" * 1000),
        (400, b"[" * 5000, CartaInvalid, "[" * 1000),
        (401, b'{"error": "expired"}', CartaUnauthorized, "expired"),
        (403, b'{"error": "not yours"}', CartaForbidden, "not yours"),
        (404, b'{"error": "no such thing"}', CartaNotFound, "no such thing"),
        (405, b"", CartaError, ""),
        (302, b"", CartaError, ""),
        (429, b"", CartaUnavailable, ""),
        (500, b'{"error": "broken"}', CartaUnavailable, "broken"),
        (501, b"", CartaUnavailable, ""),
    ],
)
def test_a_refusal_is_an_exception_that_keeps_cartas_words(
    recorder: Recorder, ask: Ask, status: int, body: bytes, kind: type[CartaError], text: str
) -> None:
    recorder.usual = Answer(status, body)
    with pytest.raises(CartaError) as caught:
        ask(recorder.url, LOGIN, lambda c: c.groups.create("Org:Team"))
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.text) == (status, text)
    assert f"`POST user/group/Org%3ATeam` with {status}" in str(caught.value)
    assert text in str(caught.value)


def test_a_call_of_nobody_says_that_a_login_is_missing(recorder: Recorder, ask: Ask) -> None:
    with pytest.raises(LoginError) as caught:
        ask(recorder.url, None, who)
    assert caught.value.code == "no_login"
    assert recorder.requests == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"name": 1}', b"<html>"])
def test_an_answer_that_is_not_cartas_is_malformed(recorder: Recorder, ask: Ask, body: bytes) -> None:
    recorder.usual = Answer(200, body)
    with pytest.raises(CartaError) as caught:
        ask(recorder.url, LOGIN, who)
    assert caught.value.code == "carta_malformed"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda c: c.users.is_authenticated(), "true"),
        (lambda c: c.resources.types(), [1]),
        (lambda c: c.resources.types(), {}),
        (lambda c: c.graph.held("a", "b"), {"read": "yes"}),
        (lambda c: c.graph.direct("a", "b"), {"user": []}),
        (lambda c: c.graph.get("a"), {"id": "a", "name": "n", "labels": "x"}),
        (lambda c: c.tokens.list(), [{"name": "a", "token": "k", "uses": True}]),
        (lambda c: c.tokens.list(), [{"name": "a", "token": "k", "expires": "soon"}]),
        (lambda c: c.tokens.list(), [{"name": "a", "token": "k", "revoked": 1}]),
        (lambda c: c.pool.password_policy(), {}),
        (lambda c: c.pool.password_policy(), {"minimumLength": "16"}),
        (lambda c: c.permissions.show("p1"), [{"userId": "olga", "userType": "User", "permission": '"Read"'}]),
        (lambda c: c.resources.get("Project", "p1"), {"id": "p2"}),
    ],
)
def test_every_answer_is_read_strictly(recorder: Recorder, ask: Ask, call: Callable[[Any], Any], answer: object) -> None:
    recorder.usual = Answer.of(answer)
    with pytest.raises(CartaError) as caught:
        ask(recorder.url, LOGIN, call)
    assert caught.value.code == "carta_malformed"


def test_somebody_whom_carta_does_not_take_is_not_authenticated(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(401)
    assert ask(recorder.url, LOGIN, lambda c: c.users.is_authenticated()) is False
    recorder.usual = Answer.of(False)
    assert ask(recorder.url, LOGIN, lambda c: c.users.is_authenticated()) is False


# -- sending again --------------------------------------------------------------------------------------

REPEATABLE: list[Callable[[Any], Any]] = [
    who,
    lambda c: c.permissions.grant("p1", "olga", "User"),
    lambda c: c.permissions.revoke("p1", "olga"),
    lambda c: c.secrets.put("name", "value"),
]
ONCE: list[Callable[[Any], Any]] = [
    lambda c: c.groups.create("Org:Team"),
    lambda c: c.users.create("olga"),
    lambda c: c.services.rename("ns", "a", "b"),
    lambda c: c.tokens.create("ci", ["GET /user"]),
]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("call", REPEATABLE)
def test_what_may_be_repeated_is_sent_again_after_growing_pauses(
    recorder: Recorder, ask: Ask, status: int, call: Callable[[Any], Any]
) -> None:
    pauses: list[float] = []
    recorder.answers = [Answer(status)] * 3
    recorder.usual = GOOD
    ask(recorder.url, LOGIN, call, pause=pauses_in(pauses))
    assert len(recorder.requests) == 4
    assert pauses == [0.25, 0.5, 1.0]
    assert len({(request.method, request.target, request.body) for request in recorder.requests}) == 1


@pytest.mark.parametrize("call", ONCE)
def test_what_may_not_be_repeated_is_sent_once(recorder: Recorder, ask: Ask, call: Callable[[Any], Any]) -> None:
    recorder.usual = Answer(503)
    with pytest.raises(CartaUnavailable):
        ask(recorder.url, LOGIN, call, pause=pauses_in([]))
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 501])
def test_an_answer_that_will_not_change_is_not_asked_for_again(recorder: Recorder, ask: Ask, status: int) -> None:
    recorder.usual = Answer(status)
    with pytest.raises(CartaError):
        ask(recorder.url, LOGIN, who, pause=pauses_in([]))
    assert len(recorder.requests) == 1


def test_after_four_sendings_it_is_over(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(503, b'{"error": "busy"}')
    with pytest.raises(CartaUnavailable, match="busy"):
        ask(recorder.url, LOGIN, who, pause=pauses_in([]))
    assert len(recorder.requests) == 4


@pytest.mark.parametrize(("asked", "waited"), [("3", 3.0), ("0", 0.25), ("3600", 10.0), ("-1", 0.25), ("soon", 0.25)])
def test_a_server_says_how_long_to_wait_within_limits(recorder: Recorder, ask: Ask, asked: str, waited: float) -> None:
    pauses: list[float] = []
    recorder.answers = [Answer(503, headers={"Retry-After": asked})]
    recorder.usual = GOOD
    ask(recorder.url, LOGIN, who, pause=pauses_in(pauses))
    assert pauses == [waited]


def test_a_server_that_is_not_there_is_tried_again_if_the_call_may_be(ask: Ask) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for call, times in ((who, 3), (ONCE[0], 0)):
            pauses: list[float] = []
            with pytest.raises(CartaUnavailable, match="could not be reached"):
                ask(host, LOGIN, call, pause=pauses_in(pauses))
            assert len(pauses) == times


def test_a_redirect_elsewhere_is_not_followed_and_not_tried_again(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(302, headers={"Location": "http://localhost:9/"})
    with pytest.raises(CartaUnavailable, match="redirects"):
        ask(recorder.url, LOGIN, who, pause=pauses_in([]))
    assert len(recorder.requests) == 1


def test_a_redirect_within_carta_is_followed(recorder: Recorder, ask: Ask) -> None:
    recorder.answers = [Answer(307, headers={"Location": "/api/user"})]
    recorder.usual = GOOD
    assert ask(recorder.url, LOGIN, who).name == "olga"
    assert recorder.requests[1].headers["authorization"] == "Bearer token-1"


def test_the_usual_pause_lets_time_pass_in_both_colours() -> None:
    import asyncio

    blocking.run(wait(0))
    asyncio.run(aio.run(wait(0)))


# -- names ----------------------------------------------------------------------------------------------

HOSTILE = [
    "a/b",
    "a?b=c",
    "a#b",
    "a b",
    "50%",
    "%2e%2e",
    "%2F",
    "a\\b",
    "ä",
    "a&b",
    "a+b",
    "a;b",
    "a:b:c",
    "a\r\nX-Evil: 1",
    "\0",
    "...",
    "a//b",
    "😀",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_segment_whatever_is_in_it(recorder: Recorder, ask: Ask, name: str) -> None:
    recorder.usual = Answer.of([])
    ask(recorder.url, LOGIN, lambda c: c.groups.add_member(name, name))
    ask(recorder.url, LOGIN, lambda c: c.users.search(name))
    posted, searched = recorder.requests
    assert posted.segments == ("user", "group", name, name)
    assert posted.query == {}
    assert searched.query["attributeValue"] == name
    assert not any("x-evil" in request.headers for request in recorder.requests)


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "..\\b", "\ud800"])
def test_a_name_that_no_path_can_carry_is_not_asked_about(recorder: Recorder, ask: Ask, name: str) -> None:
    with pytest.raises(UnaskableError):
        ask(recorder.url, LOGIN, lambda c: c.groups.members(name))
    assert recorder.requests == []


# -- secrets --------------------------------------------------------------------------------------------


def test_a_server_that_repeats_a_secret_does_not_get_it_into_the_exception(
    recorder: Recorder, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder.usual = Answer(400, b'{"error": "the value ' + CANARY.encode() + b' is bad"}')
    for login, call in (
        (TokenLogin(CANARY), who),
        (ApiTokenLogin(CANARY), who),
        (LOGIN, lambda c: c.secrets.put("name", CANARY)),
        (LOGIN, lambda c: c.services.call("ns", "one", headers={"X-Key": f"Basic {CANARY}"})),
        (LOGIN, lambda c: c.services.call("ns", "one", headers={"X-Key": CANARY})),
    ):
        with pytest.raises(CartaInvalid) as caught:
            ask(recorder.url, login, call)
        told = "".join(traceback.format_exception(caught.value))
        assert not secrets_in(f"{told} {caught.value!r} {caught.value.text} {vars(caught.value)}")
    assert not secrets_in(caplog.text)


def test_no_secret_is_in_an_error_of_the_transport(ask: Ask) -> None:
    with pytest.raises(CartaUnavailable) as caught:
        ask("http://127.0.0.1:9", TokenLogin(CANARY), lambda c: c.secrets.put("name", CANARY), pause=pauses_in([]))
    assert not secrets_in("".join(traceback.format_exception(caught.value)))
    assert caught.value.__suppress_context__


# -- clients --------------------------------------------------------------------------------------------


def test_a_client_of_ones_own_is_used_and_not_closed(recorder: Recorder) -> None:
    recorder.usual = GOOD
    with httpx.Client(headers={"User-Agent": "mine"}) as http:
        with CartaClient(recorder.url, LOGIN, http=http) as carta:
            carta.users.current()
        assert not http.is_closed
    assert recorder.requests[0].headers["user-agent"] == "mine"


def test_connections_of_its_own_end_with_the_block(recorder: Recorder) -> None:
    import asyncio

    recorder.usual = GOOD
    with CartaClient(recorder.url, LOGIN) as carta:
        held = carta._carta.client
        carta.users.current()
    assert held.is_closed
    assert carta.users.current().name == "olga"
    carta.close()

    async def main() -> None:
        async with AsyncCartaClient(recorder.url, LOGIN) as other:
            mine = other._carta.client
            await other.users.current()
        assert mine.is_closed
        http = httpx.AsyncClient()
        async with AsyncCartaClient(recorder.url, LOGIN, http=http) as other:
            await other.users.current()
        assert not http.is_closed
        await http.aclose()

    asyncio.run(main())


def test_a_blocking_call_in_an_event_loop_names_the_other_client(recorder: Recorder) -> None:
    import asyncio

    async def main() -> None:
        CartaClient(recorder.url, LOGIN).users.current()

    with pytest.raises(WouldBlock, match="AsyncCartaClient"):
        asyncio.run(main())


def test_any_operation_can_be_performed(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(204)
    assert ask(recorder.url, LOGIN, lambda c: c.call(Operation("DELETE", ("workspace", "w1"), ignored))) is None
    assert [request.path for request in recorder.requests] == ["/workspace/w1"]


def test_a_client_says_where_it_asks() -> None:
    assert repr(CartaClient("https://c.example/", LOGIN)) == "<CartaClient of https://c.example>"
    assert AsyncCartaClient("https://c.example/").host == "https://c.example"
