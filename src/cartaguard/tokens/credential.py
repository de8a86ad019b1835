"""Credential: from the raw values of the ``Authorization`` header to the text of one bearer token, or to none.

RFC 6750 section 2.1 and RFC 9110 section 11.4: the scheme is compared without case, then comes one space.
Form fields and query parameters are never looked at. A value is bytes, or the text that a WSGI server makes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from cartaguard.tokens.refusals import bad_credential

__all__ = ["LONGEST", "HeaderValue", "bearer_token", "octets"]

#: The longest ``Authorization`` value, and so the longest token, in bytes.
LONGEST = 16 * 1024

HeaderValue: TypeAlias = "bytes | str"


def bearer_token(values: Sequence[HeaderValue]) -> bytes | None:
    """The bearer token in a request's ``Authorization`` values, unverified; ``None`` where there is none.

    :param values: every value of the header, as received.
    :raises InvalidRequest: when the header is repeated, or is not one credential, or is longer than 16 KiB.
    """
    if not values:
        return None
    if len(values) > 1:
        raise bad_credential("repeated_authorization")
    value = octets(values[0])
    if len(value) > LONGEST:
        raise bad_credential("too_long")
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer":
        if _hides_bearer(value):
            raise bad_credential("several_credentials")
        return None
    if not token.strip(b" \t"):
        raise bad_credential("missing_token")
    if b" " in token or b"," in token or b"\t" in token:
        raise bad_credential("several_credentials")
    return token


def octets(value: HeaderValue) -> bytes:
    """The bytes of a value. PEP 3333 hands them over as Latin-1 text; whatever else a server puts there becomes ``?``,
    which no token holds. Space around such a value is no part of it (RFC 9110 section 5.5); some servers leave it there.
    """
    return value if isinstance(value, bytes) else value.strip(" \t").encode("latin-1", "replace")


def _hides_bearer(value: bytes) -> bool:
    """Whether a bearer credential follows another one: servers may join repeated headers with commas."""
    return any(part.strip(b" \t").lower().startswith(b"bearer ") for part in value.split(b",")[1:])
