"""Breaker: back-off from 1 to 30 s, open after five failures in a row, one attempt at a time afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cartaguard.drivers.breaker import LEASE, WAITS, Breaker
from support.heard import hearing


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def test_a_fresh_breaker_lets_everybody_go(breaker: Breaker) -> None:
    assert [breaker.allow() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert not breaker.open


def test_waits_grow_from_1_to_30_seconds_and_the_fifth_failure_opens(breaker: Breaker, clock: Clock) -> None:
    seen: list[tuple[float, bool]] = []
    for _ in range(7):
        assert breaker.allow() == 0.0
        breaker.failure()
        seen.append((breaker.allow(), breaker.open))
        clock.now += seen[-1][0]
    assert seen == [(1.0, False), (2.0, False), (4.0, False), (8.0, False), (30.0, True), (30.0, True), (30.0, True)]


def test_the_wait_shrinks_as_time_goes_by(breaker: Breaker, clock: Clock) -> None:
    breaker.failure()
    clock.now += 0.25
    assert breaker.allow() == 0.75


def test_after_a_wait_one_attempt_goes_and_the_others_wait_for_it(breaker: Breaker, clock: Clock) -> None:
    breaker.failure()
    clock.now += WAITS[0]
    assert breaker.allow() == 0.0
    assert breaker.allow() == LEASE


def test_a_success_forgets_every_failure(breaker: Breaker, clock: Clock) -> None:
    for wait in WAITS:
        breaker.failure()
        clock.now += wait
        assert breaker.allow() == 0.0
    breaker.success()
    assert breaker.allow() == 0.0
    assert not breaker.open
    breaker.failure()
    assert breaker.allow() == WAITS[0]


def test_attempts_that_fail_together_count_once(breaker: Breaker) -> None:
    for _ in range(50):
        breaker.failure()
    assert breaker.allow() == WAITS[0]


@pytest.mark.parametrize("back", [31, 86400, 1e9])
def test_a_clock_that_is_set_back_makes_no_wait_longer_than_the_longest(breaker: Breaker, clock: Clock, back: float) -> None:
    for wait in WAITS:
        breaker.failure()
        clock.now += wait
        breaker.allow()
    breaker.failure()
    clock.now -= back
    assert breaker.wait() == 0
    assert breaker.allow() == 0
    assert breaker.allow() == LEASE, "one attempt goes, as after any wait"
    breaker.failure()
    assert breaker.wait() == WAITS[-1]


def test_an_attempt_that_never_tells_its_outcome_is_forgotten(breaker: Breaker, clock: Clock) -> None:
    breaker.failure()
    clock.now += WAITS[0]
    assert breaker.allow() == 0.0
    clock.now += LEASE
    assert breaker.allow() == 0.0
    breaker.failure()
    assert breaker.allow() == WAITS[1]


@pytest.mark.parametrize("source", ["https://carta.example", ""])
def test_a_breaker_with_a_source_reports_that_it_opens_and_closes(clock: Clock, source: str) -> None:
    """Each once, however many failures and successes follow; one without a source reports nothing."""
    breaker = Breaker(clock, source)
    with hearing() as heard:
        for _ in range(2):
            for wait in (*WAITS, WAITS[-1]):
                breaker.allow()
                breaker.failure()
                clock.now += wait
            breaker.success()
            breaker.success()
    assert heard == [(event, {"source": source}) for event in ("breaker_opened", "breaker_closed")] * (2 if source else 0)


def test_looking_at_a_breaker_claims_no_attempt(breaker: Breaker, clock: Clock) -> None:
    """A health check tells how long a service is left alone, and whether it was ever answered, and takes nobody's turn."""
    assert (breaker.wait(), breaker.failing, breaker.answered) == (0.0, False, False)
    breaker.success()
    assert (breaker.wait(), breaker.failing, breaker.answered) == (0.0, False, True)
    breaker.failure()
    assert (breaker.wait(), breaker.failing) == (1.0, True)
    clock.now += WAITS[0]
    assert (breaker.wait(), breaker.failing) == (0.0, True)
    assert breaker.allow() == 0.0
