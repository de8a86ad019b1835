"""Where namespaces and services are found by name."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["addresses"]

#: ``service`` is empty for the namespace itself. Names change, the ids of resources do not.
addresses = Table(
    "addresses",
    metadata,
    Column("namespace", String, primary_key=True),
    Column("service", String, primary_key=True),
    Column("resource", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False, unique=True),
)
