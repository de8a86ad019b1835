"""What processes that hold many grants measure of themselves."""

from __future__ import annotations

import gc
import json
import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from benchmarks.pairs import Spread, calls, measure, nothing

__all__ = ["GRANTS_EACH", "asked", "grown", "say"]

T = TypeVar("T")

#: How many users are granted something on one resource.
GRANTS_EACH = 100

#: Up to so many grants a process grows by too few pages to be counted in pages.
_FEW = 100_000


def resident() -> int:
    """The bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown(build: Callable[[], T], grants: int, *, python: bool) -> tuple[T, dict[str, Any]]:
    """Build something, and tell the bytes for each grant and the seconds it took.

    :param python: all of it is Python's memory, so that small sizes can be counted exactly.
    """
    gc.collect()
    exactly = python and grants <= _FEW
    if exactly:
        tracemalloc.start()
    before, start = resident(), perf_counter()
    built = build()
    seconds = perf_counter() - start
    gc.collect()
    bytes_ = tracemalloc.get_traced_memory()[0] if exactly else resident() - before
    if exactly:
        tracemalloc.stop()
    return built, {"bytes": bytes_ / grants, "build": seconds}


def asked(ask: Callable[[Any], object], questions: Iterator[Any], *, pairs: int = 60, batch: int = 100) -> dict[str, Any]:
    """Microseconds of a look-up, asked for somebody else's grant each time."""
    gc.freeze()
    # The clock's cost and the call's are taken off.
    arguments = lambda: next(questions)  # noqa: E731 (a name for what both sides take)
    found = measure(calls(nothing, arguments), calls(ask, arguments), pairs=pairs, batch=batch)
    return {"lookup": Spread.of([(guarded - bare) / 1000 for bare, guarded in found]).__dict__}


def some(grants: int) -> Iterator[tuple[int, int]]:
    """A user and a resource, by number, again and again: a grant that exists, all over the place."""
    chance = random.Random(1)
    resources, each = max(1, grants // GRANTS_EACH), min(grants, GRANTS_EACH)
    while True:
        yield chance.randrange(each), chance.randrange(resources)


def say(told: dict[str, Any]) -> None:
    print(json.dumps(told))
