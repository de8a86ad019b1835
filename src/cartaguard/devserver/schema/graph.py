"""Resources and grants."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table, Text

from cartaguard.devserver.schema.base import metadata

__all__ = ["granted", "grants", "resources"]

#: Anything that permissions are about. Ids are unique over all types, as Carta's calls leave the type out.
#: ``labels`` are those of a generic resource (v2), the first of which is its type; others have none but their type.
resources = Table(
    "resources",
    metadata,
    Column("id", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("owner", String, nullable=False, index=True),
    Column("fields", JSON, nullable=False),
    Column("labels", JSON(none_as_null=True)),
    Column("props", JSON(none_as_null=True)),
)

#: ``kind`` is ``user``, ``group`` or ``resource``; the tiers (v2) hold flags of :class:`~cartaguard.Permission`.
grants = Table(
    "grants",
    metadata,
    Column("resource", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("grantee", Text, primary_key=True, index=True),
    Column("user", Integer, nullable=False),
    Column("private", Integer, nullable=False),
    Column("shared", Integer, nullable=False),
)

#: What a grant amounts to: how Carta combines its tiers is not known, so whatever stands in one of them counts.
granted = grants.c.user.op("|")(grants.c.private).op("|")(grants.c.shared).label("permission")
