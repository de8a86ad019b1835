"""What users keep to themselves. Whoever reads the tables learns the names, and nothing of the values."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from cartaguard.devserver.schema import secrets

__all__ = ["Secrets"]


class Secrets:
    """The sealed secrets, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, user: str, name: str, sealed: bytes) -> None:
        """Keep one, in the place of an earlier one of this name."""
        self._connection.execute(delete(secrets).where(secrets.c.user == user, secrets.c.name == name))
        self._connection.execute(insert(secrets).values(user=user, name=name, sealed=sealed))

    def sealed(self, user: str, name: str) -> bytes | None:
        """A user's own secret; ``None`` when there is none of this name."""
        return self._connection.scalar(select(secrets.c.sealed).where(secrets.c.user == user, secrets.c.name == name))
