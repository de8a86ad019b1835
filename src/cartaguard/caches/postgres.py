"""PostgreSQL: a channel for the bus, by LISTEN and NOTIFY.

A process has two connections: one that listens and one that tells, each statement of which is a transaction
of its own. Behind a pooler that hands connections from one transaction to the next nothing arrives; the bus
then finds out, and nothing is remembered.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Sequence
from typing import Any

from cartaguard.caches.bus import Channel, Ears
from cartaguard.errors import ConfigurationError, TransportError

__all__ = ["TIMEOUT", "PostgresChannel"]

#: Seconds for one statement. Connecting has twice as long, as the client library takes no less.
TIMEOUT = 1.0

_CONNECT = 2


class PostgresChannel(Channel):
    """LISTEN and NOTIFY in one database.

    :param url: ``postgresql://[user:password@]host[:port]/database``, with options of libpq.
    :raises cartaguard.errors.ConfigurationError: for another address, or without psycopg.
    """

    #: PostgreSQL takes less than 8000 bytes.
    limit = 7999

    # Telling is rare: a thread is enough, and works with every event loop.
    apublish = None

    def __init__(self, url: str) -> None:
        try:
            from psycopg import Error, ProgrammingError
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            raise ConfigurationError("PostgreSQL needs psycopg; `pip install cartaguard[postgres]`", code="missing_extra") from None
        if not url.startswith(("postgresql://", "postgres://")):
            raise ConfigurationError("an address of PostgreSQL is `postgresql://host:port/database`", code="bad_value")
        try:
            parts = conninfo_to_dict(url)
        except ProgrammingError:
            # Its own words repeat the address.
            raise ConfigurationError("the address of PostgreSQL cannot be read", code="bad_value") from None
        if not all(port.isdigit() for port in str(parts.get("port") or "5432").split(",")):
            # libpq itself would find out only when it connects.
            raise ConfigurationError("the port in the address of PostgreSQL is no number", code="bad_value")
        self.source = f"postgresql://{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"
        self._url = url
        self._faults = (Error, OSError)
        self._teller: _Session | None = None

    def listen(self, topics: Sequence[str]) -> Ears:
        session = _Session(self._url)
        try:
            for topic in topics:
                # A topic is made of letters, digits, dots, dashes, underscores and colons.
                session.execute(f'LISTEN "{topic}"')
        except BaseException:
            session.close()
            raise
        return session

    def publish(self, topic: str, message: bytes) -> None:
        try:
            if self._teller is None or self._teller.pid != os.getpid():
                self._teller = _Session(self._url)
            self._teller.execute("SELECT pg_notify($1, $2)", topic.encode(), message)
        except self._faults as fault:
            self.close()
            raise TransportError(f"`{self.source}` gave no usable answer ({type(fault).__name__})") from None

    def close(self) -> None:
        """Give the telling connection back."""
        teller, self._teller = self._teller, None
        if teller is not None:
            teller.close()

    def __repr__(self) -> str:
        return f"PostgresChannel({self.source!r})"


class _Session(Ears):
    """One connection, on which every wait has an end: libpq itself waits for ever for a server that stands still."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.pid = os.getpid()
        self._connection = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT)
        self._libpq: Any = self._connection.pgconn

    def execute(self, statement: str, *parameters: bytes) -> None:
        """Run one statement; its result is of no interest."""
        from psycopg import OperationalError, pq

        ends = time.monotonic() + TIMEOUT
        self._libpq.send_query_params(statement.encode(), parameters)
        while self._libpq.flush():
            self._wait(ends, writing=True)
        while True:
            while self._libpq.is_busy():
                self._wait(ends)
                self._libpq.consume_input()
            result = self._libpq.get_result()
            if result is None:
                return
            if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
                raise OperationalError("the statement was refused")

    def receive(self, seconds: float) -> Iterable[bytes]:
        came = self._notices()
        if not came:
            select.select([self._libpq.socket], [], [], seconds)
            self._libpq.consume_input()
            came = self._notices()
        return came

    def close(self) -> None:
        # What a child inherited is its parent's to close.
        if self.pid == os.getpid():
            self._connection.close()

    def _notices(self) -> list[bytes]:
        return [notice.extra for notice in iter(self._libpq.notifies, None)]

    def _wait(self, ends: float, *, writing: bool = False) -> None:
        left = ends - time.monotonic()
        sockets = [self._libpq.socket]
        if left <= 0 or not any(select.select(sockets, sockets if writing else [], [], left)):
            raise TimeoutError
