"""The results as data: what is read out of them, and how numbers are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["OURS", "OUT", "Entry", "Results", "added", "entries", "entry", "first_cells", "number", "read", "spread", "write"]

Results: TypeAlias = dict[str, Any]
Entry: TypeAlias = dict[str, Any]

#: The committed results, of which the page is made.
OUT = Path(__file__).parent / "results.json"

#: How names of cartaguard's own contenders begin.
OURS = "cartaguard"


def read(path: Path) -> Results:
    """The results in a file; empty ones when there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": {}}


def write(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rounded(data: Any) -> Any:
    """Numbers with as many digits as they may deserve, so that files stay readable."""
    match data:
        case float():
            return float(f"{data:.5g}")
        case dict():
            return {name: _rounded(value) for name, value in data.items()}
        case list() | tuple():
            return [_rounded(value) for value in data]
        case _:
            return data


def entries(results: Results, row: str) -> list[Entry]:
    """Everything in a row, those who could not take part too."""
    found: list[Entry] = results["rows"].get(row, {}).get("entries", [])
    return found


def entry(results: Results, row: str, who: str, cell: str) -> Entry | None:
    """One cell of a contender."""
    for found in entries(results, row):
        if found["who"] == who and found.get("cell") == cell and "failed" not in found:
            return found
    return None


def added(results: Results, row: str, who: str, cell: str) -> float | None:
    """The microseconds that a contender adds, by the median."""
    found = entry(results, row, who, cell)
    return None if found is None else float(found["added"]["median"])


def first_cells(results: Results, row: str, ending: str) -> Iterator[Entry]:
    """The entries of a row whose cell ends so."""
    for found in entries(results, row):
        if "failed" not in found and found["cell"].endswith(ending):
            yield found


def number(value: float) -> str:
    """Two digits that count, or three above 100."""
    if value != 0 and abs(value) < 0.1:
        return f"{value:.3f}"
    if abs(value) < 1:
        return f"{value:.2f}"
    if abs(value) < 10:
        return f"{value:.1f}"
    return f"{value:,.0f}"


def spread(found: Entry) -> str:
    """A median with its quartiles."""
    return f"{number(found['median'])} ({number(found['low'])} to {number(found['high'])})"
