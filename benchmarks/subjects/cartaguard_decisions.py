"""A decision of cartaguard's for which every fact is at hand."""

from __future__ import annotations

from functools import partial

from benchmarks.drive import fresh_text
from benchmarks.subject import Cell, Cells, Kit, Outcomes, nothing_bare
from benchmarks.subjects.cartaguard_parts import guard_for
from cartaguard import Principal, Requirement, groups, permission

__all__ = ["make"]

_CLAIMED = {"missing right": "refused", "good": "permitted"}


def make(kit: Kit) -> Cells:
    guard = guard_for(kit)

    def principal(question: str) -> Principal:
        return guard.authenticate([f"Bearer {kit['tokens']['cognito'][question]}".encode()])

    def cell(requirement: Requirement) -> Cell:
        def outcomes() -> Outcomes:
            return {question: _word(guard.check(principal(question), requirement, {"project_id": "p1"}).permitted) for question in _CLAIMED}

        good = partial(guard.check, principal("good"), requirement)
        return nothing_bare(good, lambda: {"project_id": fresh_text("p1")}, outcomes=outcomes, claimed=_CLAIMED)

    return {
        "a group": cell(groups(kit["group"])),
        "a permission, resource fixed": cell(permission("read", "Project:p1")),
        "a permission, resource from the path": cell(permission("read", "Project:{project_id}")),
    }


def _word(permitted: bool) -> str:
    return "permitted" if permitted else "refused"
