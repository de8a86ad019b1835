"""One remote document (a key set, Carta's login data): fetched once for everybody who waits for it, within bounds.

A fetch ends within 10 s and 2 MB and follows no redirect to another host. After a failure the next one waits,
from 1 to 30 s; five in a row open the breaker. What was read before stays with the owner, who knows how old
it may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cartaguard.drivers.breaker import WAITS, Breaker
from cartaguard.drivers.effects import Shared, Steps, same_origin
from cartaguard.drivers.flights import Flights
from cartaguard.errors import CartaGuardError, KeysUnavailable, TransportError, Unavailable
from cartaguard.events import emit
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.model.health import Condition

__all__ = ["Document", "DocumentError"]

#: Seconds for a fetch as a whole, and bytes of a decompressed body.
TIMEOUT, MAX_BYTES = 10.0, 2 * 1024 * 1024


class DocumentError(CartaGuardError, ValueError):
    """The document was had and is not what it should be. The message holds nothing of it."""

    code = "unreadable_document"


class Document:
    """The document at one address.

    :param url: an address that was checked to be secure.
    :param http: a client of the caller's own, or ``None``.
    :param clock: seconds that only grow.
    :param take: takes the body over; raises :class:`DocumentError` when it is no good.
    :param usable: whether what was read before can still be used.
    """

    def __init__(
        self, url: str, *, http: Any, clock: Callable[[], float], take: Callable[[bytes], None], usable: Callable[[], bool] = lambda: False
    ) -> None:
        self.url = url
        #: Whether the last fetch failed.
        self.failed = False
        #: Whether it is being fetched: what was published meanwhile may not be in the answer.
        self.under_way = False
        self._http = http
        self._clock = clock
        self._take = take
        self._usable = usable
        self._flights = Flights()
        self._breaker = Breaker(clock, url)
        self._retry_at = -math.inf
        self._landings = 0

    def pause(self) -> float:
        """Seconds for which it is left alone after a failure; 0 when it may be fetched."""
        wait = self._retry_at - self._clock()
        # A clock that was set back must not make it longer than it can be.
        return wait if 0.0 < wait <= WAITS[-1] else 0.0

    def unavailable(self) -> KeysUnavailable:
        """The fault to raise when the document would be needed and cannot be had."""
        return KeysUnavailable(f"`{self.url}` could not be read", retry_after=max(math.ceil(self.pause()), 1))

    def health(self, issuer: str) -> Condition:
        """How the keys of an issuer are for which the document is needed and was never had."""
        if self.failed:
            return Condition("keys", issuer, "unavailable", "down", retry_after=self.pause())
        return Condition("keys", issuer, "not_fetched")

    def fetch(self, needed: Callable[[], bool] = lambda: True, landed: Callable[[], None] | None = None) -> Steps[bool]:
        """Fetch it, or wait for whoever is fetching it, and say whether it was had anew. A failure is not raised.

        :param needed: asked before taking off, since another fetch may have landed after the caller found it necessary.
        :param landed: called at the end of the fetch, before anybody goes on, if it was this call that made it.
        """
        seen = self._landings
        try:
            yield Shared(self._flights, "document", lambda: self._fly(needed, landed))
        except Unavailable:
            # Whoever fetched it was interrupted, or takes too long.
            return False
        return self._landings != seen and not self.failed

    def _fly(self, needed: Callable[[], bool], landed: Callable[[], None] | None) -> Steps[None]:
        if not needed():
            return
        wait = self._breaker.allow()
        if wait:
            self._retry_at = self._clock() + wait
            return
        self.under_way = True
        try:
            request = HttpRequest("GET", self.url, {"accept": "application/json"}, timeout=TIMEOUT, max_bytes=MAX_BYTES, client=self._http)
            response: HttpResponse = yield from same_origin(request)
            if response.status != 200:
                raise DocumentError(f"status {response.status}")
            self._take(response.body)
        except (TransportError, DocumentError) as fault:
            self.failed = True
            emit("keys_stale" if self._usable() else "keys_unavailable", source=self.url, reason=fault)
            self._breaker.failure()
            self._retry_at = self._clock() + self._breaker.allow()
        else:
            if self.failed:
                emit("keys_back", source=self.url)
            self.failed = False
            self._breaker.success()
            self._retry_at = -math.inf
        finally:
            self.under_way = False
            self._landings += 1
            if landed is not None:
                landed()
