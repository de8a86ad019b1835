"""Who added what, and who changed it last."""

from __future__ import annotations

import time

from sqlalchemy import Column, Float, ForeignKey, String, Table

from cartaguard.devserver.schema.base import metadata

__all__ = ["histories"]

#: Times are in seconds since 1970; users are their names, since who is gone has added it all the same.
histories = Table(
    "histories",
    metadata,
    Column("resource", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("added_by", String, nullable=False),
    Column("added", Float, nullable=False, default=time.time),
    Column("modified_by", String, nullable=False),
    Column("modified", Float, nullable=False, default=time.time, onupdate=time.time),
)
