"""Whether the tests cover what they must: all of what decides, nearly all of the rest. Branches count as lines do.

Reads the data that `pytest --cov` left behind, prints a table, and exits with 1 when something is below its floor.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from coverage import Coverage

#: The packages in which a line or branch that no test takes could let somebody in.
WHOLE = ("model", "guard", "tokens", "http")
OVERALL = 95.0


def measured() -> dict[str, dict[str, Any]]:
    """The summary of each file, by its path below the package."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        files: dict[str, Any] = json.loads(report.read_text("utf-8"))["files"]
    return {path.replace("\\", "/").rpartition("cartaguard/")[2]: file for path, file in files.items()}


def percent(files: list[dict[str, Any]]) -> float:
    """How much of these files is covered, lines and branches together."""
    total = covered = 0
    for file in files:
        summary = file["summary"]
        total += summary["num_statements"] + summary["num_branches"]
        covered += summary["covered_lines"] + summary["covered_branches"]
    return 100.0 * covered / total if total else 100.0


def below(files: dict[str, dict[str, Any]]) -> list[str]:
    """Print the table, and return what is below its floor."""
    rows: list[tuple[str, float, float]] = []
    missing: list[str] = []
    for package in WHOLE:
        own = {path: file for path, file in files.items() if path.startswith(f"{package}/")}
        rows.append((package, percent(list(own.values())), 100.0))
        for path, file in sorted(own.items()):
            lines = [str(line) for line in file["missing_lines"]]
            branches = [f"{start}->{end}" for start, end in file["missing_branches"] if start not in file["missing_lines"]]
            if lines or branches:
                missing.append(f"{path}: {', '.join(lines + branches)}")
    rows.append(("over all", percent(list(files.values())), OVERALL))
    for path, file in sorted(files.items(), key=lambda item: percent([item[1]])):
        if percent([file]) < OVERALL and not path.startswith(tuple(f"{package}/" for package in WHOLE)):
            missing.append(f"{path}: {percent([file]):.1f} %")
    sys.stdout.write(f"{'':10}{'covered':>9}{'floor':>8}\n")
    for name, reached, floor in rows:
        sys.stdout.write(f"{name:10}{reached:7.2f} %{floor:6.0f} %{'' if reached >= floor else '  BELOW'}\n")
    if missing:
        sys.stdout.write("\n".join(["", "not covered:", *missing, ""]))
    return [name for name, reached, floor in rows if reached < floor]


if __name__ == "__main__":
    sys.exit(1 if below(measured()) else 0)
