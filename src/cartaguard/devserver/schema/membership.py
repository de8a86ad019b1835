"""Groups and who is in them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["groups", "members"]

#: ``id`` is that of the group's node (v2).
groups = Table(
    "groups",
    metadata,
    Column("name", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
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
