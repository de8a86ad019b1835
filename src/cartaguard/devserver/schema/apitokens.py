"""API tokens."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["apitokens"]

#: ``digest`` is the key's, and ``hint`` its end; ``uses`` are those that are left. Times are in seconds since 1970.
apitokens = Table(
    "apitokens",
    metadata,
    Column("user", ForeignKey("users.name"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False, unique=True),
    Column("hint", String, nullable=False),
    Column("endpoints", JSON, nullable=False),
    Column("expires", Float),
    Column("uses", Integer),
    Column("revoked", Boolean, nullable=False),
    Column("auto_remove", Boolean, nullable=False),
    Column("last_used", Float),
)
