"""``python -m benchmarks``: measure, write the results, and make the page of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine, page, sizes
from benchmarks.contenders import PAIRED
from benchmarks.kit import keeping, make_kit
from benchmarks.paired import Effort, measure_row, tell
from benchmarks.results import OUT, read, write
from benchmarks.throughput import measure_throughput
from benchmarks.workers import Failed

__all__ = ["main"]


class Plan(NamedTuple):
    """How long everything is measured."""

    pairs: Effort = Effort()
    load_rounds: int = 5
    load_seconds: int = 2
    most_grants: int = 10_000_000
    start_grants: int = 1_000_000
    start_rounds: int = 9
    import_rounds: int = 15


QUICK = Plan(
    Effort(rounds=3, pairs=4, ours=1),
    load_rounds=1,
    load_seconds=1,
    most_grants=1_000,
    start_grants=10_000,
    start_rounds=2,
    import_rounds=2,
)

Measure = Callable[[Path, Plan], list[dict[str, Any]]]


def _paired(name: str) -> Measure:
    return lambda kit, plan: measure_row(name, kit, plan.pairs, tell)


ROWS: Mapping[str, Measure] = {
    **{name: _paired(name) for name in PAIRED},
    "calls": lambda kit, plan: sizes.measure_calls(say=tell),
    "throughput": lambda kit, plan: measure_throughput(kit, rounds=plan.load_rounds, seconds=plan.load_seconds, say=tell),
    "growth": lambda kit, plan: sizes.measure_growth(most=plan.most_grants, say=tell),
    "start": lambda kit, plan: sizes.measure_start(grants=plan.start_grants, rounds=plan.start_rounds, say=tell),
    "imports": lambda kit, plan: sizes.measure_imports(rounds=plan.import_rounds, say=tell),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all of them when none is named")
    parser.add_argument("--quick", action="store_true", help="a few rounds only, and no page: to see that it works, not how fast it is")
    parser.add_argument("--preliminary", action="store_true", help="the machine is busy; the page says so")
    parser.add_argument("--page", action="store_true", help="measure nothing; make the page of the results that are there")
    parser.add_argument("--out", type=Path, default=None, help="another file for the results; the page then stays as it is")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.rows) - set(ROWS):
        parser.error(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    if asked.page:
        page.write(read(OUT))
        return 0
    out = asked.out or (machine.SCRATCH if asked.quick else OUT)
    failed = measured(asked.rows or list(ROWS), out, QUICK if asked.quick else Plan(), preliminary=asked.preliminary or asked.quick)
    if out == OUT:
        page.write(read(OUT))
    tell(f"results: {out}" + (f", page: {page.PAGE}" if out == OUT else ""))
    return 1 if failed else 0


def measured(rows: list[str], out: Path, plan: Plan, *, preliminary: bool) -> bool:
    """Measure rows and write each as soon as it is there; others that the file has stay. True: one of them failed."""
    results = read(out)
    failed = False
    with keeping(make_kit()) as kit:
        for name in rows:
            started, load = time.monotonic(), machine.load()
            tell(f"{name} (load average {load})")
            try:
                entries = ROWS[name](kit, plan)
            except Failed as fault:
                tell(f"  not measured: {fault}")
                failed = True
                continue
            results["machine"] = machine.described()
            results["rows"][name] = {"entries": entries, "load": load, "preliminary": preliminary}
            write(out, results)
            tell(f"  {time.monotonic() - started:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
