"""Measures a row of pairs: everybody started and looked at first, then timed in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.contenders import PAIRED, Contender
from benchmarks.environments import OURS, Environment, Missing, environment, pins, versions
from benchmarks.pairs import summary
from benchmarks.workers import Failed, Worker, rounds, starting

__all__ = ["Effort", "Entry", "measure_row"]

Entry = dict[str, Any]


class Effort(NamedTuple):
    """How long is measured: rounds, pairs of batches in each, and how often in each round what stands near to its target.

    A peer that adds a hundred microseconds is known well enough long before a door that adds two.
    """

    rounds: int = 15
    pairs: int = 10
    ours: int = 4


def measure_row(name: str, kit: Path, effort: Effort, say: Callable[[str], None]) -> list[Entry]:
    """The entries of a row: one for each cell of each contender, and one for whoever could not take part."""
    entries: list[Entry] = []
    with ExitStack() as stack:
        ready: list[tuple[str, Worker, list[str]]] = []
        claimed: dict[tuple[str, str], Any] = {}
        known: dict[str, tuple[Contender, Environment]] = {}
        for contender in PAIRED[name].contenders:
            try:
                where = OURS if contender.environment is None else environment(contender.environment)
                worker = stack.enter_context(starting(where, f"benchmarks.subjects.{contender.module}", kit, contender.options))
                for cell in worker.cells:
                    worker.check(cell)
                    claimed[contender.who, cell] = worker.claimed(cell)
            except (Missing, Failed) as fault:
                say(f"  {contender.who} does not take part: {fault}")
                entries.append({"who": contender.who, "failed": str(fault), "note": contender.note})
                continue
            known[contender.who] = (contender, where)
            ready.append((contender.who, worker, worker.cells * (effort.ours if where is OURS else 1)))
        say(f"  {sum(len(worker.cells) for _, worker, _ in ready)} cells of {len(ready)} contenders, {effort.rounds} rounds")
        for (who, cell), pairs in rounds(ready, number=effort.rounds, pairs=effort.pairs).items():
            contender, where = known[who]
            entries.append(
                {
                    "who": who,
                    "cell": cell,
                    "checked": claimed[who, cell],
                    "version": _version(contender, where),
                    "note": contender.note,
                    **summary(pairs).data(),
                }
            )
    return entries


def _version(contender: Contender, where: Environment) -> str:
    """The versions of what a contender is about."""
    if contender.environment is None:
        return ""
    installed = versions(where)
    return ", ".join(f"{name} {installed[name.lower()]}" for name in pins()[contender.environment]["about"])


def tell(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
