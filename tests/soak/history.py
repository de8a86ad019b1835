"""What was true when: which answers to a request are right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

__all__ = ["WITHIN", "History"]

#: Seconds within which a change that was told to one process has reached every other.
WITHIN = 1.0


@dataclass
class _Change:
    """A right that is given or taken: the change began, and was told to a process of the service."""

    allowed: bool
    begun: float
    told: float = inf


@dataclass
class History:
    """Whether somebody has a right, over time."""

    allowed: bool
    changes: list[_Change] = field(default_factory=list)

    @property
    def now(self) -> bool:
        return self.changes[-1].allowed if self.changes else self.allowed

    @contextmanager
    def changing(self, allowed: bool) -> Iterator[None]:
        """The block changes the right at its source, and tells one process."""
        change = _Change(allowed, time.monotonic())
        self.changes.append(change)
        yield
        change.told = time.monotonic()

    def right(self, asked: float, answered: float, *, within: float) -> set[bool]:
        """What may have been answered to a request of that time, where a change is known ``within`` seconds."""
        right = {self.allowed}
        for change in self.changes:
            if change.told + within <= asked:
                right = {change.allowed}
            elif change.begun <= answered:
                right.add(change.allowed)
        return right
