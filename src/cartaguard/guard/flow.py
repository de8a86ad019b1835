"""The whole story of a request on one page, without I/O.

    header values ──▶ verifier ──▶ Principal
    Principal + Requirement ──▶ decide ──▶ Decision
                                   │ ▲
                             needs ▼ │ facts
                                directory

Each function is a generator of effects (:mod:`cartaguard.drivers.effects`); :mod:`cartaguard.drivers.blocking`
and :mod:`cartaguard.drivers.aio` run it. When every fact is at hand the flow is not entered at all: see
:class:`cartaguard.guard.guard.Guard`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cartaguard.directories.base import answered, at_hand
from cartaguard.guard.decide import decide
from cartaguard.model.decision import Decision
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Requirement

if TYPE_CHECKING:
    from cartaguard.directories.base import Directory
    from cartaguard.drivers.effects import Steps

__all__ = ["Check", "decisions", "facts"]

Check = tuple[Requirement, Mapping[str, Any]]


def decisions(directory: Directory, principal: Principal, checks: Sequence[Check]) -> Steps[list[Decision]]:
    """Decide several requirements on one principal; what they need is fetched together, and once."""
    gathered = _Gathered(directory)
    done: list[Decision | None] = [None] * len(checks)
    while True:
        needs: list[Need] = []
        for index, (requirement, params) in enumerate(checks):
            if done[index] is None:
                answer = decide(requirement, principal, params, gathered)
                if isinstance(answer, Decision):
                    done[index] = answer
                else:
                    needs += answer
        if not needs:
            return [decision for decision in done if decision is not None]
        yield from gathered.fetch(needs)


def facts(directory: Directory, needs: Sequence[Need]) -> Steps[list[Fact]]:
    """Have these facts, from what is at hand or fetched; what cannot be had carries a doubt."""
    gathered = _Gathered(directory)
    found = {need: at_hand(directory, need) for need in needs}
    missing = [need for need, fact in found.items() if fact is None]
    if missing:
        found |= yield from gathered.fetch(missing)
    return [fact for need in needs if (fact := found[need]) is not None]


class _Gathered:
    """The facts of one flow: what was fetched for it, then what the directory has at hand.

    A need is asked for once, and what a directory leaves unanswered is in doubt, so that a flow always ends.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.qualified = directory.qualified
        self._answers: dict[Need, Any] = {}

    def fetch(self, needs: Sequence[Need]) -> Steps[dict[Need, Fact]]:
        asked = tuple(dict.fromkeys(needs))
        facts = yield from answered(self._directory, asked)
        self._answers |= facts
        return facts

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        return self._answers.get(GroupsNeed(principal, wanted, fresh)) or self._directory.groups(principal, wanted, fresh)

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        need = PermissionNeed(principal, resource, flag, fresh)
        return self._answers.get(need) or self._directory.permission(principal, resource, flag, fresh)

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return self._answers.get(OrganizationsNeed(principal, fresh)) or self._directory.organizations(principal, fresh)

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        return self._answers.get(RestrictionNeed(principal, resource, fresh)) or self._directory.restriction(principal, resource, fresh)
