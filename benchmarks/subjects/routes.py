"""The routes of the applications that are measured: a few that are asked for, and as many others as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import NamedTuple

from benchmarks.drive import Paths, always, anew, fresh_text

__all__ = ["ASKED_PATHS", "EXACT", "PROJECTS", "Route", "body_of", "paths_for", "routes"]

#: How many projects there are: more than anything remembers paths or permissions for.
PROJECTS = 20_000


class Route(NamedTuple):
    """A route: its pattern, and whether it demands the group, or a permission on the project that it names."""

    path: str
    demands: str = "group"


EXACT = Route("/reports")

#: By what is asked for: where the path comes from.
ASKED_PATHS: Mapping[str, str] = {
    "exact path": "/reports",
    "pattern path seen before": "/projects/p1",
    "pattern path not seen before": "/things/…",
    "pattern path and permission not seen before": "/projects/…",
}


def routes(count: int) -> list[Route]:
    """That many routes. Those that are asked for stand first: a framework that walks a list does so with and without a
    guard, and what it needs for 500 routes would drown what a guard adds."""
    others = [Route(f"/other{number}/{{item_id}}" if number % 2 else f"/other{number}/list") for number in range(count - 3)]
    return [EXACT, Route("/projects/{project_id}", "project"), Route("/things/{thing_id}"), *others]


def paths_for(asked: str) -> Paths:
    """Where the next path comes from, by what is asked for."""
    match asked:
        case "pattern path not seen before":
            return anew("/things/t")
        case "pattern path and permission not seen before":
            numbers = cycle(range(PROJECTS))
            return lambda: f"/projects/p{next(numbers)}"
        case _:
            path = ASKED_PATHS[asked]
            return always(fresh_text(path))


def body_of(name: str) -> dict[str, str]:
    """What every view answers."""
    return {"answer": name}
