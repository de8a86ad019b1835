"""Canonical base64url without padding (RFC 7515 section 2): each value has exactly one spelling.

A decoder that skips foreign characters or ignores surplus bits lets one token have many texts, and so slip
past whatever compares texts.
"""

from __future__ import annotations

from binascii import a2b_base64

__all__ = ["ALPHABET", "decode", "decode_letters"]

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

_STANDARD = bytes.maketrans(b"-_", b"+/")

# By the length's remainder: what pads it, and the letters that may come last (those without surplus bits).
_PADDING = (b"", b"", b"==", b"=")
_LAST: tuple[frozenset[int], ...] = (frozenset(ALPHABET), frozenset(), frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048"))


def decode(text: bytes) -> bytes | None:
    """The bytes that a text spells; ``None`` when it is not canonical."""
    return None if text.translate(None, ALPHABET) else decode_letters(text)


def decode_letters(text: bytes) -> bytes | None:
    """:func:`decode` for a text whose letters were checked already."""
    if not text:
        return b""
    remainder = len(text) & 3
    if text[-1] not in _LAST[remainder]:
        return None
    if b"-" in text or b"_" in text:  # hardly ever in the base64url of JSON
        text = text.translate(_STANDARD)
    return a2b_base64(text + _PADDING[remainder])
