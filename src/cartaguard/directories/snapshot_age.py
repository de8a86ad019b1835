"""How old facts of a snapshot may be."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

from cartaguard.events import emit
from cartaguard.model.freshness import Freshness
from cartaguard.model.principal import Principal

__all__ = ["SKEW", "Ages", "Voids", "Word"]

#: Seconds by which the clock of whoever wrote a snapshot may be ahead.
SKEW = 30.0

#: How many callers' invalidations are told apart.
_BOUND = 10_000


class Voids:
    """Until when what was known about callers is void, because it was invalidated.

    A snapshot that is older than an invalidation may hold just what has ceased to be true.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._everybody = -math.inf
        self._callers: dict[tuple[str, str], float] = {}

    def add(self, at: float, principal: Principal | None = None) -> None:
        """Everything about a caller, or about everybody, is void that is not newer than this."""
        with self._lock:
            if principal is not None and len(self._callers) < _BOUND:
                self._callers[principal.issuer, principal.subject] = at
            else:
                self._everybody = at
                self._callers.clear()

    def before(self, issuer: str, subject: str) -> float:
        """The time of the last invalidation that bears on a caller."""
        return max(self._everybody, self._callers.get((issuer, subject), -math.inf))


class Word(NamedTuple):
    """What is to be said of a fact for its age: that it is in doubt, or that it is stale."""

    doubt: str = ""
    stale: bool = False


_GOOD, _STALE = Word(), Word(stale=True)


class Ages:
    """The rule of a snapshot's age.

    :param source: what events call the snapshot.
    :param max_age: seconds.
    :param clock: seconds since 1970.
    :param voids: what was invalidated; ``None`` where the snapshot is the source itself, and not a memory of one.
    """

    def __init__(self, source: str, max_age: float, clock: Callable[[], float], voids: Voids | None) -> None:
        self._source = source
        self._max_age = max_age
        self._clock = clock
        self._voids = voids

    def age(self, since: float) -> float:
        """Seconds."""
        return self._clock() - since

    def beyond(self, since: float) -> str:
        """Why nothing from that time may be used by anybody; empty when it may."""
        age = self._clock() - since
        if age > self._max_age:
            return "snapshot_too_old"
        return "snapshot_from_the_future" if age < -SKEW else ""

    def stands(self, since: float, issuer: str, subject: str) -> bool:
        """Whether what was true of a caller at that time may still be used at all."""
        return not self.beyond(since) and (self._voids is None or since > self._voids.before(issuer, subject))

    def word(self, since: float, principal: Principal, fresh: Freshness | None) -> Word:
        """What is to be said of a fact about a caller that was true at that time."""
        beyond = self.beyond(since)
        if beyond:
            emit("snapshot_too_old", source=self._source, reason=beyond)
            return Word(beyond)
        if self._voids is not None and since <= self._voids.before(principal.issuer, principal.subject):
            return Word("snapshot_outdated")
        if fresh is None or fresh.max_age is None:
            return _GOOD
        age = self._clock() - since
        if age < fresh.max_age:
            return _GOOD
        return _STALE if age < fresh.max_age + fresh.max_stale else Word("snapshot_too_old")
