"""Passing a request on to a registered service: where to, with which headers, and how much of it.

A service is whatever its owner says it is, so the server would ask any address on behalf of anybody: only
services on this machine are asked, and on hosts that the deployer named; redirects are handed to the caller.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from urllib.parse import unquote_to_bytes, urlsplit

from cartaguard.devserver.faults import ApiError
from cartaguard.http.urls import is_loopback

__all__ = ["Via", "answered_headers", "checked_base", "checked_endpoint", "forwarded_headers", "target"]

Headers = list[tuple[bytes, bytes]]

#: Of one connection only (RFC 9110 section 7.6.1), or told anew by whoever sends.
_NOT_PASSED_ON = frozenset(
    {
        b"connection",
        b"host",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-authentication-info",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

#: Where services look for the caller's token besides `Authorization`. Nobody but Carta says what is in it.
_TOKEN = b"X_CARTA_TOKEN"

_PORTS = {"http": 80, "https": 443}


def checked_base(url: str, hosts: Collection[str]) -> str:
    """A service's address, if it may be asked.

    :param hosts: what is allowed besides this machine: ``name`` for any port, or ``name:port``.
    :raises ApiError: 400 for anything but http or https to this machine or an allowed host, and for userinfo, query,
        fragment, spaces and what clients read in different ways.
    """
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in ' \\?#@"<>') or _has_dots(url):
        raise ApiError(400, "baseUrl is no plain url; give scheme, host and path only")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host, port = "", None
    if not host or port is None:
        raise ApiError(400, "baseUrl is no http or https url")
    if not (is_loopback(host) or host in hosts or f"{host}:{port}" in hosts):
        raise ApiError(400, "baseUrl is not on this machine, and its host is not allowed")
    return url


def checked_endpoint(endpoint: str) -> str:
    """The path below a service. :raises ApiError: 400 for one that could lead out of the service's own."""
    if _has_dots(endpoint):
        raise ApiError(400, "the endpoint has a segment of dots")
    return endpoint


def target(base: str, endpoint: str, query: bytes) -> str:
    """The address of an endpoint, its path and query as they were sent."""
    url = f"{base.rstrip('/')}/{endpoint}" if endpoint else base
    return f"{url}?{query.decode('ascii', 'replace')}" if query else url


def _has_dots(path: str) -> bool:
    return any(unquote_to_bytes(segment).partition(b";")[0] in (b".", b"..") for segment in path.replace("\\", "/").split("/"))


class Via:
    """This server's own word in ``Via`` (RFC 9110 section 7.6.3), by which it knows a request that comes back to it."""

    def __init__(self) -> None:
        self._word = f"1.1 cartaguard-{uuid.uuid4().hex}".encode()

    def added(self, headers: Headers) -> Headers:
        """The headers with this server's word. :raises ApiError: 400 when it was there already."""
        if any(name == b"via" and self._word in value for name, value in headers):
            raise ApiError(400, "the service calls itself through carta")
        return [*headers, (b"via", self._word)]


def forwarded_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request as a service gets them: the caller's token under both names."""
    # Whoever reads headers as CGI has them cannot tell a dash from an underscore.
    passed = [(name, value) for name, value in _passed_on(headers) if name.replace(b"-", b"_") != _TOKEN.lower()]
    return [*passed, *((_TOKEN, value) for name, value in passed if name == b"authorization")]


def answered_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a service's answer as the caller gets them."""
    return _passed_on(headers)


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    sent = [(name.lower(), value) for name, value in headers]
    named = {option.strip().lower() for name, value in sent if name == b"connection" for option in value.split(b",")}
    return [(name, value) for name, value in sent if name not in _NOT_PASSED_ON and name not in named]
