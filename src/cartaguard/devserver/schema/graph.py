"""Resources and grants."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table, Text

from cartaguard.devserver.schema.base import metadata

__all__ = ["grants", "resources"]

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
