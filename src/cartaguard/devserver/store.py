"""The store: one database, and within each transaction everything that is in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from cartaguard.devserver.apitokens import ApiTokens
from cartaguard.devserver.connections import Connections
from cartaguard.devserver.database import database_at, make_tables
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.groups import Groups
from cartaguard.devserver.handshakes import Handshakes
from cartaguard.devserver.holdings import Holdings
from cartaguard.devserver.keys import Keys
from cartaguard.devserver.nodes import Nodes
from cartaguard.devserver.people import People
from cartaguard.devserver.permissions import Permissions
from cartaguard.devserver.pool import stored_pool
from cartaguard.devserver.secrets import Secrets
from cartaguard.devserver.seed import plant
from cartaguard.devserver.services import Services
from cartaguard.devserver.sessions import Sessions

__all__ = ["Store", "Tables"]

T = TypeVar("T")

#: Seconds for which a transaction is tried again.
PATIENCE = 10.0


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
        self.apitokens = ApiTokens(connection)
        self.nodes = Nodes(connection, self.people, self.groups, self.permissions)
        self.holdings = Holdings(connection, self.nodes, self.groups, self.permissions)
        self.services = Services(connection, self.permissions)
        self.connections = Connections(connection, self.permissions)
        self.secrets = Secrets(connection)


class Store:
    """What an embedded Carta knows. A fresh one gets keys, and the people and things of :mod:`~cartaguard.devserver.seed`.

    :param place: an SQLite file, or the address of a PostgreSQL database; see :func:`~cartaguard.devserver.database.database_at`.
    :param seeded: whether a fresh one is to have the people and things.
    :param emptied: whether to forget everything in it first.
    :raises ConfigurationError: when it cannot be had.
    """

    def __init__(self, place: Path | str, *, seeded: bool = True, emptied: bool = False) -> None:
        self._database = database_at(place)
        try:
            with self._database.making() as connection:
                make_tables(connection, self.shown, emptied=emptied)
                tables = Tables(connection)
                if not tables.keys.published(now=0):
                    tables.keys.rotate()
                    if seeded:
                        plant(tables.people, tables.groups, tables.permissions, tables.services, tables.pool)
        except BaseException:
            self.close()
            raise

    @property
    def shown(self) -> str:
        """Where everything is, for people."""
        return self._database.shown

    @property
    def key_file(self) -> Path | None:
        """Where a key belongs that is not to lie in the database: beside its file, if it is one."""
        return self._database.key_file

    @contextmanager
    def begin(self, *, alone: bool = False) -> Iterator[Tables]:
        """One transaction: kept when the block ends, undone when it raises.

        :param alone: whether no other may run beside it.
        """
        with self._database.begin(alone=alone) as connection:
            yield Tables(connection)

    def transact(self, work: Callable[[Tables], T]) -> T:
        """Do this in one transaction. It is done again from the start, alone, when another came in between.

        So ``work`` has no effect but on the tables. What it checks first and then writes cannot be overtaken: where
        two write what only one may, the second finds in its next attempt what the first has written.

        :raises ApiError: 503 when others kept the store for too long.
        """
        until, alone = time.monotonic() + PATIENCE, False
        while True:
            try:
                with self.begin(alone=alone) as tables:
                    return work(tables)
            except DBAPIError as fault:
                if self._database.passing(fault):
                    if time.monotonic() > until:
                        raise ApiError(503, "the store is busy; try again") from None
                elif alone or not isinstance(fault, IntegrityError):
                    # What one table demands of another was met when the work was checked: it is a mistake, and not another's.
                    raise
            alone = True

    def close(self) -> None:
        self._database.engine.dispose()
