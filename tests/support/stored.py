"""Everything that an embedded Carta has stored, as it would be read by somebody who got hold of its database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from cartaguard.devserver.schema import metadata
from cartaguard.devserver.sqlite import SqliteFile
from cartaguard.devserver.store import Store

__all__ = ["everything_in"]


def everything_in(store: Store) -> bytes:
    """Every value of every table; of an SQLite file every byte too, and those of what stands beside it."""
    database = store._database
    with database.engine.connect() as connection:
        rows = [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    values = [value if isinstance(value, bytes) else repr(value).encode() for row in rows for value in row]
    files: list[Path] = []
    if isinstance(database, SqliteFile):
        files = sorted(database.path.parent.glob(f"{database.path.name}*"))
    return b"\0".join([*values, *(file.read_bytes() for file in files)])
