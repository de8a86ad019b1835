"""An explanation: a decision with everything it rests on, for a person who wants to know why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartaguard.directories.base import Directory
from cartaguard.drivers.effects import Steps
from cartaguard.guard.flow import decisions, facts
from cartaguard.model.decision import Decision
from cartaguard.model.facts import Fact, GroupsNeed, Need, PermissionNeed
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import AllOf, AnyOf, HasPermission, Requirement
from cartaguard.model.value import Value, fill

__all__ = ["Explanation", "explained"]


class Explanation(Value):
    """``str()`` of it is the text; ``decision`` the verdict; ``parts`` the verdict on each single demand."""

    __slots__ = __match_args__ = ("decision", "parts", "text")

    decision: Decision
    parts: tuple[Decision, ...]
    text: str

    def __init__(self, decision: Decision, parts: tuple[Decision, ...], text: str) -> None:
        fill(self, "decision", decision)
        fill(self, "parts", parts)
        fill(self, "text", text)

    def __str__(self) -> str:
        return self.text


def explained(directory: Directory, principal: Principal, requirement: Requirement, params: Mapping[str, Any]) -> Steps[Explanation]:
    """Decide a requirement and each of its demands, and say what is known of the caller."""
    leaves = tuple(requirement.leaves())
    verdict, *parts = yield from decisions(directory, principal, [(one, params) for one in (requirement, *leaves)])
    lines = verdict.explain().splitlines()[:1]
    verdicts = iter(parts)
    lines += _tree(requirement, lambda: next(verdicts), "  ")
    lines.append(f"caller: {principal.username} (issuer {principal.issuer})" if principal.authenticated else "caller: anonymous")
    if principal.authenticated:
        resources = [
            resource
            for leaf in leaves
            if isinstance(leaf, HasPermission) and (resource := leaf.on.fixed or leaf.on.fill(params)) is not None
        ]
        asked = list(dict.fromkeys(resources))
        needs: list[Need] = [GroupsNeed(principal), *(PermissionNeed(principal, resource) for resource in asked)]
        found: list[Any] = yield from facts(directory, needs)
        known, *held = found
        named = sorted(known.groups | principal.groups)
        lines.append(f"groups: {', '.join(named) or 'none'}{_unsure(known)}")
        for resource, fact in zip(asked, held, strict=True):
            lines.append(f"holds on {resource}: {fact.permission.effective}{_unsure(fact)}")
    return Explanation(verdict, tuple(parts), "\n".join(lines))


def _unsure(fact: Fact) -> str:
    return f" (not the whole: {fact.doubt.replace('_', ' ')})" if fact.doubt else ""


def _tree(requirement: Requirement, verdict: Any, indent: str) -> list[str]:
    if isinstance(requirement, (AnyOf, AllOf)):
        lines = [f"{indent}{'any of' if isinstance(requirement, AnyOf) else 'all of'}:"]
        for part in requirement.parts:
            lines += _tree(part, verdict, indent + "  ")
        return lines
    return [indent + verdict().explain().splitlines()[0]]
