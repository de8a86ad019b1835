"""An operation: one call of Carta's REST API as plain data, before it is sent and in no colour."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.paths import address, segment
from cartaguard.errors import ParameterError
from cartaguard.http.exchange import HttpRequest, HttpResponse

__all__ = ["Operation"]

T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")

#: Calling these once more changes nothing more (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co]):
    """What is sent, and how the answer is read.

    :param method: the HTTP method.
    :param path: segments, unescaped; each becomes exactly one segment of the URL.
    :param read: makes the result of a 2xx answer; raises :class:`~cartaguard.errors.CartaError` for a malformed one.
    :param query: unescaped.
    :param headers: beyond those of every call. They may hold a secret, and so stay out of the repr.
    :param json: the body, if there is one, as what JSON is made of.
    :param anonymous: sent without a credential.
    :param also: statuses beyond 2xx that ``read`` understands.
    """

    method: str
    path: tuple[str, ...]
    read: Callable[[HttpResponse], T_co] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    anonymous: bool = False
    also: frozenset[int] = frozenset()

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice is the same as sending it once."""
        return self.method in _IDEMPOTENT

    def __str__(self) -> str:
        return f"{self.method} {'/'.join(map(segment, self.path))}"

    def reading(self, read: Callable[[HttpResponse], U]) -> Operation[U]:
        """The same call, its answer read in another way."""
        return Operation(self.method, self.path, read, self.query, self.headers, self.json, self.anonymous, self.also)

    def request(self, carta: Endpoint, authorization: str = "") -> HttpRequest:
        """The request to be sent.

        :param authorization: the header's value; without one nobody asks.
        :raises cartaguard.carta.paths.UnaskableError: for a name that no path can carry.
        :raises cartaguard.errors.ParameterError: for a body that is not made of what JSON is.
        """
        headers = {"Accept": "application/json, text/plain", **self.headers}
        if authorization:
            headers["Authorization"] = authorization
        body = None
        if self.json is not None:
            body = _encoded(self.json)
            headers["Content-Type"] = "application/json"
        url = address(carta.host, *self.path, query=self.query)
        return HttpRequest(self.method, url, headers, body, timeout=carta.timeout, max_bytes=carta.max_bytes, client=carta.client)


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise ParameterError("the body cannot be written as JSON: use text, numbers, booleans, lists and dicts with text keys") from None
