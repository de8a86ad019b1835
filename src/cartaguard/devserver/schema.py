"""The tables of the embedded Carta."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text

__all__ = ["grants", "groups", "keys", "members", "metadata", "pool", "resources", "users"]

metadata = MetaData()

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

groups = Table(
    "groups",
    metadata,
    Column("name", String, primary_key=True),
    Column("creator", String, nullable=False),
)

#: A member of a group: ``kind`` is ``user`` or ``group``.
members = Table(
    "members",
    metadata,
    Column("group", ForeignKey("groups.name"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("member", String, primary_key=True, index=True),
)

#: Anything that permissions are about. Ids are unique over all types, as Carta's calls leave the type out.
resources = Table(
    "resources",
    metadata,
    Column("id", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("owner", String, nullable=False, index=True),
    Column("fields", JSON, nullable=False),
)

#: ``kind`` is ``user``, ``group`` or ``resource``; ``permission`` the flags of :class:`~cartaguard.Permission`.
grants = Table(
    "grants",
    metadata,
    Column("resource", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("grantee", Text, primary_key=True, index=True),
    Column("permission", Integer, nullable=False),
)
