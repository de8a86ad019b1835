"""Health: how the things are that decisions rest on. What tells of itself gives conditions; all of them are the health."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

__all__ = ["PARTS", "Condition", "Health", "Level", "Part"]

Level: TypeAlias = Literal["ok", "degraded", "down"]
Part: TypeAlias = Literal["keys", "directory", "cache", "bus"]

PARTS: Final[tuple[Part, ...]] = ("keys", "directory", "cache", "bus")


class Condition(NamedTuple):
    """How one thing is.

    :param part: what it is for.
    :param source: its address or kind, without anything that is secret.
    :param state: a word, such as ``fresh`` or ``left_alone``; the documentation has them.
    :param age: of what is used of it, in seconds.
    :param retry_after: seconds until it is asked again.
    """

    part: Part
    source: str
    state: str
    level: Level = "ok"
    age: float | None = None
    retry_after: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The condition for JSON; seconds are whole ones."""
        from cartaguard import _logfmt

        told: dict[str, Any] = {"source": _logfmt.text(self.source), "state": self.state, "level": self.level}
        if self.age is not None:
            told["age"] = round(self.age)
        if self.retry_after is not None:
            told["retry_after"] = round(self.retry_after)
        return told


class Health:
    """Everything that told of itself.

    ``status`` is ``down`` while no keys, or no facts, can be had from anywhere; ``degraded`` when anything else is not
    as it should be: then some requests are slower, rest on older facts, or are answered with 503.

    :param asked: whether the sources are asked for it. If not, what failed and may be asked again does not bring it
        down any more: only a request would find out, and nobody sends one to what is down.
    """

    def __init__(self, conditions: Iterable[Condition], *, asked: bool = False) -> None:
        self.conditions: tuple[Condition, ...] = tuple(conditions)
        self._asked = asked
        levels = [self.level(part) for part in PARTS]
        #: ``ok``, ``degraded`` or ``down``.
        self.status: Level = "down" if "down" in levels else "degraded" if "degraded" in levels else "ok"

    @property
    def http_status(self) -> int:
        """The status for a health check's answer: 503 when it is down, else 200, for a restart mends no degradation."""
        return 503 if self.status == "down" else 200

    def of(self, part: Part) -> tuple[Condition, ...]:
        """The conditions of one part."""
        return tuple(condition for condition in self.conditions if condition.part == part)

    def level(self, part: Part) -> Level:
        """How one part is as a whole. Without cache and bus answers are right, so that these never bring it down."""
        conditions = self.of(part)
        if all(condition.level == "ok" for condition in conditions):
            return "ok"
        return "down" if part in ("keys", "directory") and all(map(self._is_out, conditions)) else "degraded"

    def _is_out(self, condition: Condition) -> bool:
        return condition.level == "down" and (self._asked or condition.retry_after != 0)

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON. It names hosts, and so is for those who run the service; strangers get ``status`` alone."""
        told: dict[str, Any] = {"status": self.status}
        for part in PARTS:
            told[part] = {"level": self.level(part), "sources": [condition.as_dict() for condition in self.of(part)]}
        return told

    def __repr__(self) -> str:
        return f"<Health {self.status}>"
