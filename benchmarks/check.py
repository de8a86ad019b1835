"""``make check-bench``: has anything become slower than the committed baseline says, beyond noise?

Compared are ratios: what a guard adds, divided by a yardstick that is measured in turn with it in the same process
(some work in pure Python, or one signature for a cold verification). Each try runs several processes, whose texts
hash differently; how far these are apart is the noise. What looks slower is tried again before it counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias

from benchmarks.environments import OURS
from benchmarks.kit import keeping, make_kit
from benchmarks.paired import tell
from benchmarks.results import number
from benchmarks.subjects.check_cells import SIGNATURE, WORK
from benchmarks.workers import rounds, starting

__all__ = ["TOLERANCE", "Ratio", "Ratios", "main", "ratio_of", "slower", "undisturbed", "verdict"]

BASELINE = Path(__file__).parent / "baseline.json"

#: How much slower, as a part, may be another processor's doing.
TOLERANCE = 0.15

#: How many times the noise counts as beyond it.
_BEYOND = 3.0

#: The least noise that is believed, as a part of the ratio: few processes may agree by chance.
_LEAST = 0.02

TRIES = 3


class Ratio(NamedTuple):
    """What is added as a multiple of its yardstick, and how uncertain that is."""

    value: float
    noise: float


Ratios: TypeAlias = Mapping[str, Ratio]


def ratio_of(values: Sequence[float]) -> Ratio:
    """The ratio that several processes found: their median, and the noise by how far they are from it."""
    middle = median(values)
    spread = 1.4826 * median(abs(value - middle) for value in values)
    return Ratio(middle, max(spread / len(values) ** 0.5, _LEAST * abs(middle)))


def undisturbed(times: Sequence[float]) -> float:
    """What a fifth of the batches took at most: others on the machine make batches slower and none faster."""
    return sorted(times)[len(times) // 5]


def slower(baseline: Ratio, found: Ratio) -> bool:
    """Whether something is slower than the baseline, beyond the noise of both and what another machine may do."""
    noise: float = _BEYOND * (baseline.noise**2 + found.noise**2) ** 0.5
    return found.value > baseline.value * (1 + TOLERANCE) + noise


def verdict(baseline: Ratios, measure: Callable[[], Ratios], *, tries: int = TRIES, say: Callable[[str], None] = tell) -> list[str]:
    """What has become slower: a line for each thing that was slower in every try.

    A thing that the baseline does not know, or that is no longer measured, is a line too: nothing is waved through.
    """
    suspects: dict[str, str] = {}
    for turn in range(tries):
        found = measure()
        lines = {
            **{name: f"{name}: is not in the baseline; record it with --record" for name in found if name not in baseline},
            **{name: f"{name}: is in the baseline and was not measured" for name in baseline if name not in found},
            **{
                name: _line(name, baseline[name], ratio)
                for name, ratio in found.items()
                if name in baseline and slower(baseline[name], ratio)
            },
        }
        suspects = {name: line for name, line in lines.items() if turn == 0 or name in suspects}
        if not suspects:
            break
        if turn + 1 < tries:
            say(f"try {turn + 1} of {tries}: {len(suspects)} look slower and are tried again: {', '.join(sorted(suspects))}")
    return [suspects[name] for name in sorted(suspects)]


def _line(name: str, baseline: Ratio, found: Ratio) -> str:
    part = found.value / baseline.value - 1
    return (
        f"{name}: {number(found.value)} yardsticks instead of {number(baseline.value)} ({part:+.0%}; noise {found.noise / found.value:.0%})"
    )


def measured(kit: Path, source: Path | None, *, processes: int = 5, number_of_rounds: int = 6, pairs: int = 6) -> dict[str, Ratio]:
    """The ratios of this machine, now. Everything is looked at before it is timed."""
    found: dict[str, list[float]] = {}
    for seed in range(1, processes + 1):
        tell(f"  process {seed} of {processes}")
        with ExitStack() as stack:
            worker = stack.enter_context(
                starting(OURS, "benchmarks.subjects.check_cells", kit, {}, seed=seed, source=source, clock="cpu"),
            )
            for cell in worker.cells:
                worker.check(cell)
            timed = rounds([("", worker, worker.cells)], number=number_of_rounds, pairs=pairs)
        added = {
            cell: undisturbed([guarded for _, guarded in each]) - undisturbed([bare for bare, _ in each])
            for (_, cell), each in timed.items()
        }
        for cell, value in added.items():
            if cell not in {WORK, SIGNATURE}:
                found.setdefault(cell, []).append(value / added[SIGNATURE if "cold" in cell else WORK])
    return {cell: ratio_of(values) for cell, values in found.items()}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what is measured now as the baseline for this Python")
    parser.add_argument("--source", type=Path, help="measure the cartaguard in another folder, such as a copy that was changed")
    asked = parser.parse_args(arguments)
    version = f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}"
    baselines: dict[str, Any] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    with keeping(make_kit(ring=64)) as kit:
        if asked.record:
            baselines[version] = {name: [float(f"{part:.4g}") for part in ratio] for name, ratio in measured(kit, asked.source).items()}
            BASELINE.write_text(json.dumps(baselines, indent=1) + "\n", encoding="utf-8")
            tell(f"recorded the baseline for {version}")
            return 0
        if version not in baselines:
            tell(f"there is no baseline for {version}; record one from a version that is fast enough, with --record")
            return 2
        baseline = {name: Ratio(*values) for name, values in baselines[version].items()}
        tries: list[dict[str, Ratio]] = []

        def measure() -> Ratios:
            tries.append(measured(kit, asked.source))
            return tries[-1]

        lines = verdict(baseline, measure)
    for name, ratio in tries[-1].items():
        print(f"{name:50} {number(ratio.value):>8} yardsticks, baseline {number(baseline[name].value) if name in baseline else 'none':>8}")
    for line in lines:
        print(f"slower: {line}")
    print(f"{len(baseline) - len(lines)} of {len(baseline)} things are as fast as the baseline, or faster")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
