"""Single flight: work under way, by key, shared by threads and by tasks of any event loop."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from concurrent.futures import Future
from typing import Any

from cartaguard.drivers.forks import renew_in_children

__all__ = ["Flights"]


class Flights:
    """The flights of one owner (a key set, a cache). Nothing is kept once a flight has landed."""

    def __init__(self) -> None:
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Begin without any: the leaders of what was under way stayed in the parent process."""
        self._lock = threading.Lock()
        self._open: dict[Hashable, Future[Any]] = {}

    def join(self, key: Hashable) -> tuple[Future[Any], bool]:
        """The flight with this key, and whether the caller is to lead it."""
        with self._lock:
            flight = self._open.get(key)
            if flight is not None:
                return flight, False
            flight = self._open[key] = Future()
            return flight, True

    def land(self, key: Hashable, flight: Future[Any], *, result: Any = None, fault: BaseException | None = None) -> None:
        """End a flight: its result or fault goes to everybody who joined. One that has landed stays as it is."""
        with self._lock:
            if self._open.get(key) is not flight:
                return
            del self._open[key]
        if fault is not None:
            flight.set_exception(fault)
        else:
            flight.set_result(result)
