"""One HTTP exchange as plain data: what a flow asks a driver to send, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["HttpRequest", "HttpResponse"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An exchange to be made.

    :param timeout: seconds for the whole exchange.
    :param max_bytes: the largest body that is read, counted after decompression.
    :param client: a client object of the caller's own (httpx, httpx2 or anything with their ``get``).

    Redirects are never followed by a driver: see :func:`cartaguard.drivers.effects.same_origin`.
    Headers and body stay out of the repr, since they may hold a secret.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 10.0
    max_bytes: int = 2 * 1024 * 1024
    client: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back: header names in lower case, the body as bytes within ``max_bytes``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
