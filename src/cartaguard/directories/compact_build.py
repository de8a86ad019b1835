"""Building a compact table: facts are read through once and need not fit into memory; users and groups have to."""

from __future__ import annotations

import secrets
import tempfile
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfileobj
from struct import Struct
from typing import IO, TypeAlias

from cartaguard.directories.compact_hash import Partitions, Sink, write_sorted
from cartaguard.directories.compact_keys import GRANTS, RECORDS, keys
from cartaguard.directories.compact_layout import (
    Counts,
    Hashed,
    Kinds,
    Membership,
    Named,
    Person,
    Shared,
    Span,
    TableLayout,
    pack,
    unstorable,
)
from cartaguard.directories.local_store import Everything, Stored, User
from cartaguard.errors import DirectoryError

__all__ = ["GROUPS", "LETTERS", "RESOURCES", "RESTRICTED", "USERS", "Progress", "Records", "Scratch", "build"]

#: Told what is being done, how many are done, and how many there are if that is known.
Progress: TypeAlias = Callable[[str, int, int | None], None]

#: The letter of each kind of grantee in a key.
LETTERS = {"user": "u", "group": "g", "resource": "r"}

#: What the record of a resource says about it: what has to be looked for at all.
USERS, GROUPS, RESOURCES, RESTRICTED = 1, 2, 4, 8

#: Up to so many groups stand in the record of a resource, so that one look-up is enough for all of a caller's. More of
#: them have a grant each to be looked up, and a record stays short.
_FEW = 8

#: How many users without an issuer are named.
_BARE = 10

#: After how many resources progress is told.
_STEP = 5000

_PAIR, _NUMBER, _PLACE = Struct(">II"), Struct("<I"), Struct("<Q")


class Scratch:
    """A folder for temporary files, which are closed and gone at its end."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._stack = ExitStack()

    def __enter__(self) -> Scratch:
        self.path = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._beside, prefix=".cartaguard-")))
        return self

    def __exit__(self, *fault: object) -> None:
        self._stack.close()

    def open(self, name: str) -> IO[bytes]:
        return self._stack.enter_context((self.path / name).open("w+b"))


class Records:
    """Records that are found by a key: their texts one after the other, and a hashed run that leads to them."""

    def __init__(self, scratch: Scratch, key: bytes) -> None:
        self._key = keys(key, RECORDS)
        self._entries = Partitions(scratch.path, "records", 24)
        self._texts = scratch.open("texts")
        self._size = 0

    def put(self, kind: str, name: str, record: object) -> None:
        """Add a record. A kind is one letter."""
        text = pack(record)
        self._entries.add(self._key(kind, name) + _PLACE.pack(self._size))
        self._texts.write(_NUMBER.pack(len(text)) + text)
        self._size += 4 + len(text)

    def write(self, sink: Sink, said: Callable[[int], None]) -> tuple[Hashed, Span]:
        """Write all of them: the run, and the span of their texts."""
        hashed = write_sorted(sink, self._entries, said)
        return hashed, _copied(self._texts, sink)


def build(sink: Sink, facts: Everything, folder: Path, progress: Progress = lambda what, done, total: None) -> TableLayout:
    """Write a compact table of these facts, and say where everything is.

    :param sink: an empty buffer or one that holds something already.
    :param folder: where temporary files go.
    :raises cartaguard.errors.DirectoryError: something is told twice, holds a name that is no text, or is too much.
    """
    with Scratch(folder) as scratch:
        return _Building(sink, scratch, progress).build(facts)


class _Building:
    def __init__(self, sink: Sink, scratch: Scratch, progress: Progress) -> None:
        self._sink = sink
        self._progress = progress
        self._secret = secrets.token_bytes(32)
        self._key = keys(self._secret, GRANTS)
        self._grants = Partitions(scratch.path, "grants", 17)
        self._pairs = Partitions(scratch.path, "pairs", 8, by=3)
        self._records = Records(scratch, self._secret)
        self._names = scratch.open("names")
        self._ends = scratch.open("ends")
        self._size = 0
        self._resources = 0
        # Grantees by their letter and name, in the order of their numbers.
        self._grantees: dict[tuple[str, str], int] = {}
        self._memberships: dict[tuple[str, str], list[str]] = {}
        self._named: dict[str, Named] = {}
        # Who is listed under another name than the login name, by the latter.
        self._others: dict[str, list[str]] = {}

    def build(self, facts: Everything) -> TableLayout:
        users, bare = self._add_users(facts)
        groups = self._add_groups(facts)
        self._ends.write(_PLACE.pack(0))
        for stored in facts.resources:
            self._add(stored)
            if not self._resources % _STEP:
                self._progress("reading resources", self._resources, None)
        self._progress("reading resources", self._resources, self._resources)
        pairs = self._pairs.count
        starts, counts, postings = self._write_postings()
        for grantee in (*self._memberships, *(("u", name) for names in (self._named, self._others) for name in names)):
            self._grantees.setdefault(grantee, len(self._grantees))
        for (letter, name), number in self._grantees.items():
            of = tuple(self._memberships.get((letter, name), ()))
            held = (of, starts[number], counts[number]) if number < len(starts) else (of, 0, 0)
            if letter == "u":
                self._records.put("u", name, Person(*held, self._named.get(name), tuple(self._others.get(name, ()))))
            else:
                self._records.put(letter, name, Membership(*held))
        total = self._grants.count
        grants = write_sorted(self._sink, self._grants, lambda done: self._progress("sorting grants", done, total))
        records, texts = self._records.write(self._sink, lambda done: self._progress("sorting records", done, None))
        return TableLayout(
            key=self._secret,
            counts=Counts(users, groups, self._resources, pairs),
            grants=grants,
            records=records,
            texts=texts,
            names=_copied(self._names, self._sink),
            ends=_copied(self._ends, self._sink),
            postings=postings,
            bare=bare,
        )

    def _add_users(self, facts: Everything) -> tuple[int, tuple[str, ...]]:
        bare: list[str] = []
        for user in facts.users:
            if user.name in self._named:
                raise DirectoryError(f"the user `{user.name}` is told twice; tell each once", code="duplicate")
            self._named[user.name] = _named(user)
            if user.username not in (None, user.name):
                self._others.setdefault(user.username, []).append(user.name)
            if user.issuer is None and len(bare) < _BARE:
                bare.append(user.name)
        return len(self._named), tuple(bare)

    def _add_groups(self, facts: Everything) -> int:
        count = 0
        for group in facts.groups:
            count += 1
            for letter, names in (("u", group.users), ("g", group.groups)):
                for name in names:
                    self._memberships.setdefault((letter, name), []).append(group.name)
        return count

    def _add(self, stored: Stored) -> None:
        resource, holders = stored.resource, stored.holders
        type_, id_ = resource.type, resource.id
        number = self._resources
        kinds = 0
        if holders.owner:
            self._grant(number, "u", holders.owner, type_, id_, 63)
            kinds |= USERS
        groups = {name: int(flags) for name, flags in holders.groups.items() if flags}
        if len(groups) <= _FEW:
            for name in groups:
                self._post(number, "g", name)
            looked_up: dict[str, int] = {}
        else:
            groups, looked_up = {}, groups
        for letter, kind, granted in (("u", USERS, holders.users), ("g", GROUPS, looked_up), ("r", RESOURCES, holders.resources)):
            for name, flags in granted.items():
                if flags and not (letter == "u" and name == holders.owner):
                    self._grant(number, letter, name, type_, id_, int(flags))
                    kinds |= kind
        restriction = stored.restriction
        if restriction is not None:
            kinds |= RESTRICTED
        if kinds & (RESOURCES | RESTRICTED):
            shared = {name: int(flags) for name, flags in holders.resources.items() if flags}
            if restriction is None:
                record = Shared(None, (), None, shared)
            else:
                record = Shared(restriction.level, tuple(sorted(restriction.allowed_users)), restriction.organization, shared)
            self._records.put("S", str(resource), record)
        self._records.put("R", str(resource), Kinds(kinds, groups))
        self._resources += 1
        text = _text(str(resource))
        self._size += len(text)
        self._names.write(text)
        self._ends.write(_PLACE.pack(self._size))

    def _grant(self, number: int, letter: str, name: str, type_: str, id_: str, flags: int) -> None:
        self._grants.add(self._key(letter, name, type_, id_) + bytes((flags,)))
        self._post(number, letter, name)

    def _post(self, number: int, letter: str, name: str) -> None:
        grantee = self._grantees.setdefault((letter, name), len(self._grantees))
        self._pairs.add(_PAIR.pack(grantee, number))

    def _write_postings(self) -> tuple[array[int], array[int], Span]:
        """Write the resources of each grantee, and say where in them each one's begin, and how many they are."""
        starts, counts = array("Q", bytes(8 * len(self._grantees))), array("I", bytes(4 * len(self._grantees)))
        begin, written, total = self._sink.tell(), 0, self._pairs.count
        for part in self._pairs:
            pairs = [_PAIR.unpack(entry) for entry in part]
            for grantee, _ in pairs:
                if not counts[grantee]:
                    starts[grantee] = written
                counts[grantee] += 1
                written += 1
            self._sink.write(b"".join([_NUMBER.pack(number) for _, number in pairs]))
            if pairs:
                self._progress("sorting postings", written, total)
        return starts, counts, (begin, self._sink.tell() - begin)


def _text(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise unstorable() from None


def _named(user: User) -> Named:
    return Named(user.username, user.subject, user.issuer, tuple(sorted(user.organizations)))


def _copied(file: IO[bytes], sink: Sink) -> Span:
    start = sink.tell()
    file.seek(0)
    copyfileobj(file, sink)
    return start, sink.tell() - start
