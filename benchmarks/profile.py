"""``python -m benchmarks.profile DOOR``: where a guarded request spends its time, beside what the application does bare.

Under a profiler every call costs more than it does without, so that shares tell where to look and not how long it
takes. How many calls a request makes is exact, and is the first thing told.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, cast

from benchmarks.drive import AsgiDriver, Driver, WsgiDriver
from benchmarks.kit import make_kit
from benchmarks.subjects.cartaguard_doors import applications_for
from benchmarks.subjects.routes import ASKED_PATHS, paths_for

__all__ = ["DOORS", "Profiled", "main", "profiled"]

DOORS = ("asgi", "starlette", "fastapi", "fastapi routes", "fastapi alone", "wsgi", "flask")

_REQUESTS = 2_000


class Call(NamedTuple):
    """A function, how often a request calls it, and the microseconds that it takes itself under the profiler."""

    name: str
    ours: bool
    times: float
    microseconds: float


class Profiled(NamedTuple):
    bare: list[Call]
    guarded: list[Call]

    def added(self) -> list[Call]:
        """What the guarded application calls more often than the bare one, the most costly first."""
        before = Counter({call.name: call.times for call in self.bare})
        more = [call._replace(times=call.times - before[call.name]) for call in self.guarded]
        return sorted((call for call in more if call.times > 0.01), key=lambda call: -call.microseconds)


def profiled(door: str, asked: str, requests: int = _REQUESTS) -> Profiled:
    """Profile a door: everything warm, one request after the other."""
    kit = make_kit(ring=1)
    driver: Driver = WsgiDriver() if door in {"wsgi", "flask"} else AsgiDriver()
    header = f"Bearer {kit['tokens']['cognito']['good']}"
    sides = [driver.side(app, paths_for(asked), header) for app in applications_for(kit, door, 50, driver)]
    found: list[list[Call]] = []
    for side in sides:
        side(50)
        profile = cProfile.Profile()
        profile.enable()
        side(requests)
        profile.disable()
        found.append(_calls(profile, requests))
    return Profiled(*found)


def _calls(profile: cProfile.Profile, requests: int) -> list[Call]:
    # What makes the scopes and the environs is not the request's.
    stats = cast("Any", pstats.Stats(profile)).stats
    return [
        Call(_named(key), "cartaguard" in Path(key[0]).parts, calls / requests, own / requests * 1e6)
        for key, (_, calls, own, _, _) in stats.items()
        if not key[0].endswith("benchmarks/drive.py")
    ]


def _named(key: tuple[str, int, str]) -> str:
    file, line, function = key
    return function if file == "~" else f"{'/'.join(Path(file).parts[-2:])}:{line} {function}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("door", choices=DOORS)
    parser.add_argument("--asked", choices=list(ASKED_PATHS), default="exact path", help="what kind of path is asked for")
    parser.add_argument("--json", action="store_true", help="as one JSON object, for the page")
    asked = parser.parse_args(arguments)
    added = profiled(asked.door, asked.asked).added()
    total, ours = sum(call.times for call in added), sum(call.times for call in added if call.ours)
    if asked.json:
        print(json.dumps({"calls": total, "ours": ours, "functions": sorted({call.name for call in added if call.ours})}))
        return 0
    print(f"{asked.door}, {asked.asked}: the guard adds {total:.1f} calls to a request, {ours:.1f} of them of cartaguard's own functions")
    print("by the time that each takes itself under the profiler:")
    for call in added[:20]:
        print(f"  {call.microseconds:6.2f} µs  {call.times:5.1f} x  {call.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
