"""Names in Carta's paths: escaped so that one name is one segment, on every client and proxy in between."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from cartaguard.errors import CartaError

__all__ = ["UnaskableError", "address", "segment"]

_DIVIDERS = re.compile(r"[/\\]")


class UnaskableError(CartaError):
    """A name that no path can carry unchanged, so that Carta would be asked about something else."""

    code = "carta_unaskable"


def segment(name: str) -> str:
    """One path segment: everything but letters, digits and ``-._~`` percent-escaped, slashes and colons too.

    :raises UnaskableError: for an empty name, for one that is or holds ``.`` or ``..`` between slashes (clients and
        proxies cut those out, even escaped), and for half a surrogate pair.
    """
    if not name:
        raise UnaskableError("an empty name cannot be asked about")
    if any(part in (".", "..") for part in _DIVIDERS.split(name)):
        raise UnaskableError("the name holds a dot segment, which addresses something else")
    return _escaped(name)


def address(host: str, *names: str, query: Mapping[str, str] | None = None) -> str:
    """The URL of a call: the host, the names as segments, the query.

    :param host: without trailing slash, as :func:`cartaguard.http.urls.secure_url` takes it.
    """
    path = "/".join(map(segment, names))
    pairs = "&".join(f"{_escaped(key)}={_escaped(value)}" for key, value in (query or {}).items())
    return f"{host}/{path}?{pairs}" if pairs else f"{host}/{path}"


def _escaped(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise UnaskableError("the name holds half a surrogate pair") from None
