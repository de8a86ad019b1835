"""Breaker: how long to leave a service alone that does not answer.

After a failure the next attempt waits 1 s, then 2, 4 and 8; five failures in a row open the breaker, and
then it is 30 s each time. Once a wait is over a single attempt goes ahead; the others wait for its outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cartaguard.events import emit

__all__ = ["Breaker"]

#: Seconds to wait after the first, second, … failure in a row; the last goes on for ever.
WAITS: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 30.0)

#: Seconds after which an attempt that never told its outcome (it was cancelled) is forgotten: no fetch takes longer.
LEASE = 10.0


class Breaker:
    """Counts the failures of one service.

    :param clock: seconds that only grow.
    :param source: what events call the service; without it, nothing is reported.
    :param waits: seconds to wait after the first, second, … failure in a row; the last goes on for ever.

    There is no lock, so that a fork cannot copy a held one: a race lets one more attempt through, no worse.
    """

    __slots__ = ("_clock", "_failures", "_source", "_trying", "_until", "_waits", "answered")

    def __init__(self, clock: Callable[[], float] = time.monotonic, source: str = "", *, waits: tuple[float, ...] = WAITS) -> None:
        self._clock = clock
        self._source = source
        self._waits = waits
        self._failures = 0
        self._until = 0.0
        self._trying = False
        #: Whether an attempt has ever been answered.
        self.answered = False

    def allow(self) -> float:
        """Seconds to wait before the next attempt; 0 says go, and then tell the outcome."""
        if not self._failures:
            return 0.0
        wait = self.wait()
        if wait:
            return wait
        self._until = self._clock() + LEASE
        self._trying = True
        return 0.0

    def success(self) -> None:
        """The attempt was answered: whatever came before is forgotten."""
        if self.open and self._source:
            emit("breaker_closed", source=self._source)
        self.answered = True
        self._failures = 0
        self._trying = False

    def failure(self) -> None:
        """The attempt failed. Of attempts that were under way together only the first one counts."""
        now = self._clock()
        if self._failures and not self._trying and now < self._until:
            return
        self._trying = False
        if self._failures == len(self._waits) - 1 and self._source:
            emit("breaker_opened", source=self._source)
        self._failures = min(self._failures + 1, len(self._waits))
        self._until = now + self._waits[self._failures - 1]

    @property
    def failing(self) -> bool:
        """Whether the last attempt that told its outcome failed."""
        return self._failures > 0

    def wait(self) -> float:
        """Seconds for which the service is left alone; unlike :meth:`allow` it claims no attempt."""
        wait = self._until - self._clock() if self._failures else 0.0
        # There is no longer wait than the longest: a clock that was set back must not make it one.
        return wait if 0.0 < wait <= self._waits[-1] else 0.0

    @property
    def open(self) -> bool:
        """Whether as many failures in a row as there are waits have opened it."""
        return self._failures == len(self._waits)
