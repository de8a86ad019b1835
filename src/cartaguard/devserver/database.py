"""Where the embedded Carta stores: an SQLite file or a PostgreSQL database, by one setting; and the tables in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from cartaguard.devserver.postgres import PostgresDatabase
from cartaguard.devserver.schema import metadata
from cartaguard.devserver.sqlite import SqliteFile
from cartaguard.errors import ConfigurationError

__all__ = ["Database", "database_at", "make_tables"]


class Database(Protocol):
    """One of the two. ``shown`` is its name for people, without a password."""

    shown: str
    key_file: Path | None
    engine: Engine

    def making(self) -> AbstractContextManager[Connection]:
        """The transaction in which the tables are made."""

    def begin(self, *, alone: bool) -> AbstractContextManager[Connection]:
        """Any other; one that is ``alone`` has the whole store for itself."""

    def passing(self, fault: DBAPIError) -> bool:
        """Whether the same transaction may succeed when it is tried again."""


def database_at(place: Path | str) -> Database:
    """The database at a path, or at an address such as ``postgresql+psycopg://user@host/name``.

    :raises ConfigurationError: when there is no such database, or the driver is missing.
    """
    if isinstance(place, Path) or "://" not in place:
        return SqliteFile(Path(place))
    try:
        url = make_url(place)
    except ArgumentError:
        url = None
    if url is not None and url.drivername == "postgresql+psycopg":
        return PostgresDatabase(url)
    if url is not None and url.drivername == "sqlite" and url.database:
        return SqliteFile(Path(url.database))
    kind = place.partition("://")[0]
    raise ConfigurationError(f"`{kind}` is no database of the embedded carta; give a file's path or `postgresql+psycopg://USER@HOST/NAME`")


def make_tables(connection: Connection, place: str, *, emptied: bool) -> None:
    """Make the tables that are missing.

    :param emptied: whether to forget everything in ours.
    :raises ConfigurationError: when something else is stored there, or the tables are another version's.
    """
    seen = inspect(connection)
    present = set(seen.get_table_names())
    if present and not present >= _OLDEST:
        raise ConfigurationError(f"`{place}` belongs to something else; give another with `--data`")
    if emptied:
        metadata.drop_all(connection)
    for table in metadata.sorted_tables:
        if table.name in present and not emptied:
            columns = {column["name"] for column in seen.get_columns(table.name)}
            if columns != set(table.columns.keys()):
                raise ConfigurationError(f"`{place}` was made by another version; begin anew with `--reset`, or give another with `--data`")
    metadata.create_all(connection)


#: What the first version had already.
_OLDEST = frozenset({"pool", "keys", "users", "groups", "members", "resources", "grants"})
