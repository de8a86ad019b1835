"""An exchange ends in time as a whole, whatever of it is slow, in both colours and with any client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import httpx
import httpx2
import pytest

from cartaguard import errors
from cartaguard.drivers import deadline, transport
from cartaguard.drivers.deadline import LEFT_BEHIND, within
from cartaguard.drivers.effects import Steps
from cartaguard.http.exchange import HttpRequest, HttpResponse
from support.colours import COLOURS
from support.scripted import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()
    for thread in _left_behind():
        thread.join(20)
        assert not thread.is_alive(), "what is left behind ends with its server"


def _left_behind() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "cartaguard-exchange"]


def fault_of(request: HttpRequest, colour: str) -> tuple[str, str]:
    with pytest.raises(errors.TransportError) as caught:
        COLOURS[colour](_one(request))
    assert "canary" not in str(caught.value)
    return caught.value.code, str(caught.value)


def _one(request: HttpRequest) -> Steps[HttpResponse]:
    answer: HttpResponse = yield request
    return answer


@pytest.mark.parametrize("what", ["stall", "drip_headers", "drip"])
@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
def test_whatever_is_slow_the_whole_exchange_ends_at_its_deadline(colour: str, what: str, server: Server) -> None:
    server.behave = getattr(server, what)
    code, said = fault_of(HttpRequest("GET", server.url, timeout=0.1), colour)
    assert (code, "within 0.1 s" in said) == ("timeout", True)


class _Simple:
    """A client with no more than ``get``, that waits for its whole answer."""

    def get(self, url: str, **options: Any) -> Any:
        with httpx.Client() as client:
            return client.get(url, **options)


@pytest.mark.parametrize("kind", [httpx.Client, httpx2.Client, _Simple])
def test_a_client_of_the_users_own_is_given_no_more_time(kind: type[Any], server: Server) -> None:
    server.behave = server.drip_headers
    assert fault_of(HttpRequest("GET", server.url, timeout=0.1, client=kind()), "blocking")[0] == "timeout"


def test_a_server_that_answers_nobody_holds_few_threads_and_is_asked_again_once_it_lets_go(server: Server) -> None:
    server.behave = server.drip_headers
    request = HttpRequest("GET", server.url, timeout=0.05)
    for _ in range(LEFT_BEHIND):
        assert fault_of(request, "blocking")[0] == "timeout"
    assert len(server.asked) == LEFT_BEHIND
    for _ in range(10):
        assert fault_of(request, "blocking")[0] == "timeout"
    assert (len(server.asked), len(_left_behind())) == (LEFT_BEHIND, LEFT_BEHIND)
    other = Server()
    other.answers(body=b"another server is asked all the same")
    assert transport.send(HttpRequest("GET", other.url)).status == 200
    other.close()
    server.over.set()
    for thread in _left_behind():
        thread.join(20)
    server.over.clear()
    server.answers(body=b"well again")
    assert transport.send(HttpRequest("GET", server.url)).body == b"well again"
    assert server.url.partition("/facts")[0] not in deadline._left, "nothing is kept of threads that have ended"


def test_work_is_done_in_the_callers_context_and_its_outcome_is_the_callers() -> None:
    span: ContextVar[str] = ContextVar("span")
    span.set("of the caller")
    assert within(20, span.get, "s") == "of the caller"
    with pytest.raises(LookupError, match="lost"):
        within(20, _lost, "s")
    with pytest.raises(KeyboardInterrupt):
        within(20, _interrupted, "s")
    assert "s" not in deadline._left


def _lost() -> None:
    raise LookupError("lost")


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_a_system_that_has_no_thread_left_is_no_usable_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert fault_of(HttpRequest("GET", "http://127.0.0.1:1/"), "blocking")[0] == "transport"


def test_an_address_that_is_none_has_no_server() -> None:
    assert fault_of(HttpRequest("GET", "http://[none/"), "blocking")[0] == "transport"
