"""SRP logins between their two calls. Each is good for one answer, right or wrong, and for a few minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, delete, insert

from cartaguard.devserver.schema import handshakes

__all__ = ["Handshakes", "Pending"]

#: Seconds in which a login has to be finished.
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A login that was begun: under which name, and the key that a right password leads to."""

    name: str
    key: bytes = field(repr=False)


class Handshakes:
    """The logins that were begun, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, name: str, key: bytes, *, now: float) -> bytes:
        """Remember one; returns its secret block, which alone finds it again."""
        block = secrets.token_bytes(96)
        self._connection.execute(delete(handshakes).where(handshakes.c.expires <= now))
        self._connection.execute(insert(handshakes).values(digest=_digest(block), name=name, key=key, expires=now + PATIENCE))
        return block

    def take(self, block: bytes, *, now: float) -> Pending | None:
        """The login with this secret block, which is gone with that; ``None`` when it is unknown, used or too old."""
        taken = delete(handshakes).where(handshakes.c.digest == _digest(block))
        row = self._connection.execute(taken.returning(handshakes.c.name, handshakes.c.key, handshakes.c.expires)).one_or_none()
        return None if row is None or row.expires <= now else Pending(row.name, row.key)


def _digest(block: bytes) -> str:
    return sha256(block).hexdigest()
