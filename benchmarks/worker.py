"""A worker process: ``python -m benchmarks.worker MODULE KIT OPTIONS`` makes a subject and does what it is told.

It reads one JSON object a line from its standard input and answers with one. What a library prints goes to
standard error, so that it cannot spoil an answer. It needs nothing but the standard library and its subject.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any, cast

from benchmarks.pairs import fitting, measure
from benchmarks.subject import Cells, SubjectModule

__all__ = ["main"]


def main(module: str, kit: str, options: str) -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        subject = cast("SubjectModule", importlib.import_module(module))
        cells = subject.make(json.loads(Path(kit).read_text(encoding="utf-8")), **json.loads(options))
        # What is there now stays, and need not be looked at by every collection.
        gc.collect()
        gc.freeze()
    except Exception as fault:  # noqa: BLE001 (told to whoever asked, who names it in the table)
        traceback.print_exc()
        say({"fault": _told(fault)})
        return
    say({"cells": list(cells)})
    batches: dict[str, int] = {}
    for line in sys.stdin:
        try:
            say(_answer(cells, batches, json.loads(line)))
        except Exception as fault:  # noqa: BLE001 (as above)
            traceback.print_exc()
            say({"fault": _told(fault)})


def _answer(cells: Cells, batches: dict[str, int], asked: dict[str, Any]) -> dict[str, Any]:
    cell = cells[asked["cell"]]
    match asked["do"]:
        case "check":
            return {"got": cell.outcomes(), "claimed": cell.claimed}
        case "round":
            if asked["cell"] not in batches:
                batches[asked["cell"]] = min(fitting(cell.bare), fitting(cell.guarded))
            pairs = measure(cell.bare, cell.guarded, pairs=asked["pairs"], batch=batches[asked["cell"]])
            return {"pairs": pairs, "batch": batches[asked["cell"]]}
        case other:
            raise ValueError(f"`{other}` is not known; a worker does `check` and `round`")


def _told(fault: Exception) -> str:
    return f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"[:300]


if __name__ == "__main__":
    main(*sys.argv[1:])
