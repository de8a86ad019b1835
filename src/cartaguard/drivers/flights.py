"""Single flight: work under way, by key, shared by threads and by tasks of any event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any

from cartaguard.drivers.forks import renew_in_children

__all__ = ["Flights"]


class Flights:
    """The flights of one owner (a key set, a cache). Nothing is kept once a flight has landed.

    :param clock: seconds, by which is told when a flight began.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Begin without any: the leaders of what was under way stayed in the parent process."""
        self._lock = threading.Lock()
        #: Those that can be joined, and when they began.
        self._open: dict[Hashable, tuple[Future[Any], float]] = {}
        #: Every flight that has not landed.
        self._under_way: set[Future[Any]] = set()

    def join(self, key: Hashable, within: float | None = None) -> tuple[Future[Any], bool]:
        """The flight with this key, and whether the caller is to lead it.

        :param within: seconds; one that began that long ago or longer is not joined, and the new one takes its place.
        """
        now = self._clock()
        with self._lock:
            flight, began = self._open.get(key, (None, 0.0))
            # A clock that was set back tells no age.
            if flight is not None and (within is None or 0.0 <= now - began < within):
                return flight, False
            flight = Future()
            self._open[key] = flight, now
            self._under_way.add(flight)
            return flight, True

    def land(self, key: Hashable, flight: Future[Any], *, result: Any = None, fault: BaseException | None = None) -> None:
        """End a flight: its result or fault goes to everybody who joined. One that has landed stays as it is."""
        with self._lock:
            if flight not in self._under_way:
                return
            self._under_way.discard(flight)
            if self._open.get(key, (None,))[0] is flight:
                del self._open[key]
        if fault is not None:
            flight.set_exception(fault)
        else:
            flight.set_result(result)
