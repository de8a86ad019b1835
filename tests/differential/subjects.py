"""The sources that are compared: each can be told a world, and then decides on it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cartaguard import Guard, LocalDirectory, Permission, Principal, Resource
from cartaguard.devserver.store import Tables
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.graph import Grantee
from cartaguard.directories.snapshot import SnapshotDirectory
from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.model.principal import Credential
from cartaguard.testing import EmbeddedCarta
from support.randomly import ORGANIZATIONS
from support.spicedb import SpiceDB

__all__ = ["Carta", "Many", "Memory", "Snapshot", "Sqlite", "Subject"]

KEY = b"a key for the snapshots of tests only"


class Subject:
    """A source of facts.

    ``restricts`` says whether it knows of restrictions.
    """

    restricts = True

    @abstractmethod
    def told(self, facts: dict[str, Any]) -> AbstractContextManager[Guard]:
        """A guard in front of a source that knows these facts."""

    def caller(self, name: str) -> Principal:
        """A caller as this source meets one."""
        return Principal(issuer="https://a.example", subject=f"sub-{name}", username=name)


class Memory(Subject):
    """A local directory of a table."""

    @contextmanager
    def told(self, facts: dict[str, Any]) -> Iterator[Guard]:
        yield Guard(directory=LocalDirectory.from_dict(facts))


class Sqlite(Subject):
    """A local directory in SQLite."""

    @contextmanager
    def told(self, facts: dict[str, Any]) -> Iterator[Guard]:
        # A file of its own: the same users in ever more groups would take ever longer.
        with TemporaryDirectory() as folder:
            directory = LocalDirectory.open(Path(folder) / "facts.sqlite")
            directory.include(facts)
            yield Guard(directory=directory)
            directory.close()


class Snapshot(Subject):
    """A snapshot of the facts, signed, in a file that the next world's takes the place of."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "facts.snapshot"

    @contextmanager
    def told(self, facts: dict[str, Any]) -> Iterator[Guard]:
        Guard(directory=LocalDirectory.from_dict(facts)).snapshot(self._path, key=KEY)
        directory = SnapshotDirectory(self._path, key=KEY, max_age=3600)
        yield Guard(directory=directory)
        directory.close()


class Carta(Subject):
    """An embedded Carta over HTTP, asked in the callers' own names."""

    restricts = False

    #: How many worlds one Carta is told: its users are in all of them, and each makes the next one slower.
    WORLDS = 4

    def __init__(self) -> None:
        self._told = 0
        self._begin()

    def _begin(self) -> None:
        self._carta = carta = EmbeddedCarta()
        carta.start()
        self._callers = {}
        for name, organization in ORGANIZATIONS.items():
            subject = carta.add_user(name, organization=organization)
            credential = Credential(carta.token(name))
            self._callers[name] = Principal(issuer=carta.issuer, subject=subject, username=name, credential=credential)

    def caller(self, name: str) -> Principal:
        return self._callers[name]

    @contextmanager
    def told(self, facts: dict[str, Any]) -> Iterator[Guard]:
        if self._told == self.WORLDS:
            self.close()
            self._told = 0
            self._begin()
        self._told += 1
        self._carta._carta.store.transact(lambda tables: _tell(tables, facts))
        yield Guard(directory=CartaDirectory(self._carta.url, api="v2", groups="user"))

    def close(self) -> None:
        self._carta.stop()


class Many(Subject):
    """A SpiceDB, which the facts are synchronized to, and which is asked through the guard's cache."""

    def __init__(self, server: SpiceDB) -> None:
        self._server = server
        server.write_schema()
        self._directory = SpiceDBDirectory(server.endpoint, token=server.token, tls=False)

    @contextmanager
    def told(self, facts: dict[str, Any]) -> Iterator[Guard]:
        self._server.load(facts)
        guard = Guard(directory=self._directory)
        # What is written by others is heard of later.
        guard.invalidate()
        yield guard

    def close(self) -> None:
        self._directory.close()


def _tell(tables: Tables, facts: dict[str, Any]) -> None:
    members = {name for fact in facts["groups"].values() for name in fact["groups"]}
    grants = [(Grantee.parse(grant["to"]), grant) for fact in facts["resources"].values() for grant in fact["grants"]]
    members |= {grantee.name for grantee, _ in grants if grantee.kind == "group"}
    for group in sorted(members | set(facts["groups"])):
        tables.groups.add(group, creator="")
    for group, fact in facts["groups"].items():
        for kind, names in (("user", fact["users"]), ("group", fact["groups"])):
            for name in names:
                tables.groups.join(group, name, kind=kind)
    for name, fact in facts["resources"].items():
        tables.services.place(Resource.parse(name), owner=fact["owner"], fields={})
    for name, fact in facts["resources"].items():
        for grant in fact["grants"]:
            grantee = Grantee.parse(grant["to"])
            # A thing that is not there holds nothing, and Carta takes no grant to it.
            if grantee.kind != "resource" or grantee.name in facts["resources"]:
                tables.permissions.grant(Resource.parse(name), grantee, Permission.of(*grant["permissions"]))
