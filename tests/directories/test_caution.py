"""Caution: a service that fails is left alone, a question that breaks it only for itself."""

from __future__ import annotations

import pytest

from cartaguard.directories.caution import Caution
from cartaguard.errors import FactsUnavailable
from support.tokens import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def caution(clock: Clock) -> Caution:
    return Caution("https://carta.example", clock)


def test_a_service_that_cannot_be_reached_is_left_alone_for_every_question(caution: Caution, clock: Clock) -> None:
    caution.unreachable()
    for question in ("a", "b"):
        with pytest.raises(FactsUnavailable) as caught:
            caution.check(question)
        assert (caught.value.code, caught.value.retry_after) == ("carta_unavailable", 2)
    clock.now += 1
    caution.check("a")


def test_a_question_that_fails_is_left_alone_and_the_others_are_not(caution: Caution, clock: Clock) -> None:
    caution.failed("bad")
    with pytest.raises(FactsUnavailable):
        caution.check("bad")
    caution.check("good")
    clock.now += 1
    caution.check("bad")


def test_an_answer_forgets_what_was_held_against_the_question_and_the_service(caution: Caution) -> None:
    caution.failed("a")
    caution.unreachable()
    caution.answered("a")
    caution.check("a")


def test_a_question_that_fails_shows_that_the_service_answers(caution: Caution) -> None:
    caution.unreachable()
    caution.failed("a")
    caution.check("b")


def test_failing_questions_are_remembered_within_a_bound_and_the_oldest_goes_first(caution: Caution) -> None:
    for number in range(1025):
        caution.failed(number)
    caution.check(0)
    with pytest.raises(FactsUnavailable):
        caution.check(1024)
    with pytest.raises(FactsUnavailable):
        caution.check(1)
