"""What a guard tells of its health, and how it asks its sources for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from cartaguard.directories.base import Directory
    from cartaguard.drivers.effects import Steps
    from cartaguard.guard.guard import Guard
    from cartaguard.model.health import Condition, Health, Part
    from cartaguard.tokens.verifier import TokenVerifier

__all__ = ["Answers", "Monitor", "Tells", "parts_up"]

#: Seconds in which the sources are asked at most once, whoever wants to know.
PAUSE = 10.0

#: Seconds after which no further source is asked. One that is being asked has its own timeout.
BUDGET = 10.0


class Tells(Protocol):
    """Something that tells of itself: a cache, a bus, a snapshot."""

    def health(self) -> Iterable[Condition]:
        """How it is, at once and without I/O."""


@runtime_checkable
class Answers(Protocol):
    """Such a thing that can be asked whether it answers."""

    def probe(self) -> Steps[None]:
        """Ask it, for its ``health`` to tell. Raises nothing for an outage."""


class Monitor:
    """The health of one guard.

    :param clock: seconds that only grow.
    """

    def __init__(self, verifier: TokenVerifier | None, directory: Directory, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._verifier = verifier
        self._directory = directory
        self._others: list[Tells] = []
        self._clock = clock
        self._probed_at = -math.inf

    def add(self, other: Tells) -> None:
        """Let something else tell of itself too."""
        self._others.append(other)

    def health(self) -> Health:
        """What is known now, without asking anybody."""
        from cartaguard.model.health import Health

        return Health(self._conditions())

    def _conditions(self) -> list[Condition]:
        told = [] if self._verifier is None else [*self._verifier.health()]
        told += self._directory.health()
        for other in self._others:
            told += other.health()
        return told

    def probe(self) -> Steps[Health]:
        """Ask everything that can be asked, unless that was done lately, and tell what came of it. Nothing is raised for an outage."""
        from cartaguard.drivers.effects import Together
        from cartaguard.model.health import Health

        now = self._clock()
        if now - self._probed_at >= PAUSE:
            self._probed_at = now
            probes = [] if self._verifier is None else self._verifier.probes()
            probes += [self._directory.probe(), *(other.probe() for other in self._others if isinstance(other, Answers))]
            yield Together([self._within(now + BUDGET, probe) for probe in probes])
        return Health(self._conditions(), asked=True)

    def _within(self, deadline: float, probe: Steps[None]) -> Steps[None]:
        # In a thread they are asked one after the other.
        if self._clock() < deadline:
            yield from probe


def parts_up(guards: Iterable[Guard]) -> Iterator[tuple[Part, bool]]:
    """For metrics: each part that some guard has, and whether none of its sources is down."""
    from cartaguard.model.health import PARTS, Health

    health = Health([condition for guard in guards for condition in guard.health().conditions])
    for part in PARTS:
        conditions = health.of(part)
        if conditions:
            yield part, all(condition.level != "down" for condition in conditions)
