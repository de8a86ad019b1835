"""An exchange ends in time as a whole, whatever of it is slow, in both colours and with any client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextvars import ContextVar
from queue import SimpleQueue
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
from support.forked import in_child
from support.scripted import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()
    wait(_left_behind(), 20)
    assert all(outcome.done() for outcome in _left_behind()), "what is left behind ends with its server"


def _left_behind() -> list[Future[Any]]:
    return [outcome for outcomes in deadline._left.values() for outcome in outcomes]


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


def test_a_server_that_answers_nobody_holds_few_threads_and_is_asked_again_once_it_lets_go() -> None:
    let_go, begun = threading.Event(), []

    def hang() -> None:
        begun.append("begun")
        assert let_go.wait(20)

    for _ in range(LEFT_BEHIND):
        with pytest.raises(TimeoutError):
            within(0.01, hang, "s")
    for _ in range(10):
        with pytest.raises(TimeoutError, match="too many earlier exchanges"):
            within(20, hang, "s")
    assert within(20, lambda: "another server is asked all the same", "other")
    let_go.set()
    wait(_left_behind(), 20)
    assert within(20, lambda: "well again", "s") == "well again"
    assert len(begun) == LEFT_BEHIND
    assert "s" not in deadline._left, "nothing is kept of what has ended"


def test_a_server_that_was_given_up_is_asked_again(server: Server) -> None:
    server.behave = server.drip_headers
    assert fault_of(HttpRequest("GET", server.url, timeout=0.1), "blocking")[0] == "timeout"
    server.answers(body=b"well again")
    assert transport.send(HttpRequest("GET", server.url)).body == b"well again"


def test_work_is_done_in_the_callers_context_and_its_outcome_is_the_callers() -> None:
    span: ContextVar[str] = ContextVar("span")
    span.set("of the caller")
    assert within(20, span.get, "s") == "of the caller"
    with pytest.raises(LookupError, match="lost"):
        within(20, _lost, "s")
    with pytest.raises(KeyboardInterrupt):
        within(20, _interrupted, "s")
    assert "s" not in deadline._left


def test_a_thread_whose_work_is_done_waits_for_more_unless_enough_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    enough: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(deadline.IDLE)]
    monkeypatch.setattr(deadline, "_idle", list(enough))
    worker: SimpleQueue[Any] = SimpleQueue()
    done: list[str] = []
    worker.put(lambda: done.append("work"))
    deadline._serve(worker)
    assert (done, deadline._idle) == (["work"], enough)
    monkeypatch.setattr(deadline, "_idle", [])
    assert [within(20, lambda: "work", "s") for _ in range(50)] == ["work"] * 50


def test_a_child_has_no_thread_of_its_parents() -> None:
    assert within(20, lambda: "here", "s") == "here"
    assert in_child(lambda: f"{deadline._idle} {within(20, lambda: 'there', 's')}") == "[] there"


def _lost() -> None:
    raise LookupError("lost")


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_a_system_that_has_no_thread_left_is_no_usable_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(deadline, "_idle", [])
    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert fault_of(HttpRequest("GET", "http://127.0.0.1:1/"), "blocking")[0] == "transport"


def test_an_address_that_is_none_has_no_server() -> None:
    assert fault_of(HttpRequest("GET", "http://[none/"), "blocking")[0] == "transport"
