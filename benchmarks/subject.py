"""A subject: something that is measured, in one process, in an environment of its own.

A subject's module has ``make(kit, **options)``, which returns its cells by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast

from benchmarks.drive import Driver, Paths
from benchmarks.pairs import Side, calls, nothing

__all__ = ["ASKED", "Cell", "Cells", "Kit", "Outcomes", "SubjectModule", "all_refusals", "door_cell", "nothing_bare"]

#: Keys, tokens and facts: see :mod:`benchmarks.kit`.
Kit: TypeAlias = Mapping[str, Any]

#: What came of each question that is asked before anything is timed: a status, or a word.
Outcomes: TypeAlias = dict[str, Any]

#: The questions: each is the name of a token of the kit, or none at all.
ASKED = ("no token", "bad token", "expired token", "missing right", "good")

#: What a whole guard answers to them.
REFUSALS: Outcomes = {"no token": 401, "bad token": 401, "expired token": 401, "missing right": 403, "good": 200}


@dataclass(frozen=True)
class Cell:
    """One thing to time, with its bare counterpart.

    :param claimed: what a subject says it refuses; a cell whose ``outcomes`` are others is not timed.
    """

    bare: Side
    guarded: Side
    outcomes: Callable[[], Outcomes] = dict
    claimed: Outcomes = field(default_factory=dict)


Cells: TypeAlias = dict[str, Cell]


class SubjectModule(Protocol):
    def make(self, kit: Kit, **options: Any) -> Cells: ...


def all_refusals(**other: Any) -> Outcomes:
    """What a whole guard answers; ``other`` are a library's own answers (``no_token=403``)."""
    return {**REFUSALS, **{name.replace("_", " "): answer for name, answer in other.items()}}


def nothing_bare(function: Callable[[Any], object], arguments: Callable[[], Any], **more: Any) -> Cell:
    """A cell for a function without an application around it."""
    return Cell(calls(nothing, arguments), calls(function, arguments), **more)


def door_cell(
    driver: Driver, bare: Any, guarded: Any, paths: Paths, tokens: Mapping[str, str], claimed: Outcomes, *, scheme: str = "Bearer"
) -> Cell:
    """A cell for a guarded application: its good requests are timed, its refusals are looked at before.

    :param tokens: by the questions of :data:`ASKED`.
    """

    def header(question: str) -> str | None:
        token = tokens.get(question)
        return None if token is None else f"{scheme} {token}"

    def outcomes() -> Outcomes:
        return {question: driver.status(guarded, paths(), header(question)) for question in claimed}

    good = cast("str", header("good"))
    return Cell(driver.side(bare, paths, good), driver.side(guarded, paths, good), outcomes, dict(claimed))
