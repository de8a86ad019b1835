"""Which rounds count, by how quick the machine was meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import workers
from benchmarks.pace import Timed, enough, pace, quick, quickest


def rounds(*paces: float) -> list[Timed]:
    return [Timed(one, [(number, number)]) for number, one in enumerate(paces)]


@pytest.mark.parametrize(
    ("paces", "wanted", "counting", "more"),
    [
        ((10, 11, 11.1, 20), 4, [0, 1], True),
        ((10, 11, 11.1, 20), 3, [0, 1], False),
        ((10, 10, 10), 3, [0, 1, 2], False),
        # So few that they say nothing: then the machine is like that.
        ((10, 20, 20, 20), 4, [0, 1, 2, 3], True),
        ((10, 20, 20, 20), 3, [0], True),
        ((20, 20), 2, [0, 1], True),
        ((), 3, [], True),
    ],
)
def test_rounds_at_a_much_slower_pace_do_not_count_unless_they_are_most(
    paces: tuple[float, ...], wanted: int, counting: list[int], more: bool
) -> None:
    """Until enough of those that are wanted were quick, there are more."""
    assert [int(bare) for bare, _ in quick(rounds(*paces), 10, wanted)] == counting
    assert enough(rounds(*paces), 10, wanted) is not more


def test_a_pace_is_the_time_of_a_turn() -> None:
    found = [pace() for _ in range(3)]
    assert 0 < min(found) < 100_000
    assert 0 < quickest() <= min(found)


def test_the_best_pace_is_that_of_all_that_was_measured_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that fell wholly into a slow phase is noticed to have done so."""
    paces = iter([20.0] * 4)
    monkeypatch.setattr(workers, "pace", lambda: next(paces))
    monkeypatch.setattr(workers, "quickest", lambda: 10.0)

    class Asked:
        def round(self, cell: str, pairs: int) -> list[tuple[float, float]]:
            return [(1, pairs)]

    asked: list[tuple[str, Any, list[str]]] = [("a", Asked(), ["one"])]
    assert len(workers.rounds(asked, number=1, pairs=7)["a", "one"]) == 3


def test_a_round_has_the_slower_pace_of_before_and_after_and_all_have_one_best(monkeypatch: pytest.MonkeyPatch) -> None:
    paces = iter([10.0, 10.0, 30.0, 10.0, 10.0])
    monkeypatch.setattr(workers, "pace", lambda: next(paces))

    class Asked:
        def __init__(self) -> None:
            self.number = 0

        def round(self, cell: str, pairs: int) -> list[tuple[float, float]]:
            self.number += 1
            return [(self.number, pairs)]

    asked: list[tuple[str, Any, list[str]]] = [("a", Asked(), ["one", "two"])]
    # The second round of `one` is quick again only after the slow one of `two` is over.
    paces = iter([10.0, 10.0, 30.0, *[10.0] * 4])
    monkeypatch.setattr(workers, "quickest", lambda: 10.0)
    assert workers.rounds(asked, number=2, pairs=7) == {("a", "one"): [(1, 7), (5, 7)], ("a", "two"): [(4, 7), (6, 7)]}


def test_a_machine_that_stays_slow_is_measured_three_times_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no longer: everything counts then."""
    paces = iter([10.0, *[30.0] * 100])
    monkeypatch.setattr(workers, "pace", lambda: next(paces))
    taken: list[int] = []

    class Asked:
        def round(self, cell: str, pairs: int) -> list[tuple[float, float]]:
            taken.append(pairs)
            return [(len(taken), pairs)]

    asked: list[tuple[str, Any, list[str]]] = [("a", Asked(), ["one"])]
    assert workers.rounds(asked, number=4, pairs=7) == {("a", "one"): [(number, 7) for number in range(1, 13)]}
