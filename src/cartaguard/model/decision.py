"""Decision: the verdict on one requirement, with its reason."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cartaguard.model.names import Resource
    from cartaguard.model.requirement import Requirement

__all__ = ["Decision", "Outcome"]


class Outcome(Enum):
    """The three values. Deny is the zero value: what is not known to permit does not."""

    DENY = 0
    PERMIT = 1
    INDETERMINATE = 2


class Decision:
    """The verdict on one requirement. True in a condition only if it permits.

    ``reason`` is a stable code; :meth:`explain` is for people. ``parts`` are the decisions on the parts of
    a combination that were looked at, ``resource`` the resource in question, ``concealed`` says that the
    refusal must look as if there were nothing, ``retry_after`` (seconds) goes with an indeterminate one.
    """

    __slots__ = ("concealed", "detail", "outcome", "parts", "permitted", "reason", "requirement", "resource", "retry_after")

    concealed: bool
    detail: str
    outcome: Outcome
    parts: tuple[Decision, ...]
    permitted: bool
    reason: str
    requirement: Requirement | None
    resource: Resource | None
    retry_after: int

    def __init__(
        self,
        outcome: Outcome = Outcome.DENY,
        reason: str = "denied",
        *,
        requirement: Requirement | None = None,
        resource: Resource | None = None,
        parts: tuple[Decision, ...] = (),
        concealed: bool = False,
        detail: str = "",
        retry_after: int = 5,
    ) -> None:
        fill = object.__setattr__
        fill(self, "outcome", outcome)
        fill(self, "permitted", outcome is Outcome.PERMIT)
        fill(self, "reason", reason)
        fill(self, "requirement", requirement)
        fill(self, "resource", resource)
        fill(self, "parts", parts)
        fill(self, "concealed", concealed)
        fill(self, "detail", detail)
        fill(self, "retry_after", retry_after)

    @property
    def denied(self) -> bool:
        return self.outcome is Outcome.DENY

    @property
    def indeterminate(self) -> bool:
        return self.outcome is Outcome.INDETERMINATE

    def explain(self) -> str:
        """The verdict and why, in lines for a person; parts of a combination are indented."""
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> list[str]:
        verb = {Outcome.DENY: "deny", Outcome.PERMIT: "permit", Outcome.INDETERMINATE: "cannot tell"}[self.outcome]
        line = f"{indent}{verb}: {self.reason.replace('_', ' ')}"
        if self.requirement is not None:
            line += f" ({self.requirement.describe(self.resource)})"
        if self.detail:
            line += f": {self.detail}"
        lines = [line]
        for part in self.parts:
            lines += part._lines(indent + "  ")
        return lines

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a decision cannot be changed: `{name}`")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a decision cannot be changed: `{name}`")

    def __bool__(self) -> bool:
        return self.permitted

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return (self.outcome, self.reason, self.resource, self.concealed, self.parts) == (
            other.outcome,
            other.reason,
            other.resource,
            other.concealed,
            other.parts,
        )

    def __hash__(self) -> int:
        return hash((self.outcome, self.reason, self.resource))

    def __repr__(self) -> str:
        return f"<Decision {self.outcome.name.lower()}: {self.reason}>"
