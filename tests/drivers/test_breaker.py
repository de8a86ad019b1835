"""Breaker: back-off from 1 to 30 s, open after five failures in a row, one attempt at a time afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cartaguard.drivers.breaker import LEASE, WAITS, Breaker


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


def test_an_attempt_that_never_tells_its_outcome_is_forgotten(breaker: Breaker, clock: Clock) -> None:
    breaker.failure()
    clock.now += WAITS[0]
    assert breaker.allow() == 0.0
    clock.now += LEASE
    assert breaker.allow() == 0.0
    breaker.failure()
    assert breaker.allow() == WAITS[1]
