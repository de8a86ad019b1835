"""FastAPI with a dependency that does nothing on every route: what any guard costs there that is a dependency."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Depends

from benchmarks.drive import AsgiDriver
from benchmarks.subject import Cells, Kit, door_cell
from benchmarks.subjects.applications import fastapi_app
from benchmarks.subjects.routes import paths_for

__all__ = ["make"]


async def _idle() -> None:
    """Refuses nothing."""


def make(kit: Kit, *, counts: Sequence[int]) -> Cells:
    driver = AsgiDriver()
    return {
        f"{count} routes, exact path": door_cell(
            driver,
            fastapi_app(count),
            fastapi_app(count, demands=lambda route: [Depends(_idle)]),
            paths_for("exact path"),
            kit["tokens"]["cognito"],
            {"good": 200},
        )
        for count in counts
    }
