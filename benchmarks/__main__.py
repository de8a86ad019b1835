"""``python -m benchmarks``: measure, write the results, and make the page of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.contenders import PAIRED
from benchmarks.kit import keeping, make_kit
from benchmarks.paired import Effort, measure_row, tell

RESULTS = Path(__file__).parent / "results.json"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(PAIRED)}; all of them when none is named")
    parser.add_argument("--quick", action="store_true", help="a few rounds only: to see that it works, not how fast")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument("--preliminary", action="store_true", help="say on the page that the machine was busy")
    asked = parser.parse_args(arguments)
    effort = Effort(rounds=3, pairs=4) if asked.quick else Effort()
    results: dict[str, Any] = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else {"rows": {}}
    results.update(machine=machine.described(), preliminary=asked.preliminary or asked.quick)
    with keeping(make_kit()) as kit:
        for name in asked.rows or PAIRED:
            started, load = time.monotonic(), machine.load()
            tell(name)
            results["rows"][name] = {"entries": measure_row(name, kit, effort, tell), "load": load}
            tell(f"  {time.monotonic() - started:.0f} s")
            asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
