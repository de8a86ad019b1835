"""Who stands in which row: cartaguard, and the others in environments of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.subjects.routes import ASKED_PATHS

__all__ = ["PAIRED", "Contender", "Row"]


class Contender(NamedTuple):
    """Somebody in a row.

    :param who: the name in the table.
    :param module: makes the cells, below ``benchmarks.subjects``.
    :param options: for its ``make``.
    :param environment: whose packages it runs with: a table of ``peers.toml``; ``None``: cartaguard's own.
    :param note: a sentence for the table.
    """

    who: str
    module: str
    options: Mapping[str, Any] = {}
    environment: str | None = None
    note: str = ""


class Row(NamedTuple):
    """A row of things that are timed in pairs."""

    title: str
    contenders: Sequence[Contender]


_DOOR = {"counts": [5, 500], "asked": list(ASKED_PATHS)}


def _ours(door: str, who: str = "cartaguard") -> Contender:
    return Contender(who, "cartaguard_doors", {"door": door, **_DOOR})


PAIRED: Mapping[str, Row] = {
    "token": Row(
        "A token",
        [Contender("cartaguard", "cartaguard_tokens"), Contender("the signature alone", "signature")],
    ),
    "decision": Row("A decision whose facts are at hand", [Contender("cartaguard", "cartaguard_decisions")]),
    "asgi": Row("Raw ASGI", [_ours("asgi")]),
    "starlette": Row("Starlette", [_ours("starlette")]),
    "fastapi": Row(
        "FastAPI",
        [
            _ours("fastapi"),
            _ours("fastapi routes", "cartaguard, demands on the routes"),
            _ours("fastapi alone", "cartaguard, as a dependency"),
            Contender("a dependency that does nothing", "idle_dependency", {"counts": [5, 500]}),
        ],
    ),
    "wsgi": Row("Raw WSGI", [_ours("wsgi")]),
    "flask": Row("Flask", [_ours("flask")]),
}
