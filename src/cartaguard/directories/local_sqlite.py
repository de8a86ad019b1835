"""The store of a local directory in SQLite, for several processes on one machine.

Facts are read when they are asked for, each time within one transaction. Whatever any process writes is seen
at once by the directories of this process that write through, and within :data:`WINDOW` seconds otherwise.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar
from weakref import WeakValueDictionary

from cartaguard.directories.local_store import Everything
from cartaguard.directories.local_tables import Tables, prepare
from cartaguard.errors import DirectoryError, FactsUnavailable
from cartaguard.events import emit

__all__ = ["WINDOW", "SqliteStore"]


#: Seconds for which another process's write may stay unseen: asking SQLite costs more than a whole decision.
WINDOW = 0.001

#: Seconds that a write waits for another process's write.
PATIENCE = 5.0


class _Path:
    """One database file within this process: counts the writes of all its stores."""

    known: ClassVar[WeakValueDictionary[str, _Path]] = WeakValueDictionary()

    def __init__(self) -> None:
        self.writes = 0


class _Connection:
    """A connection that any thread may use under its lock. Transactions are begun and ended by hand."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.sqlite = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        self.sqlite.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Tables]:
        with self.lock:
            self.sqlite.execute(begin)
            with self.sqlite:
                yield Tables(self.sqlite)


class _Connections:
    """The connections of one process: reading waits for no write, and watching for neither."""

    #: What a fork copied: the child may neither use nor close it, so it is left alone here.
    inherited: ClassVar[list[_Connections]] = []

    def __init__(self, path: str) -> None:
        self.pid = os.getpid()
        self.reader, self.writer, self.watcher = (_Connection(path) for _ in range(3))

    def close(self) -> None:
        for connection in (self.reader, self.writer, self.watcher):
            with connection.lock:
                connection.sqlite.close()


class SqliteStore:
    """Facts in an SQLite file, which is made if there is none.

    :param clock: seconds, never going back.
    :raises cartaguard.errors.DirectoryError: the file cannot be opened, or is no database of ours.
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = os.path.realpath(path)
        self._clock = clock
        self._shared = _Path.known.setdefault(self._path, _Path())
        self._seen: tuple[int, float, object] | None = None
        self._closed = False
        try:
            self._connections = _Connections(self._path)
            try:
                _patiently(prepare, self._connections.writer.sqlite)
            except BaseException:
                self._connections.close()
                raise
        except (sqlite3.Error, ValueError) as fault:
            raise DirectoryError(f"`{self._path}` cannot be opened as an SQLite directory: {fault}", code="unreadable_file") from None

    @property
    def state(self) -> object:
        return self.version()

    def version(self, *, exactly: bool = False) -> object:
        now, writes, seen = self._clock(), self._shared.writes, self._seen
        if exactly or seen is None or seen[0] != writes or now - seen[1] >= WINDOW:
            with self._faults() as connections, connections.watcher.lock:
                [version] = connections.watcher.sqlite.execute("PRAGMA data_version").fetchone()
            seen = self._seen = (writes, now, (connections.pid, version))
        return seen[2]

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        with self._faults() as connections, connections.reader.transaction("BEGIN") as tables:
            yield tables

    @contextmanager
    def writing(self) -> Iterator[Tables]:
        with self._faults() as connections, connections.writer.transaction("BEGIN IMMEDIATE") as tables:
            yield tables
        self._shared.writes += 1

    @contextmanager
    def everything(self) -> Iterator[Everything]:
        # A connection of its own: this takes long, and readers of this process share one.
        with self._faults():
            own = _Connection(self._path)
            try:
                with own.transaction("BEGIN") as tables:
                    yield tables.everything()
            finally:
                own.sqlite.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            # What was seen a moment ago would still count.
            self._seen = None
            self._connections.close()

    @contextmanager
    def _faults(self) -> Iterator[_Connections]:
        """The connections of this process; their faults become doubts."""
        if self._closed:
            raise FactsUnavailable(f"the directory in `{self._path}` is closed", code="directory_closed")
        try:
            if self._connections.pid != os.getpid():
                _Connections.inherited.append(self._connections)
                self._connections = _Connections(self._path)
            yield self._connections
        except sqlite3.Error as fault:
            emit("directory_in_doubt", source=self._path, doubt="directory_unavailable", reason=fault)
            raise FactsUnavailable(f"`{self._path}` did not answer: {fault}", code="directory_unavailable") from None


def _patiently(prepare: Callable[[sqlite3.Connection], None], connection: sqlite3.Connection) -> None:
    """Prepare a database that others may be preparing: turning its journal into a log does not wait for them."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return prepare(connection)
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.005)
