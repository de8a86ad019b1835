"""Trouble with Carta, its keys and its facts at once, made on the wire and by killing it: slower or 503, and never a wrong allow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cartaguard import Guard, Issuer, TokenVerifier, permission
from cartaguard.directories.carta import CartaDirectory
from cartaguard.errors import Unavailable
from cartaguard.model.decision import Decision
from support.carta import Carta
from support.colours import COLOURS
from support.relay import Relay, Trouble
from support.tokens import bearer

pytestmark = pytest.mark.server

READ = permission("read", "Project:alloys")

#: Seconds within which something that is going to happen has happened, on any machine.
PATIENCE = 60.0


@pytest.fixture(scope="module")
def carta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carta]:
    carta = Carta(tmp_path_factory.mktemp("carta"))
    yield carta
    carta.kill()


class Door:
    """A guard whose Carta is behind a relay. Its cache's clock is the test's; nothing else knows of it."""

    def __init__(self, carta: Carta, relay: Relay, colour: str) -> None:
        self._tokens = {name: bearer(carta.token(name)) for name in ("greta", "otto")}
        self._ahead = 0.0
        host = f"http://127.0.0.1:{relay.port}"
        verifier = TokenVerifier([Issuer.carta(host)])
        self._guard = Guard(verifier=verifier, directory=CartaDirectory(host, timeout=0.5), clock=self._now)
        self._run: Callable[[Any], Any] = COLOURS[colour]

    def _now(self) -> float:
        return time.time() + self._ahead

    def forget(self) -> None:
        """Let every remembered fact be too old."""
        self._ahead += 61

    def ask(self, name: str) -> Decision | Unavailable:
        """What a request of this caller comes to."""
        try:
            principal = self._run(self._guard.authenticate_steps(self._tokens[name]))
            [decision] = self._run(self._guard._many(principal, [READ]))
        except Unavailable as fault:
            return fault
        assert isinstance(decision, Decision)
        return decision

    def verdicts(self) -> tuple[bool | None, bool | None]:
        """Who is let in: greta, who may, and otto, who may not. ``None``: it cannot be told, which is a 503."""
        told = [self.ask(name) for name in ("greta", "otto")]
        greta, otto = (None if isinstance(one, Unavailable) or one.indeterminate else one.permitted for one in told)
        return greta, otto


@pytest.fixture(params=["blocking", "asyncio"])
def door(request: pytest.FixtureRequest, carta: Carta) -> Iterator[tuple[Door, Relay]]:
    with Relay(carta.port) as relay:
        yield Door(carta, relay, request.param), relay


@contextmanager
def recovering(door: Door) -> Iterator[None]:
    """Afterwards it works again by itself, as soon as Carta is no longer left alone."""
    yield
    deadline = time.monotonic() + PATIENCE
    while door.verdicts() != (True, False):
        assert time.monotonic() < deadline, "it did not recover"
        time.sleep(0.05)


@pytest.mark.parametrize("trouble", ["stall", "cut", "garbage", "reset", "closed"])
def test_trouble_from_the_first_request_on_is_503_and_passes(door: tuple[Door, Relay], trouble: Trouble) -> None:
    """Neither keys nor facts can be had, so that nobody is known; few try, whoever asks."""
    guard, relay = door
    with recovering(guard):
        relay.trouble = trouble
        assert {guard.verdicts() for _ in range(20)} == {(None, None)}
        assert relay.connections <= 12
        relay.trouble = ""


@pytest.mark.parametrize("trouble", ["stall", "cut", "garbage", "reset", "closed"])
def test_trouble_later_on_leaves_what_is_fresh_and_is_503_after_that(door: tuple[Door, Relay], trouble: Trouble) -> None:
    """A good token is still known by the keys at hand, and what is remembered of greta serves for as long as it always does."""
    guard, relay = door
    assert guard.verdicts() == (True, False)
    with recovering(guard):
        relay.trouble = trouble
        assert guard.verdicts()[0] is True
        guard.forget()
        before = relay.connections
        assert {guard.verdicts() for _ in range(20)} == {(None, None)}
        assert relay.connections - before <= 12
        relay.trouble = ""


def test_a_carta_that_is_killed_is_503_until_it_is_there_again(carta: Carta, door: tuple[Door, Relay]) -> None:
    """Killed in the middle of its work, and started again on the same file."""
    guard, _ = door
    assert guard.verdicts() == (True, False)
    with recovering(guard):
        carta.kill()
        try:
            guard.forget()
            assert {guard.verdicts() for _ in range(20)} == {(None, None)}
        finally:
            carta.start()


@pytest.mark.parametrize("hours", [-24, -1, 1])
def test_a_clock_that_is_moved_lets_nobody_in_who_may_not(door: tuple[Door, Relay], hours: int) -> None:
    """Facts from the future, or from long ago, are asked for again."""
    guard, relay = door
    assert guard.verdicts() == (True, False)
    guard._ahead += hours * 3600
    assert guard.verdicts() == (True, False)
    relay.trouble = "closed"
    guard._ahead -= hours * 3600
    greta, otto = guard.verdicts()
    assert greta is not False
    assert otto is not True
