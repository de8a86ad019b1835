"""A forked process: clients, locks and flights of its own, whatever its parent was doing just then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from cartaguard import Issuer, RemoteKeys, TokenVerifier
from cartaguard.drivers import transport
from cartaguard.drivers.flights import Flights
from support.forked import in_child
from support.keys import jwks, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, Clock, token_for

PATH = "/keys"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        server.answers[PATH] = Answer.of(jwks(rsa_key()))
        yield server


@pytest.fixture
def verifier(served: Served) -> TokenVerifier:
    return TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(served.url + PATH))], clock=Clock())


def _verify(verifier: TokenVerifier, colour: str) -> str:
    if colour == "blocking":
        return verifier.verify(token_for()).subject

    async def main() -> str:
        return (await verifier.averify(token_for())).subject

    return asyncio.run(main())


class _Held(AbstractContextManager[None]):
    """A lock that another thread holds for as long as the block lasts."""

    def __init__(self, lock: Any) -> None:
        self._lock, self._held, self._over = lock, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with self._lock:
            self._held.set()
            self._over.wait()

    def __enter__(self) -> None:
        self._thread.start()
        self._held.wait()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
def test_a_lock_that_was_held_when_the_process_forked_stops_nobody_in_the_child(verifier: TokenVerifier, colour: str) -> None:
    keys: Any = verifier._issuers[0].keys
    with ExitStack() as held:
        for lock in (transport._lock, keys._document._flights._lock):
            held.enter_context(_Held(lock))
        assert in_child(lambda: _verify(verifier, colour)) == "sub-olga"
    assert _verify(verifier, colour) == "sub-olga", "the parent keeps its own"


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
def test_a_child_waits_for_no_fetch_that_its_parent_has_under_way(verifier: TokenVerifier, served: Served, colour: str) -> None:
    served.gate.clear()
    outcome: list[str] = []
    leader = threading.Thread(target=lambda: outcome.append(_verify(verifier, "blocking")))
    leader.start()
    assert served.arrived.wait(10)

    def child() -> str:
        return _verify(verifier, colour)

    opener = threading.Thread(target=_open_for_the_second, args=(served,))
    opener.start()
    assert in_child(child) == "sub-olga"
    opener.join()
    leader.join()
    assert (outcome, served.count(PATH)) == (["sub-olga"], 2), "each of the two made a fetch of its own"


def _open_for_the_second(served: Served) -> None:
    """Let nobody have an answer before both processes have asked."""
    for _ in range(4000):
        if served.count(PATH) == 2:
            break
        threading.Event().wait(0.005)
    served.gate.set()


def test_a_child_has_flights_and_an_http_client_of_its_own(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_blocking", None)
    client, flights = transport._client(), Flights()
    assert flights.join("key")[1]
    assert in_child(lambda: f"{transport._client() is client} {flights.join('key')[1]} {flights.join('key')[1]}") == "False True False"
    assert transport._client() is client
    assert not flights.join("key")[1]
    client.close()
