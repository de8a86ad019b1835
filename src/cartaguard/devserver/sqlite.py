"""The SQLite file behind the embedded Carta. What is special to SQLite is here and nowhere else."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError

from cartaguard.errors import ConfigurationError

__all__ = ["SqliteFile"]


class SqliteFile:
    """A file, made when it is missing, and readable by nobody else once it is known to be ours.

    :raises ConfigurationError: when it cannot be had.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = str(path)
        self.key_file: Path | None = path.with_name(f"{path.name}.key")
        try:
            # Made before SQLite does, which would leave the private keys readable by everybody.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as fault:
            raise ConfigurationError(f"`{path}` cannot be written ({fault.strerror}); give another file with `--data`") from None
        self.engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
        self._turn = threading.RLock()
        event.listen(self.engine, "connect", _connected)
        event.listen(self.engine, "begin", _begun)

    @contextmanager
    def making(self) -> Iterator[Connection]:
        """The transaction in which the tables are made. Another's file is left as it is."""
        try:
            with self.engine.begin() as connection:
                yield connection
            # Only now is it known to be ours.
            self.path.chmod(0o600)
            with self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
        except DatabaseError as fault:
            raise ConfigurationError(f"`{self.path}` cannot be used ({fault.orig}); give another file with `--data`") from None

    @contextmanager
    def begin(self, *, alone: bool) -> Iterator[Connection]:
        """A transaction; each is alone here, see ``_begun``."""
        # Those of this process wait in line: SQLite itself would let one ask now and then, and in the end give up.
        with self._turn, self.engine.begin() as connection:
            yield connection

    def passing(self, fault: DBAPIError) -> bool:
        """Whether the same transaction may succeed when it is tried again: another was writing."""
        return isinstance(fault.orig, sqlite3.Error) and fault.orig.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are SQLAlchemy's, see _begun
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 10000")


def _begun(connection: Connection) -> None:
    # One writer at a time from the start: a transaction that reads first could not become one later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
