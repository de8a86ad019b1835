"""Worker processes as seen by the harness: started, asked in turn, ended."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.environments import Environment
from benchmarks.pace import Timed, enough, pace, quick, quickest
from benchmarks.pairs import Pair
from benchmarks.subject import Outcomes

__all__ = ["ROOT", "Failed", "Worker", "rounds", "starting", "variables"]

ROOT = Path(__file__).parents[1]

#: So many times as many rounds as wanted are made at most.
_MOST = 3


class Failed(Exception):
    """A worker could not do what it was told; the text says why."""


def variables(*, source: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a process of the benchmarks: it finds them and, where its packages allow, cartaguard.

    :param source: the folder with another cartaguard.
    """
    path = os.pathsep.join(str(folder) for folder in (ROOT, source or ROOT / "src"))
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "", **more}


class Worker:
    """One process with one subject."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._process = process
        self._log = log
        self.cells: list[str] = self._heard()["cells"]

    def check(self, cell: str) -> None:
        """Ask the questions about refusals; what is timed later is worth nothing when the answers are wrong.

        Raises :class:`Failed` when one of them is not what the subject claims.
        """
        heard = self._ask({"do": "check", "cell": cell})
        got, claimed = heard["got"], heard["claimed"]
        if got != claimed:
            raise Failed(f"{cell}: asked before timing it answered {_differences(got, claimed)}")

    def claimed(self, cell: str) -> Outcomes:
        """What a cell refuses, and was seen to refuse."""
        claimed: Outcomes = self._ask({"do": "check", "cell": cell})["claimed"]
        return claimed

    def round(self, cell: str, pairs: int) -> list[Pair]:
        return [(bare, guarded) for bare, guarded in self._ask({"do": "round", "cell": cell, "pairs": pairs})["pairs"]]

    def end(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self._last_words()) from None
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(self._last_words())
        heard: dict[str, Any] = json.loads(line)
        if "fault" in heard:
            raise Failed(heard["fault"])
        return heard

    def _last_words(self) -> str:
        self._process.wait()
        self._log.seek(0)
        said = self._log.read().strip().splitlines()
        return f"the worker ended with {self._process.returncode}: {said[-1] if said else 'it said nothing'}"


@contextmanager
def starting(
    environment: Environment,
    module: str,
    kit: Path,
    options: Mapping[str, Any],
    *,
    seed: int | None = None,
    source: Path | None = None,
    clock: str = "",
) -> Iterator[Worker]:
    """A worker for a subject, for as long as the block lasts.

    :param seed: for the hashes of its texts; another one lays its dictionaries out differently.
    :param source: the folder with another cartaguard.
    :param clock: ``cpu`` counts the worker's own time alone; see :data:`benchmarks.pairs.now`.
    """
    more = {} if seed is None else {"PYTHONHASHSEED": str(seed)}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [str(environment.python), "-m", "benchmarks.worker", module, str(kit), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=variables(source=source, BENCH_CLOCK=clock, **more),
        )
        worker: Worker | None = None
        try:
            worker = Worker(process, log)
            yield worker
        finally:
            if worker is None:
                process.kill()
                process.wait()
            else:
                worker.end()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def rounds(workers: Sequence[tuple[str, Worker, Sequence[str]]], *, number: int, pairs: int) -> dict[tuple[str, str], list[Pair]]:
    """Ask every worker for its cells in turn, again and again, so that a slow minute of the machine slows all alike.

    Rounds during which the machine was much slower than at its best do not count, whoever's they are. Where that leaves too
    few, there are more of them, three times as many at most.

    :param workers: a name, the worker, and the cells to time; one that is there several times has as many rounds in each.
    :param number: how many rounds.
    :param pairs: how many pairs of batches in each.
    """
    found: dict[tuple[str, str], list[Timed]] = {}
    order = list(workers)
    wanted = {(name, cell): number * cells.count(cell) for name, _, cells in workers for cell in cells}
    before = pace()
    best = min(before, quickest())
    for turn in range(_MOST * number):
        if turn >= number and all(enough(timed, best, wanted[one]) for one, timed in found.items()):
            break
        for name, worker, cells in order:
            for cell in cells:
                timed = worker.round(cell, pairs)
                after = pace()
                found.setdefault((name, cell), []).append(Timed(max(before, after), timed))
                best = min(best, after)
                before = after
        order = order[1:] + order[:1]
    return {one: quick(timed, best, wanted[one]) for one, timed in found.items()}


def _differences(got: Outcomes, claimed: Outcomes) -> str:
    asked = sorted(set(got) | set(claimed))
    return ", ".join(
        f"{question}: {got.get(question)} instead of {claimed.get(question)}"
        for question in asked
        if got.get(question) != claimed.get(question)
    )
