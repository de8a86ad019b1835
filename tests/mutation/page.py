"""What a run says: a table for whoever waits for it, and the same in docs/testing.md, made of `results.json`."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mutation.score import PACKAGES, Judged

__all__ = ["PAGE", "RESULTS", "made", "results", "told", "write"]

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BEGIN = "<!-- mutation results: begin (made by `make mutate` out of tests/mutation/results.json; nothing is filled in by hand) -->"
END = "<!-- mutation results: end -->"


def told(found: Judged) -> str:
    """The table, what is not explained, and what explains nothing any more."""
    lines = [f"{'':10}{'mutants':>9}{'killed':>9}{'timeouts':>10}{'survived':>10}{'killed %':>10}"]
    for row in _rows(found):
        killed = row["killed"] + row["timeouts"]
        lines.append(f"{row['package']:10}{row['mutants']:9}{killed:9}{row['timeouts']:10}{row['survived']:10}{row['percent']:10.1f}")
    lines += ["", *(f"explained, {kind}: {len(those)}" for kind, those in sorted(found.by_kind.items()))]
    lines.append(f"not explained: {len(found.unexplained)}")
    for mutant, was, now in found.unexplained:
        lines += [f"  {mutant.name} (exit code {mutant.code})", f"    - {was}", f"    + {now}"]
    if found.unchecked:
        lines.append(f"not tested: {len(found.unchecked)}")
    lines += [f"explains nothing any more: {entry.where}: {entry.was}" for entry in found.unused]
    return "\n".join(lines) + "\n"


def _rows(found: Judged) -> list[dict[str, Any]]:
    rows = []
    for package in (*PACKAGES, None):
        of = [mutant for mutant in found.mutants if package in (None, mutant.package)]
        rows.append(
            {
                "package": package or "together",
                "mutants": len(of),
                "killed": sum(mutant.killed and not mutant.timeout for mutant in of),
                "timeouts": sum(mutant.timeout for mutant in of),
                "survived": sum(not mutant.killed for mutant in of),
                "percent": round(found.percent(package), 1),
            }
        )
    return rows


def results(found: Judged, *, seconds: float, children: int) -> dict[str, Any]:
    """A run as it is kept."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": round(seconds / 60),
        "children": children,
        "python": platform.python_version(),
        "mutmut": version("mutmut"),
        "packages": _rows(found),
        "explained": {kind: len(those) for kind, those in sorted(found.by_kind.items())},
        "reasons": {kind: found.kinds[kind] for kind in sorted(found.by_kind)},
        "unexplained": len(found.unexplained),
    }


def made(run: dict[str, Any], page: str) -> str:
    """The page with this run between its markers; what stands outside of them stays.

    Raises :class:`ValueError` for a page without markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"`{PAGE.name}` has no marker `{BEGIN if not begin else END}`")
    rows = [
        f"| {row['package']} | {row['mutants']} | {row['killed']} | {row['timeouts']} | {row['survived']} | {row['percent']} % |"
        for row in run["packages"]
    ]
    kinds = [f"| {kind} | {count} | {run['reasons'][kind]} |" for kind, count in run["explained"].items()]
    lines = [
        f"{run['date']}, mutmut {run['mutmut']}, Python {run['python']}: {run['minutes']} minutes, {run['children']} mutants at a time.",
        "",
        "| package | mutants | killed by a test | by the time limit | survived | killed of all |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"Of the survivors {sum(run['explained'].values())} are explained, and {run['unexplained']} are not:",
        "",
        "| explanation | survivors | why no test kills them |",
        "| --- | --- | --- |",
        *kinds,
    ]
    return "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"])


def write(run: dict[str, Any]) -> None:
    """Keep a run, and make the page of it."""
    RESULTS.write_text(json.dumps(run, indent=1) + "\n", "utf-8")
    PAGE.write_text(made(run, PAGE.read_text("utf-8")), "utf-8")
