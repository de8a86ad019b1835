"""Which connections belong to which projects."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["connections"]

connections = Table(
    "connections",
    metadata,
    Column("resource", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("project", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False, index=True),
)
