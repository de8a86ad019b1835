"""Pairs of batches: a bare one and a guarded one in turn, and what many of them say together.

A time on one machine says little about another one, and a machine that is busy for a moment spoils a mean.
So the two halves of a pair run right after each other, in changing order, and what is reported is the median
of the pairs' differences and ratios, with their quartiles.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from time import perf_counter_ns, process_time_ns
from typing import Any, TypeAlias

__all__ = ["Pair", "Side", "Spread", "Summary", "calls", "fitting", "measure", "nothing", "now", "summary", "timed"]

#: Runs that many requests and tells how many nanoseconds they took, without what had to be prepared for them.
Side: TypeAlias = Callable[[int], int]

#: Nanoseconds for one request: bare, guarded.
Pair: TypeAlias = tuple[float, float]

#: Nanoseconds. ``BENCH_CLOCK=cpu`` counts this process alone, and leaves out what others do to a busy machine meanwhile.
now: Callable[[], int] = process_time_ns if os.environ.get("BENCH_CLOCK") == "cpu" else perf_counter_ns

#: The most requests in a batch: what is prepared for more of them would not stay in the processor's caches.
MOST = 100

#: How long a batch should last at most, in nanoseconds.
_LONG = 4_000_000


@dataclass(frozen=True)
class Spread:
    """A median, and the quartiles around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return cls(low, middle, high)


@dataclass(frozen=True)
class Summary:
    """What pairs say together. Times are in microseconds for one request."""

    bare: float
    guarded: float
    added: Spread
    ratio: Spread
    pairs: int

    def data(self) -> dict[str, Any]:
        return asdict(self)


def summary(pairs: Sequence[Pair]) -> Summary:
    """Summarise pairs in nanoseconds. A ratio of 1 stands for a bare side that takes no time."""
    return Summary(
        bare=median(bare for bare, _ in pairs) / 1000,
        guarded=median(guarded for _, guarded in pairs) / 1000,
        added=Spread.of([(guarded - bare) / 1000 for bare, guarded in pairs]),
        ratio=Spread.of([guarded / bare if bare > 0 else 1.0 for bare, guarded in pairs]),
        pairs=len(pairs),
    )


def fitting(side: Side) -> int:
    """How many requests make a batch that is long enough to be timed and short enough to take turns."""
    side(2)
    each = max(side(3) / 3, 1.0)
    return max(1, min(MOST, int(_LONG / each)))


def measure(bare: Side, guarded: Side, *, pairs: int, batch: int) -> list[Pair]:
    """Run pairs of batches, each side first in every other pair, with the garbage collector handled alike."""
    found: list[Pair] = []
    for turn in range(pairs):
        if turn % 2:
            second = timed(guarded, batch)
            first = timed(bare, batch)
        else:
            first = timed(bare, batch)
            second = timed(guarded, batch)
        found.append((first, second))
    return found


def timed(side: Side, batch: int) -> float:
    """Nanoseconds for one request of a batch. What was left by earlier ones is collected before, and nothing within."""
    gc.collect()
    gc.disable()
    try:
        return side(batch) / batch
    finally:
        gc.enable()


def calls(function: Callable[[Any], object], arguments: Callable[[], Any]) -> Side:
    """A side that calls a function; each argument is made anew before the clock starts."""

    def side(count: int) -> int:
        prepared = [arguments() for _ in range(count)]
        start = now()
        for argument in prepared:
            function(argument)
        return now() - start

    return side


def nothing(argument: Any) -> None:
    """The bare side of what has no application around it: the cost of the loop and of a call."""
