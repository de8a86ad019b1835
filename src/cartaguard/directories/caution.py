"""Caution: leaving a remote directory alone where it fails, and only there.

A service that cannot be reached, is overloaded or answers through a failing gateway is left alone as a whole.
A 500 is about one question: if it counted for all, whoever finds a name that breaks the service would turn
it off for everybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from cartaguard.drivers.breaker import Breaker
from cartaguard.errors import FactsUnavailable
from cartaguard.model.health import Condition

__all__ = ["Caution"]

#: How many failing questions are remembered.
_BOUND = 1024


class Caution:
    """The breakers of one service: one for the whole, one for each question that failed lately.

    :param source: what events call the service.
    :param doubt: the code of what is raised while it is left alone.
    """

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic, *, doubt: str = "carta_unavailable") -> None:
        self._clock = clock
        self._doubt = doubt
        self._source = source
        self._whole = Breaker(clock, source)
        self._questions: dict[Hashable, Breaker] = {}

    def check(self, question: Hashable) -> None:
        """Pass, or raise :class:`~cartaguard.errors.FactsUnavailable` when it is too early to ask again."""
        breaker = self._questions.get(question)
        wait = (breaker.allow() if breaker is not None else 0.0) or self._whole.allow()
        if wait:
            raise FactsUnavailable("it failed lately and is left alone for now", code=self._doubt, retry_after=int(wait) + 1)

    def health(self) -> Condition:
        """Whether the service as a whole answered last, or is left alone and for how long."""
        if self._whole.failing:
            return Condition("directory", self._source, "left_alone", "down", retry_after=self._whole.wait())
        return Condition("directory", self._source, "ok" if self._whole.answered else "unknown")

    def unreachable(self) -> None:
        """The service as a whole does not answer."""
        self._whole.failure()

    def answered(self, question: Hashable) -> None:
        """The service answered, whatever it said."""
        self._whole.success()
        self._questions.pop(question, None)

    def failed(self, question: Hashable) -> None:
        """The service answered, but could not cope with this question."""
        self._whole.success()
        while len(self._questions) >= _BOUND and question not in self._questions:
            del self._questions[next(iter(self._questions))]
        self._questions.setdefault(question, Breaker(self._clock)).failure()
