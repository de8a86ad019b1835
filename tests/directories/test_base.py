"""What every directory does out of the box."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cartaguard.directories.base import Aged, Directory, answered, at_hand, in_doubt, nothing
from cartaguard.drivers import aio, blocking
from cartaguard.errors import ConfigurationError, FactsUnavailable
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal

OLGA = Principal(issuer="https://a.example", subject="s-1", username="olga")
P1 = Resource("Project", "p1")
EMPTY: list[tuple[Need, Fact]] = [
    (GroupsNeed(OLGA), Memberships()),
    (PermissionNeed(OLGA, P1), Granted()),
    (OrganizationsNeed(OLGA), Organizations()),
    (RestrictionNeed(OLGA, P1), Known()),
    (ListingNeed(OLGA, "Project"), Listed()),
]
NEEDS = [need for need, _ in EMPTY]


@pytest.mark.parametrize(("need", "empty"), EMPTY)
def test_a_directory_knows_nothing_until_it_is_told_how(need: Need, empty: Fact) -> None:
    """Nothing is at hand, and what is fetched is empty, blocking and not."""
    directory = Directory()
    assert at_hand(directory, need) is None
    assert blocking.run(directory.fetch([need])) == {need: empty}
    assert asyncio.run(aio.run(directory.fetch([need]))) == {need: empty}
    assert asyncio.run(directory.aanswer([need])) == {need: empty}
    assert nothing(need) == empty
    assert in_doubt(need, "down") == type(empty)(doubt="down")
    assert not directory.remote
    assert not directory.uses_groups


@pytest.mark.parametrize(("told", "age"), [({}, 0.0), (Aged({}, 2.5), 2.5), (Aged({NEEDS[0]: Memberships()}, 2.5), 2.5)])
def test_how_much_earlier_something_had_been_asked_for_is_handed_on(told: Mapping[Need, Fact], age: float) -> None:
    class Telling(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            return told

    facts = blocking.run(answered(Telling(), NEEDS))
    assert (set(facts), facts.age) == (set(NEEDS), age)


def test_what_is_told_to_a_directory_that_keeps_nothing_has_no_effect() -> None:
    """Invalidation, qualification and the end are no errors."""
    directory = Directory()
    directory.invalidate(group="G")
    directory.qualify()
    directory.close()


def test_a_plain_function_is_enough() -> None:
    """Called in a thread where an event loop runs; or awaited if it is given as ``aanswer``."""

    class Plain(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            threads.append(threading.current_thread())
            return {need: Granted(Permission.READ) for need in needs}

    class Both(Plain):
        async def aanswer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            return {need: Granted(Permission.WRITE) for need in needs}

    threads: list[threading.Thread] = []
    need = PermissionNeed(OLGA, P1)
    assert blocking.run(Plain().fetch([need])) == {need: Granted(Permission.READ)}
    assert asyncio.run(aio.run(Plain().fetch([need]))) == {need: Granted(Permission.READ)}
    assert [thread is threading.main_thread() for thread in threads] == [True, False]
    assert asyncio.run(aio.run(Both().fetch([need]))) == {need: Granted(Permission.WRITE)}


def test_what_raises_is_in_doubt() -> None:
    """With the fault's code, whether it is raised in ``answer`` or in ``fetch``."""

    class Answers(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            raise FactsUnavailable(code="down")

    class Fetches(Directory):
        def fetch(self, needs: Sequence[Need]) -> Any:
            raise FactsUnavailable(code="down")
            yield

    doubts = {need: in_doubt(need, "down") for need in NEEDS}
    assert blocking.run(Answers().fetch(NEEDS)) == doubts
    for directory in (Answers(), Fetches()):
        assert blocking.run(answered(directory, NEEDS)) == doubts


def test_what_is_left_unanswered_is_in_doubt_and_what_comes_along_stays() -> None:
    """No answer is not a no."""

    class Partly(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            return {NEEDS[0]: Memberships(), NEEDS[2]: None, NEEDS[4]: Listed()}  # type: ignore[dict-item] # as plain functions may

    assert blocking.run(answered(Partly(), NEEDS[:3])) == {
        NEEDS[0]: Memberships(),
        NEEDS[1]: Granted(doubt="no_answer"),
        NEEDS[2]: in_doubt(NEEDS[2], "no_answer"),
        NEEDS[4]: Listed(),
    }


class _AsyncOnly(Directory):
    async def aanswer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        return {need: nothing(need) for need in needs}


def test_a_directory_for_asyncio_only_is_an_error_to_a_thread_and_not_an_empty_answer() -> None:
    """Who answers nothing there would deny everybody, and nobody would know why."""
    with pytest.raises(ConfigurationError) as fault:
        blocking.run(answered(_AsyncOnly(), [GroupsNeed(OLGA)]))
    assert fault.value.code == "async_only"
    assert asyncio.run(aio.run(answered(_AsyncOnly(), [GroupsNeed(OLGA)]))) == {GroupsNeed(OLGA): Memberships()}
