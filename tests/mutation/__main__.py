"""`make mutate`: make all mutants anew, test each, compare the survivors with those that are explained, and write the page.

With `--again`, only those are tested anew that survived or whose function has changed; with names (`cartaguard.http.*`), only these.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from mutation import page, runner, score

FLOOR = 90.0
FOLDER = Path("mutants")
#: How long the run of all mutants took whose outcome is in the folder.
WHOLE = FOLDER / "whole.json"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these mutants; `*` stands for anything")
    parser.add_argument("--again", action="store_true", help="only what survived, or has changed since")
    parser.add_argument("--tell", action="store_true", help="test nothing; say what the last run found")
    parser.add_argument("--children", type=int, default=2, help="how many mutants at a time")
    asked = parser.parse_args(arguments)
    whole = not (asked.names or asked.again or asked.tell)
    started = time.monotonic()
    if whole:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
    if asked.again:
        runner.forget(mutant.name for mutant in score.mutants() if not mutant.killed or mutant.timeout)
    if not asked.tell:
        runner.mutate(asked.names, asked.children)
    found = score.judged(score.mutants(), score.explained())
    sys.stdout.write("\n" + page.told(found))
    if whole:
        WHOLE.write_text(json.dumps({"seconds": time.monotonic() - started, "children": asked.children}), "utf-8")
    if WHOLE.exists() and not found.unchecked:
        # Of a run of all of them, be it that survivors were tested anew or explained since.
        page.write(page.results(found, **json.loads(WHOLE.read_text("utf-8"))))
    return 0 if found.good(FLOOR) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
