"""The PostgreSQL database behind the embedded Carta. What is special to PostgreSQL is here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from cartaguard.devserver.schema import pool
from cartaguard.errors import ConfigurationError

__all__ = ["PostgresDatabase"]

#: SQLSTATEs of a transaction that came into another's way: serialization_failure and deadlock_detected.
_PASSING = frozenset({"40001", "40P01"})

#: Any number that nobody else takes a lock on.
_LOCK = 0x63617274


class PostgresDatabase:
    """A database. Transactions are serializable, so that whatever is checked first still holds when it is written.

    :raises ConfigurationError: when the driver is missing.
    """

    def __init__(self, url: URL) -> None:
        self.key_file: Path | None = None
        # Neither the password nor what else it may be hidden in.
        self.shown = url.set(query={}).render_as_string(hide_password=True)
        try:
            self.engine = create_engine(url, isolation_level="SERIALIZABLE", pool_pre_ping=True, hide_parameters=True)
        except ModuleNotFoundError:
            raise ConfigurationError("postgresql needs a driver; run `pip install cartaguard[postgres]`") from None

    @contextmanager
    def making(self) -> Iterator[Connection]:
        """The transaction in which the tables are made; others who would make them wait."""
        try:
            # What is read after the lock was waited for must be as new as the lock.
            with self.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection, connection.begin():
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield connection
        except OperationalError:
            raise ConfigurationError(f"`{self.shown}` cannot be reached; start it, or give another database with `--data`") from None
        except ProgrammingError as fault:
            why = str(fault.orig).partition("\n")[0]
            raise ConfigurationError(f"`{self.shown}` cannot be used ({why}); let its user make tables there") from None

    @contextmanager
    def begin(self, *, alone: bool) -> Iterator[Connection]:
        """A transaction. One that is alone waits for those that run, and then runs before any other."""
        with self.engine.begin() as connection:
            # The first statement of all: a transaction sees what was there when its second one began.
            connection.exec_driver_sql(f"LOCK TABLE {pool.name} IN ACCESS {'EXCLUSIVE' if alone else 'SHARE'} MODE")
            yield connection

    def passing(self, fault: DBAPIError) -> bool:
        """Whether the same transaction may succeed when it is tried again: another came in between."""
        return getattr(fault.orig, "sqlstate", None) in _PASSING
