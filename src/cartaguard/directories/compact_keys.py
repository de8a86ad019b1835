"""Keys of a compact table: 16 bytes of keyed BLAKE2b for who holds something on what.

With n entries a look-up finds what is not there with a chance of n / 2**128, which is at most 2**-100 for the
2**28 entries that a table may have. Nobody can look for two names with the same key beforehand, because each
table's hash is keyed with 32 random bytes of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

__all__ = ["MOST", "SIZE", "grant_keys", "record_keys"]

#: Bytes of a key.
SIZE = 16

#: The most entries that a table may have.
MOST = 2**28


def grant_keys(secret: bytes) -> Callable[[str, str, str, str], bytes]:
    """What gives the key of ``(kind, grantee, type, id)``; a kind is one letter, and a type has no colon."""
    start = blake2b(key=secret, digest_size=SIZE, person=b"cartaguard grant")

    def key(kind: str, grantee: str, type: str, id: str) -> bytes:
        hashed = start.copy()
        # No type has a colon, and the grantee's length is told, so that no two different questions are one text.
        hashed.update(f"{kind}{type}:{len(grantee)}:{grantee}{id}".encode("utf-8", "surrogatepass"))
        return hashed.digest()

    return key


def record_keys(secret: bytes) -> Callable[[str, str], bytes]:
    """What gives the key of the record ``(kind, name)``."""
    start = blake2b(key=secret, digest_size=SIZE, person=b"cartaguard entry")

    def key(kind: str, name: str) -> bytes:
        hashed = start.copy()
        hashed.update(f"{kind}:{name}".encode("utf-8", "surrogatepass"))
        return hashed.digest()

    return key
