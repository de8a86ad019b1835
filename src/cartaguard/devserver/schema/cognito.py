"""What Cognito keeps: the pool, its keys and its users."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["keys", "pool", "users"]

#: The Cognito user pool: one row.
pool = Table(
    "pool",
    metadata,
    Column("id", String, primary_key=True),
    Column("region", String, nullable=False),
    Column("client_id", String, nullable=False),
)

#: Signing keys. ``use`` is the kind of token; ``spent`` the latest expiry of what was signed with it.
keys = Table(
    "keys",
    metadata,
    Column("kid", String, primary_key=True),
    Column("use", String, nullable=False),
    Column("pem", LargeBinary, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("spent", Integer, nullable=False),
)

#: ``name`` is the login name, ``id`` the token's ``sub``. Of a password there is an SRP verifier and its salt.
users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("email", String, nullable=False),
    Column("first_name", String, nullable=False),
    Column("last_name", String, nullable=False),
    Column("organization", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("verifier", LargeBinary, nullable=False),
)
