"""The world of the conformance file: its facts, its policy, and a guard that knows both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cartaguard import Guard, LocalDirectory, Permission, Policy, Resource
from cartaguard.errors import FactsUnavailable
from cartaguard.model.facts import Fact, Granted, Need, PermissionNeed
from cartaguard.model.freshness import Freshness
from cartaguard.model.principal import Principal
from support.tokens import Clock, verifier_for

__all__ = ["VECTORS", "World", "guard_of", "vectors"]

VECTORS = Path(__file__).parent.parent / "vectors" / "conformance.json"


@cache
def vectors() -> dict[str, Any]:
    """The conformance file."""
    table: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))
    return table


class World(LocalDirectory):
    """Facts at hand, but for two types of resources that have to be asked for elsewhere.

    ``Distant`` ones answer that everybody reads ``Distant:open`` and nobody anything else; for ``Faraway`` ones
    there is no answer.
    """

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:  # type: ignore[override] # not at hand
        return None if resource.type in ("Distant", "Faraway") else super().permission(principal, resource, flag)

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        facts: dict[Need, Fact] = {}
        for need in needs:
            assert isinstance(need, PermissionNeed)
            if need.resource.type == "Faraway":
                raise FactsUnavailable("nobody answers", code="faraway_unavailable")
            facts[need] = Granted(Permission.READ if need.resource.id == "open" else Permission.NONE)
        return facts


def guard_of(policy: Policy | None = None) -> Guard:
    """A guard of that world. Both kinds of tokens are accepted, and the clock stands still."""
    clock = Clock()
    return Guard(
        verifier=verifier_for(clock=clock, token_use={"id", "access"}),
        directory=World.from_dict(vectors()["directory"]),
        policy=policy,
        clock=clock,
    )
