"""How quick the machine is right now, so that what was measured while it was slow can be told.

The processors of a rented machine are not one's own: for seconds or minutes at a time they do half as much, with nothing else
running that could be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import perf_counter_ns
from typing import NamedTuple

from benchmarks.pairs import Pair

__all__ = ["Timed", "enough", "pace", "quick", "quickest"]

#: A round counts where a plain loop before and after it took at most so many times as long as at best.
_SLOWER = 1.1

#: It is measured on until this part of the rounds that are wanted were quick.
_ENOUGH = 2 / 3

#: Where fewer of them than this part were quick in the end, the machine is just like that, and all rounds count.
_FEWEST = 1 / 3

_TURNS = 20_000


class Timed(NamedTuple):
    """The pairs of a round, and the slower of the paces before and after it."""

    pace: float
    pairs: list[Pair]


_quickest = inf


def pace() -> float:
    """Nanoseconds of a turn of a plain loop, the best of three tries."""
    global _quickest
    now = min(_loop() for _ in range(3)) / _TURNS
    _quickest = min(_quickest, now)
    return now


def quickest() -> float:
    """The best pace that this process has seen, whatever it measured then."""
    return _quickest


def quick(rounds: Sequence[Timed], best: float, wanted: int) -> list[Pair]:
    """The pairs of the rounds that count.

    :param best: the quickest pace that was seen.
    :param wanted: how many rounds were wanted; there may be more.
    """
    counting = _counting(rounds, best)
    return [pair for one in (counting if len(counting) >= _FEWEST * wanted else rounds) for pair in one.pairs]


def enough(rounds: Sequence[Timed], best: float, wanted: int) -> bool:
    """Whether enough of these rounds count."""
    return len(_counting(rounds, best)) >= _ENOUGH * wanted


def _counting(rounds: Sequence[Timed], best: float) -> list[Timed]:
    return [one for one in rounds if one.pace <= _SLOWER * best]


def _loop() -> int:
    start = perf_counter_ns()
    for _ in range(_TURNS):
        pass
    return perf_counter_ns() - start
