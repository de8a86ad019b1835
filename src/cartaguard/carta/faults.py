"""Carta's error answers as exceptions, with the server's own words kept."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable
from contextlib import suppress

from cartaguard.errors import (
    CartaDuplicate,
    CartaError,
    CartaForbidden,
    CartaInvalid,
    CartaNotFound,
    CartaUnauthorized,
    CartaUnavailable,
)
from cartaguard.http.exchange import HttpResponse

__all__ = ["RETRYABLE", "fault_of", "words_of"]

#: Answers that say "not now": the same request may be answered later.
RETRYABLE = frozenset({429, 502, 503, 504})

#: The longest text of a server's that is kept.
_LONGEST = 1000

#: The most of a body that is looked at for its words.
_READ = 64 * 1024

# The protocol's known texts of a 400, without regard to case.
_DUPLICATE = ("duplicate", "already exists")
_ABSENT = ("not found",)


def fault_of(response: HttpResponse, what: str, *, secrets: Iterable[str] = ()) -> CartaError:
    """The exception for an answer that is no success.

    :param what: the call, such as ``POST user/group/…``, for the message.
    :param secrets: header values that were sent; a server that repeats them does not get them into the exception.
    """
    text = words_of(response.body, secrets)
    kind = _kind(response.status, text.lower())
    said = f": {text}" if text else ""
    return kind(f"carta answered `{what}` with {response.status}{said}", status=response.status, text=text)


def words_of(body: bytes, secrets: Iterable[str] = ()) -> str:
    """What an ``{"error": "…"}``, a ``{"message": …}`` or a ``{"detail": …}`` says, or text as it is.

    One bounded line, without control characters.
    """
    text = body[:_READ].decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if isinstance(value, dict):
        # The last is that of a service behind Carta (RFC 9457).
        value = value.get("error", value.get("message", value.get("detail")))
    if not isinstance(value, str):
        return ""
    for secret in secrets:
        for word in _hidden(secret):
            value = value.replace(word, "…")
    return "".join(letter if letter.isprintable() else " " for letter in value).strip()[:_LONGEST]


def _hidden(header: str) -> list[str]:
    """What of a header's value must not be seen, the longest first; a short word would only mangle the text."""
    scheme, _, credential = header.partition(" ")
    words = [header]
    if scheme in ("Bearer", "Basic"):
        words.append(credential)
    if scheme == "Basic":
        # A header of the caller's own may be anything.
        with suppress(ValueError):
            words.append(b64decode(credential).decode().partition(":")[2])
    return [word for word in words if len(word) > 3]


def _kind(status: int, text: str) -> type[CartaError]:
    if status in (400, 409, 422):
        if status == 409 or any(words in text for words in _DUPLICATE):
            return CartaDuplicate
        return CartaNotFound if any(words in text for words in _ABSENT) else CartaInvalid
    if status == 401:
        return CartaUnauthorized
    if status == 403:
        return CartaForbidden
    if status == 404:
        return CartaNotFound
    return CartaUnavailable if status == 429 or status >= 500 else CartaError
