"""Namespaces and services: registering, renaming, removing and calling them through Carta."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import ignored, one, record, reply
from cartaguard.carta.records import Record, Reply
from cartaguard.errors import ParameterError

__all__ = ["call", "namespace", "register", "remove_namespace", "rename", "reserve_namespace", "service", "unregister"]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_OWN_HEADERS = frozenset({"authorization", "host", "content-length", "transfer-encoding", "connection"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def namespace(name: str) -> Operation[Record]:
    """A namespace. 404: there is none, 403: it is hidden."""
    return Operation("GET", ("service", "details", name), one(record("Namespace")))


def service(namespace: str, name: str) -> Operation[Record]:
    """A service. 404: there is none, 403: it is hidden."""
    return Operation("GET", ("service", "details", namespace, name), one(record("Service")))


def reserve_namespace(name: str) -> Operation[None]:
    """Make a namespace; who makes it owns it. Raises :class:`~cartaguard.errors.CartaDuplicate` when it is taken."""
    return Operation("POST", ("service", "reserve", name), ignored)


def remove_namespace(name: str) -> Operation[None]:
    """Remove a namespace."""
    return Operation("DELETE", ("service", "remove", name), ignored)


def register(namespace: str, name: str, base_url: str) -> Operation[Record]:
    """Register a service under a namespace, at an address that Carta can reach."""
    return Operation("POST", ("service", "register", namespace, name), one(record("Service")), query={"baseUrl": base_url})


def unregister(namespace: str, name: str) -> Operation[None]:
    """Remove a service."""
    return Operation("DELETE", ("service", "remove", namespace, name), ignored)


def rename(namespace: str, name: str, new_name: str) -> Operation[None]:
    """Give a service another name."""
    return Operation("PATCH", ("service", "rename", namespace, name, new_name), ignored)


def call(
    namespace: str,
    name: str,
    endpoint: str = "",
    *,
    method: str = "GET",
    query: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Operation[Reply]:
    """Call an endpoint of a service through Carta, in the name of the user who is logged in.

    :param endpoint: the path below the service, such as ``runs/7``; each segment stays one, slashes at its ends are dropped.
    :param method: an HTTP method in capitals.
    :raises cartaguard.errors.CartaError: one of its subclasses, unless the service answered 2xx.
    :raises cartaguard.errors.ParameterError: for another method, a header that is the client's own, or one that is no header.
    """
    if method not in _METHODS:
        raise ParameterError(f"`{method}` is not a method; use one of {', '.join(_METHODS)}")
    for key, value in (headers or {}).items():
        if key.lower() in _OWN_HEADERS:
            raise ParameterError(f"the header `{key}` is the client's own; leave it out")
        if not _HEADER_NAME.fullmatch(key) or not value.isascii() or not value.isprintable():
            raise ParameterError(f"`{key}` is not a header with a value of printable ASCII characters")
    path = ("service", namespace, name, *(part for part in endpoint.split("/") if part))
    return Operation(method, path, reply, query=query or {}, json=json, headers=headers or {})
