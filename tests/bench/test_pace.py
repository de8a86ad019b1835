"""Which rounds count, by how quick the machine was meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import workers
from benchmarks.pace import Timed, pace, quick


def rounds(*paces: float) -> list[Timed]:
    return [Timed(one, [(number, number)]) for number, one in enumerate(paces)]


@pytest.mark.parametrize(
    ("paces", "best", "counting"),
    [
        ((10, 11, 11.1, 20), 10, [0, 1]),
        ((10, 10, 10), 10, [0, 1, 2]),
        # So few that they say nothing: then the machine is like that.
        ((10, 20, 20, 20), 10, [0, 1, 2, 3]),
        ((10, 20, 20), 10, [0]),
        ((20, 20), 10, [0, 1]),
        ((), 10, []),
    ],
)
def test_rounds_at_a_much_slower_pace_do_not_count_unless_they_are_most(paces: tuple[float, ...], best: float, counting: list[int]) -> None:
    assert [int(bare) for bare, _ in quick(rounds(*paces), best)] == counting


def test_a_pace_is_the_time_of_a_turn() -> None:
    assert 0 < pace() < 100_000


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
    assert workers.rounds(asked, number=2, pairs=7) == {("a", "one"): [(1, 7)], ("a", "two"): [(4, 7)]}
