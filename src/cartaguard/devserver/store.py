"""The store: one file, and within each transaction everything that is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from cartaguard.devserver.engine import open_engine
from cartaguard.devserver.groups import Groups
from cartaguard.devserver.handshakes import Handshakes
from cartaguard.devserver.keys import Keys
from cartaguard.devserver.people import People
from cartaguard.devserver.permissions import Permissions
from cartaguard.devserver.pool import stored_pool
from cartaguard.devserver.seed import plant
from cartaguard.devserver.sessions import Sessions

__all__ = ["Store", "Tables"]

T = TypeVar("T")


class Tables:
    """Everything stored, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.pool = stored_pool(connection)
        self.people = People(connection)
        self.groups = Groups(connection)
        self.permissions = Permissions(connection)
        self.keys = Keys(connection)
        self.handshakes = Handshakes(connection)
        self.sessions = Sessions(connection)


class Store:
    """An SQLite file. A fresh one gets keys, and the people and things of :mod:`~cartaguard.devserver.seed`.

    :param seeded: whether a fresh file is to have them.
    :param emptied: whether to forget everything in the file first.
    :raises ConfigurationError: when the file cannot be had.
    """

    def __init__(self, path: Path, *, seeded: bool = True, emptied: bool = False) -> None:
        self.path = path
        self._engine = open_engine(path, emptied=emptied)
        with self.begin() as tables:
            if not tables.keys.published(now=0):
                tables.keys.rotate()
                if seeded:
                    plant(tables.people, tables.groups, tables.permissions, tables.pool)

    @contextmanager
    def begin(self) -> Iterator[Tables]:
        """One transaction: kept when the block ends, undone when it raises."""
        with self._engine.begin() as connection:
            yield Tables(connection)

    def transact(self, work: Callable[[Tables], T]) -> T:
        """Do this in one transaction. It may be done again from the start when another transaction came in between."""
        with self.begin() as tables:
            return work(tables)

    def close(self) -> None:
        self._engine.dispose()
