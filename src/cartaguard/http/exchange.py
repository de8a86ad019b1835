"""One HTTP exchange as plain data: what a flow asks a driver to send, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartaguard.model.value import Value, fill

__all__ = ["HttpRequest", "HttpResponse"]


class HttpRequest(Value):
    """An exchange to be made.

    :param timeout: seconds for the whole exchange.
    :param max_bytes: the largest body that is read, counted after decompression.
    :param client: a client object of the caller's own (httpx, httpx2 or anything with their ``get``).

    Redirects are never followed by a driver: see :func:`cartaguard.drivers.effects.same_origin`.
    Headers and body stay out of the repr, since they may hold a secret.
    """

    __slots__ = __match_args__ = ("method", "url", "headers", "body", "timeout", "max_bytes", "client")
    _unshown = frozenset({"headers", "body", "client"})

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float
    max_bytes: int
    client: Any

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10.0,
        max_bytes: int = 2 * 1024 * 1024,
        client: Any = None,
    ) -> None:
        fill(self, "method", method)
        fill(self, "url", url)
        fill(self, "headers", {} if headers is None else headers)
        fill(self, "body", body)
        fill(self, "timeout", timeout)
        fill(self, "max_bytes", max_bytes)
        fill(self, "client", client)


class HttpResponse(Value):
    """What came back: header names in lower case, the body as bytes within ``max_bytes``."""

    __slots__ = __match_args__ = ("status", "headers", "body")
    _unshown = frozenset({"headers", "body"})

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        fill(self, "status", status)
        fill(self, "headers", {} if headers is None else headers)
        fill(self, "body", body)
