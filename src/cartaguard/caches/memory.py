"""A bounded dict: reading takes no lock, writing does, and the oldest entries go first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from itertools import islice
from typing import Generic, TypeVar

__all__ = ["BOUND", "MemoryCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: How many entries a cache holds unless it is told otherwise.
BOUND = 10_000


class MemoryCache(Generic[K, V]):
    """At most ``bound`` entries, kept until they are pushed out, discarded or cleared.

    ``get`` is the ``get`` of the dict itself, so that a hit costs one look-up. An entry that is put again
    counts as new. Values are shared by all readers and must not be changed.
    """

    __slots__ = ("_bound", "_entries", "_lock", "get")

    get: Callable[[K], V | None]

    def __init__(self, bound: int = BOUND) -> None:
        if bound < 1:
            raise ValueError(f"`{bound}` entries are no cache; use 1 or more")
        self._bound = bound
        self._entries: dict[K, V] = {}
        self._lock = threading.Lock()
        self.get = self._entries.get

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        entries = self._entries
        with self._lock:
            entries.pop(key, None)
            if len(entries) >= self._bound:
                # Several at once: finding a dict's first entry passes over all that were removed before it.
                for oldest in list(islice(entries, max(1, self._bound // 8))):
                    del entries[oldest]
            entries[key] = value

    def discard(self, unwanted: Callable[[K], bool]) -> None:
        """Forget the entries with an unwanted key."""
        with self._lock:
            for key in [key for key in self._entries if unwanted(key)]:
                del self._entries[key]

    def items(self) -> list[tuple[K, V]]:
        """All entries, the oldest first."""
        with self._lock:
            return list(self._entries.items())

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
