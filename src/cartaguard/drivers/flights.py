"""Single flight: work under way, by key, shared by threads and by tasks of any event loop."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from concurrent.futures import Future
from typing import Any

__all__ = ["Flights"]


class Flights:
    """The flights of one owner (a key set, a cache). Nothing is kept once a flight has landed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Hashable, Future[Any]] = {}
        self._pid = os.getpid()

    def join(self, key: Hashable) -> tuple[Future[Any], bool]:
        """The flight with this key, and whether the caller is to lead it."""
        if self._pid != os.getpid():
            # A fork copies flights (and perhaps a held lock) whose leaders stayed in the parent.
            self.__init__()  # type: ignore[misc]
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
