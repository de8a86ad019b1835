"""Keys of a compact table: 16 bytes of keyed BLAKE2b for who holds something on what.

With n entries a look-up finds what is not there with a chance of n / 2**128, which is at most 2**-100 for the
2**28 entries that a table may have. Nobody can look for two names with the same key beforehand, because each
table's hash is keyed with 32 random bytes of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

__all__ = ["GRANTS", "MOST", "RECORDS", "SIZE", "Key", "keys"]

#: Bytes of a key.
SIZE = 16

#: The most entries that a table may have.
MOST = 2**28

#: What keys are for: those of one purpose are none of the other.
GRANTS, RECORDS = b"cartaguard grant", b"cartaguard entry"


class Key(Protocol):
    """Gives the key of an entry: of a grant by its kind, grantee, type and id, of a record by its kind and name."""

    def __call__(self, kind: str, name: str, type: str = "", id: str = "", /) -> bytes: ...


def keys(secret: bytes, purpose: bytes) -> Key:
    """What gives keys under a secret. A kind is one letter, and a type has no colon."""
    begun: dict[str, Callable[[], blake2b]] = {}

    def begin(kind: str) -> Callable[[], blake2b]:
        # The block with the secret is gone through once for each kind, and not for each key.
        hashed = blake2b(kind.encode(), key=secret, digest_size=SIZE, person=purpose)
        return begun.setdefault(kind, hashed.copy)

    def key(kind: str, name: str, type: str = "", id: str = "", /) -> bytes:
        hashed = (begun.get(kind) or begin(kind))()
        # No type has a colon, and the name's length is told, so that no two different questions are one text. A lone
        # surrogate is never stored, and so not found.
        text = f"{type}:{len(name)}:{name}{id}"
        try:
            hashed.update(text.encode())
        except UnicodeEncodeError:
            hashed.update(text.encode("utf-8", "surrogatepass"))
        return hashed.digest()

    return key
