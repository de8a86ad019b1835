"""Effects: what steps may ask of a driver.

A *step* generator does no I/O. It yields one of these and is resumed with the result, or has the fault
thrown into it. The same steps so serve threads and tasks.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urljoin, urlsplit

from cartaguard.drivers.flights import Flights
from cartaguard.errors import TransportError
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.model.value import Value, fill, replace

__all__ = ["Call", "Effect", "Shared", "Steps", "Together", "same_origin"]

T = TypeVar("T")


class Call(Value):
    """Call something that may block. Under asyncio ``aio`` is awaited, or else ``blocking`` runs in a thread."""

    __slots__ = __match_args__ = ("blocking", "aio")

    blocking: Callable[[], Any]
    aio: Callable[[], Awaitable[Any]] | None

    def __init__(self, blocking: Callable[[], Any], aio: Callable[[], Awaitable[Any]] | None = None) -> None:
        fill(self, "blocking", blocking)
        fill(self, "aio", aio)


class Shared(Value):
    """Run these steps once for everybody who asks for the same key meanwhile (single flight).

    The one who leads may be cancelled; the flight goes on for the others. One that began ``within`` seconds ago or
    longer is not joined.
    """

    __slots__ = __match_args__ = ("flights", "key", "steps", "within")

    flights: Flights
    key: Hashable
    steps: Callable[[], Generator[Any, Any, Any]]
    within: float | None

    def __init__(self, flights: Flights, key: Hashable, steps: Callable[[], Generator[Any, Any, Any]], within: float | None = None) -> None:
        fill(self, "flights", flights)
        fill(self, "key", key)
        fill(self, "steps", steps)
        fill(self, "within", within)


class Together(Value):
    """Run several steps, at once where the driver can; the results come in order. The first fault is thrown."""

    __slots__ = __match_args__ = ("steps",)

    steps: Sequence[Generator[Any, Any, Any]]

    def __init__(self, steps: Sequence[Generator[Any, Any, Any]]) -> None:
        fill(self, "steps", steps)


Effect: TypeAlias = HttpRequest | Call | Shared | Together
Steps: TypeAlias = Generator[Effect, Any, T]


def same_origin(request: HttpRequest, *, hops: int = 3) -> Steps[HttpResponse]:
    """Send a request and follow redirects that stay on its scheme, host and port, ``hops`` at most.

    All hops together have the request's ``timeout``. Raises :class:`~cartaguard.errors.TransportError` for a
    redirect that leaves, or for too many.
    """
    origin = urlsplit(request.url)[:2]
    deadline = time.monotonic() + request.timeout
    for _ in range(hops + 1):
        response: HttpResponse = yield request
        if response.status not in (301, 302, 303, 307, 308):
            return response
        target = urljoin(request.url, response.headers.get("location", ""))
        if urlsplit(target)[:2] != origin:
            raise TransportError(f"`{request.url}` redirects to another host", code="cross_host_redirect")
        request = replace(request, url=target, timeout=max(deadline - time.monotonic(), 0.001))
    raise TransportError(f"`{request.url}` redirects too often", code="too_many_redirects")
