"""The tables of a local directory in SQLite: what is stored in them, and how it is asked for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from cartaguard.directories.graph import Grantee, Holders
from cartaguard.directories.local_store import Everything, Group, Stored, User
from cartaguard.errors import DirectoryError
from cartaguard.model.facts import Known
from cartaguard.model.names import Resource
from cartaguard.model.restriction import Restriction

__all__ = ["Tables", "prepare"]

#: Marks a database as ours, and the version of its tables.
_APPLICATION, _TABLES = 0x43475244, 1

_SCHEMA = (
    "CREATE TABLE users (name TEXT PRIMARY KEY, username TEXT, subject TEXT, issuer TEXT, organizations TEXT NOT NULL)",
    "CREATE INDEX users_by_username ON users (username)",
    """CREATE TABLE members (
        kind TEXT NOT NULL CHECK (kind IN ('user', 'group', 'admin')), name TEXT NOT NULL, of TEXT NOT NULL,
        PRIMARY KEY (kind, name, of)) WITHOUT ROWID""",
    "CREATE INDEX members_by_group ON members (of)",
    "CREATE TABLE resources (name TEXT PRIMARY KEY, owner TEXT, organization TEXT, restricted TEXT)",
    "CREATE INDEX resources_by_owner ON resources (owner)",
    """CREATE TABLE grants (
        position INTEGER PRIMARY KEY, resource TEXT NOT NULL REFERENCES resources (name) ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('user', 'group', 'resource')), name TEXT NOT NULL,
        flags INTEGER NOT NULL CHECK (typeof(flags) = 'integer' AND flags BETWEEN 1 AND 63),
        UNIQUE (resource, kind, name))""",
    "CREATE INDEX grants_by_grantee ON grants (kind, name)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_TABLES}",
)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file, or check that they are ours."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        [application] = connection.execute("PRAGMA application_id").fetchone()
        [tables] = connection.execute("PRAGMA user_version").fetchone()
        if not (application or tables or connection.execute("SELECT 1 FROM sqlite_master").fetchone()):
            for statement in _SCHEMA:
                connection.execute(statement)
        elif (application, tables) != (_APPLICATION, _TABLES):
            raise ValueError("it is a database of something else, or of another version")
    connection.execute("PRAGMA journal_mode = WAL")


class Tables:
    """One state of the facts, within a transaction of this connection."""

    def __init__(self, sqlite: sqlite3.Connection) -> None:
        self._sqlite = sqlite

    # -- reading -----------------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        return next(iter(self._users("SELECT * FROM users WHERE name = ?", name)), None)

    def users_named(self, username: str) -> Sequence[User]:
        return self._users("SELECT * FROM users WHERE username = ?", username)

    def unqualified(self) -> Sequence[str]:
        return self._names("SELECT name FROM users WHERE issuer IS NULL")

    def groups_of(self, user: str) -> Collection[str]:
        return self._names("SELECT of FROM members WHERE kind = 'user' AND name = ?", user)

    def parents(self, group: str) -> Iterable[str]:
        return self._names("SELECT of FROM members WHERE kind = 'group' AND name = ?", group)

    def admins(self, group: str) -> Collection[str]:
        return self._names("SELECT name FROM members WHERE kind = 'admin' AND of = ?", group)

    def known(self, resource: Resource) -> Known | None:
        for organization, restricted in self._rows("SELECT organization, restricted FROM resources WHERE name = ?", str(resource)):
            return Stored(resource, restriction=_restriction(restricted, organization)).known
        return None

    def holders(self, resource: Resource) -> Holders | None:
        rows = self._rows(
            "SELECT r.owner, g.kind, g.name, g.flags FROM resources r LEFT JOIN grants g ON g.resource = r.name "
            "WHERE r.name = ? ORDER BY g.position",
            str(resource),
        )
        if not rows:
            return None
        return Holders.settle(resource, rows[0][0], ((Grantee(kind, name), flags) for _, kind, name, flags in rows if kind))

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        return map(Resource.parse, self._names("SELECT resource FROM grants WHERE kind = ? AND name = ?", *grantee))

    def owned_by(self, user: str) -> Iterable[Resource]:
        return map(Resource.parse, self._names("SELECT name FROM resources WHERE owner = ?", user))

    def everything(self) -> Everything:
        """All facts, as they are read from this transaction."""
        return Everything(map(_user, self._sqlite.execute("SELECT * FROM users")), self._groups(), self._resources())

    def _groups(self) -> Iterator[Group]:
        for name, rows in groupby(self._sqlite.execute("SELECT of, kind, name FROM members ORDER BY of"), lambda row: str(row[0])):
            members: dict[str, list[str]] = {"user": [], "group": [], "admin": []}
            for _, kind, member in rows:
                members[kind].append(member)
            yield Group(name, tuple(members["user"]), tuple(members["group"]), tuple(members["admin"]))

    def _resources(self) -> Iterator[Stored]:
        found = self._sqlite.execute(
            "SELECT r.name, r.owner, r.organization, r.restricted, g.kind, g.name, g.flags "
            "FROM resources r LEFT JOIN grants g ON g.resource = r.name ORDER BY r.name, g.position"
        )
        for (name, owner, organization, restricted), rows in groupby(found, lambda row: row[:4]):
            resource = Resource.parse(name)
            holders = Holders.settle(resource, owner, ((Grantee(kind, grantee), flags) for *_, kind, grantee, flags in rows if kind))
            yield Stored(resource, holders, organization, _restriction(restricted, organization))

    def _users(self, query: str, key: str) -> list[User]:
        return list(map(_user, self._rows(query, key)))

    def _names(self, query: str, *values: str) -> list[str]:
        return [name for (name,) in self._rows(query, *values)]

    def _rows(self, query: str, *values: str) -> list[Any]:
        try:
            return self._sqlite.execute(query, values).fetchall()
        except UnicodeEncodeError:
            # A lone surrogate cannot be stored, so nothing is known of it.
            return []

    # -- writing -----------------------------------------------------------------------------------------

    def put_user(self, user: User) -> None:
        self._write("INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)", *user[:4], json.dumps(sorted(user.organizations)))

    def put_group(self, group: Group) -> None:
        self._write("DELETE FROM members WHERE of = ?", group.name)
        for kind, names in (("user", group.users), ("group", group.groups), ("admin", group.admins)):
            for name in names:
                self.put_member(group.name, Grantee(kind, name), present=True)

    def put_member(self, group: str, member: Grantee, *, present: bool) -> None:
        if present:
            self._write("INSERT OR IGNORE INTO members VALUES (?, ?, ?)", *member, group)
        else:
            self._write("DELETE FROM members WHERE kind = ? AND name = ? AND of = ?", *member, group)

    def put_resource(self, stored: Stored) -> None:
        name, restriction = str(stored.resource), stored.restriction
        restricted = None
        if restriction is not None:
            restricted = json.dumps({"level": restriction.level, "allowed_users": sorted(restriction.allowed_users)})
        self._write("DELETE FROM resources WHERE name = ?", name)
        self._write("INSERT INTO resources VALUES (?, ?, ?, ?)", name, stored.holders.owner, stored.organization, restricted)
        for kind in ("user", "group", "resource"):
            for grantee, flags in stored.holders.granted(kind).items():
                self.put_grant(stored.resource, Grantee(kind, grantee), flags)

    def put_grant(self, resource: Resource, grantee: Grantee, flags: int) -> None:
        if flags:
            self._write(
                "INSERT INTO grants (resource, kind, name, flags) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (resource, kind, name) DO UPDATE SET flags = excluded.flags",
                *(str(resource), *grantee, flags),
            )
        else:
            self._write("DELETE FROM grants WHERE resource = ? AND kind = ? AND name = ?", str(resource), *grantee)

    def _write(self, statement: str, *values: str | int | None) -> None:
        try:
            self._sqlite.execute(statement, values)
        except UnicodeEncodeError:
            raise DirectoryError("a name holds a lone surrogate, which is no text that can be stored", code="malformed_fact") from None


def _user(row: tuple[Any, ...]) -> User:
    name, username, subject, issuer, organizations = row
    return User(name, username, subject, issuer, frozenset(json.loads(organizations)))


def _restriction(restricted: str | None, organization: str | None) -> Restriction | None:
    return None if restricted is None else Restriction.read(restricted, organization=organization, strict=False)
