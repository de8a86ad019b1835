"""The SQLite file behind the embedded Carta. What is special to SQLite is here and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError

from cartaguard.devserver.schema import metadata
from cartaguard.errors import ConfigurationError

__all__ = ["open_engine"]


def open_engine(path: Path, *, emptied: bool = False) -> Engine:
    """Open the file, readable by nobody else, and make the tables that it lacks.

    :param emptied: whether to forget everything in it.
    :raises ConfigurationError: when the file cannot be had, or holds something else.
    """
    try:
        # Made before SQLite does, which would leave the private keys readable by everybody.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as fault:
        raise ConfigurationError(f"`{path}` cannot be written ({fault.strerror}); give another file with `--data`") from None
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    try:
        present = set(inspect(engine).get_table_names())
        if present and not present >= set(metadata.tables):
            raise ConfigurationError(f"`{path}` belongs to something else; give another file with `--data`")
        # Only now is it known to be ours: nothing of another's file is changed.
        path.chmod(0o600)
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
        if emptied:
            metadata.drop_all(engine)
        metadata.create_all(engine)
    except DatabaseError:
        engine.dispose()
        raise ConfigurationError(f"`{path}` is no SQLite file; give another file with `--data`") from None
    except ConfigurationError:
        engine.dispose()
        raise
    return engine


def _connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are SQLAlchemy's, see _begun
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 10000")


def _begun(connection: Connection) -> None:
    # One writer at a time from the start: a transaction that reads first could not become one later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
