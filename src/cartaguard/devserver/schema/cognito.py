"""What Cognito keeps: the pool, its keys and its users; who is logging in, and who has."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, LargeBinary, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["handshakes", "keys", "pool", "refresh_tokens", "sessions", "users"]

#: The Cognito user pool: one row. ``secret`` is what the salts of users who are not there are made from.
pool = Table(
    "pool",
    metadata,
    Column("id", String, primary_key=True),
    Column("region", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("secret", LargeBinary, nullable=False),
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

#: SRP logins that wait for their second half, known by the digest of their secret block.
handshakes = Table(
    "handshakes",
    metadata,
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("expires", Float, nullable=False, index=True),
)

#: Logins that succeeded. ``id`` is their tokens' ``origin_jti``; times are in seconds since 1970.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("started", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("revoked", Boolean, nullable=False),
)

#: Refresh tokens by their digests: whoever reads this table can refresh nothing. ``spent`` ones were exchanged for another.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", String, primary_key=True),
    Column("session", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("spent", Boolean, nullable=False),
)
