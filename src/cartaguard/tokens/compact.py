"""The strict reader of the compact form of a signed token (RFC 7515 section 7.1). Nothing is verified here.

``jwk``, ``jku``, ``x5u``, ``x5c`` and every other header member that is not named here are not looked at:
keys come only from the configured key set.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cartaguard.tokens import strictjson
from cartaguard.tokens.base64url import ALPHABET, decode_letters
from cartaguard.tokens.credential import LONGEST
from cartaguard.tokens.refusals import bad_credential, refuse

__all__ = ["Compact", "Header", "members", "read"]

_UNSUPPORTED = frozenset({"crit", "b64", "zip", "enc", "cty"})
_TYPES = frozenset({"jwt", "at+jwt"})


class Header(NamedTuple):
    """What a header says about its key."""

    kid: str
    alg: str


class Compact(NamedTuple):
    """The parts of a token. ``segment`` is the header as it stands in the token, ``message`` what was signed."""

    segment: bytes
    header: Header
    payload: bytes
    message: bytes
    signature: bytes


def read(token: bytes, known: Mapping[bytes, Header] = MappingProxyType({})) -> Compact:
    """Take a token apart.

    :param token: exactly three non-empty, canonical base64url parts.
    :param known: headers that were read before, by their segment.
    :raises InvalidRequest: when it is longer than 16 KiB.
    :raises InvalidToken: when it is not of this form, or its header is not one that is supported.
    """
    if len(token) > LONGEST:
        raise bad_credential("too_long")
    rest = token.translate(None, ALPHABET)
    if rest != b"..":
        raise refuse("bad_base64" if rest.strip(b".") else "malformed")
    message, _, tail = token.rpartition(b".")
    segment, _, body = message.partition(b".")
    if not (segment and body and tail):
        raise refuse("malformed")
    payload, signature = decode_letters(body), decode_letters(tail)
    if payload is None or signature is None:
        raise refuse("bad_base64")
    return Compact(segment, known.get(segment) or _header(segment), payload, message, signature)


def members(raw: bytes) -> dict[str, Any]:
    """The JSON object that a header or payload is."""
    try:
        value = strictjson.read(raw)
    except strictjson.JsonError:
        value = None
    if not isinstance(value, dict):
        raise refuse("bad_json")
    return value


def _header(segment: bytes) -> Header:
    raw = decode_letters(segment)
    if raw is None:
        raise refuse("bad_base64")
    header = members(raw)
    if not _UNSUPPORTED.isdisjoint(header):
        raise refuse("unsupported_header")
    if "typ" in header:
        kind = header["typ"]
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
            raise refuse("wrong_type")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or not alg:
        raise refuse("bad_header")
    if not isinstance(kid, str) or not kid:
        raise refuse("missing_kid")
    return Header(kid, alg)
