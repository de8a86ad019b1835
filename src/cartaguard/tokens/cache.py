"""The cache of verified tokens: a plain bounded dict, keyed by the whole ``Authorization`` value.

Full equality, never a digest or a part of the token: a part that is not compared is a part that can be forged.
What a WSGI server hands over as text is found as it is: to turn it into bytes takes longer than to look it up.
Finding takes no lock. Who verifies takes hold of the current shelf *before* it reads the keys and puts the outcome
there; when the keys change, the shelf is replaced *after* them, in one step. So nothing that was verified with an
older key is ever on the current shelf.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from cartaguard.drivers.forks import renew_in_children
from cartaguard.model.principal import Principal
from cartaguard.tokens.credential import HeaderValue

__all__ = ["Shelf", "TokenCache"]


class Shelf:
    """What was verified with one state of the keys."""

    __slots__ = ("_bound", "_lock", "_order", "entries", "texts")

    def __init__(self, bound: int) -> None:
        #: value → (principal, good from, good until).
        self.entries: dict[HeaderValue, tuple[Principal, float, float]] = {}
        #: The same for text. Bytes are never compared with text, which Python can be told to warn of.
        self.texts: dict[HeaderValue, tuple[Principal, float, float]] = {}
        self._order: deque[HeaderValue] = deque()
        self._bound = bound
        self._lock = threading.Lock()

    def put(self, value: HeaderValue, principal: Principal, good_from: float, good_until: float) -> None:
        """Remember a principal; the oldest one goes when there are too many."""
        with self._lock:
            entries = self._among(value)
            if value not in entries:
                self._order.append(value)
            entries[value] = (principal, good_from, good_until)
            if len(self._order) > self._bound:
                oldest = self._order.popleft()
                del self._among(oldest)[oldest]

    def _among(self, value: HeaderValue) -> dict[HeaderValue, tuple[Principal, float, float]]:
        return self.texts if isinstance(value, str) else self.entries


class TokenCache:
    """The current shelf.

    :param bound: how many tokens are remembered.
    :param clock: seconds since 1970.
    """

    __slots__ = ("__weakref__", "_bound", "_clock", "shelf")

    def __init__(self, bound: int, clock: Callable[[], float]) -> None:
        self._bound = bound
        self._clock = clock
        self.clear()
        renew_in_children(self)

    def get(self, value: HeaderValue) -> Principal | None:
        """The principal for this very value, if it was verified, is still good and its key still in use."""
        shelf = self.shelf
        try:
            principal, good_from, good_until = (shelf.texts if type(value) is str else shelf.entries)[value]
        except KeyError:
            return None
        return principal if good_from <= self._clock() < good_until else None

    def clear(self) -> None:
        """Forget everything."""
        self.shelf = Shelf(self._bound)

    def renew(self) -> None:
        """Begin anew in a forked process: a thread that stayed behind may have held the shelf's lock."""
        self.clear()
