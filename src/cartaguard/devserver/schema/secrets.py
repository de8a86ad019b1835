"""What users keep to themselves."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["secrets"]

#: ``name`` is in lower case, since it travels as part of a header's name. ``sealed`` is encrypted with a key from elsewhere.
secrets = Table(
    "secrets",
    metadata,
    Column("user", ForeignKey("users.name"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
