"""The user pool: what Cognito calls it and its client."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import Connection, insert, select

from cartaguard.devserver import schema

__all__ = ["POOL", "UserPool", "stored_pool"]


@dataclass(frozen=True, slots=True)
class UserPool:
    """A pool and its only client. ``id`` begins with the region, as Cognito's do."""

    id: str
    region: str
    client_id: str
    secret: bytes = field(default=b"", repr=False, compare=False)


#: The pool of a fresh file. It has the form of a real one; nobody's keys but the file's own sign for it.
POOL = UserPool("us-east-2_CartaDev0", "us-east-2", "cartaguarddevelopment00000")


def stored_pool(connection: Connection) -> UserPool:
    """The file's pool, made if the file is fresh."""
    row = connection.execute(select(schema.pool)).one_or_none()
    if row is not None:
        return UserPool(row.id, row.region, row.client_id, row.secret)
    made = replace(POOL, secret=secrets.token_bytes(32))
    connection.execute(insert(schema.pool).values(**asdict(made)))
    return made
