"""The facts of a local directory as one flat buffer, which many processes may share: found by look-ups, never loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from struct import Struct
from types import MappingProxyType
from typing import Any

import msgspec

from cartaguard.directories.compact_build import GROUPS, LETTERS, RESOURCES, RESTRICTED, USERS
from cartaguard.directories.compact_hash import Buffer, finder
from cartaguard.directories.compact_keys import GRANTS, RECORDS, keys
from cartaguard.directories.compact_layout import Kinds, Membership, Person, Shared, TableLayout, unpack_as
from cartaguard.directories.graph import Grantee
from cartaguard.directories.local_store import Draft, Everything, User
from cartaguard.errors import DirectoryError, FactsUnavailable
from cartaguard.model.facts import Known
from cartaguard.model.names import Resource
from cartaguard.model.restriction import Restriction

__all__ = ["CompactStore", "CompactTable", "reader"]

_NONE: Mapping[str, int] = MappingProxyType({})
_ALL = 63

_UNKNOWN, _NOBODY = Membership(), Person()

#: The nesting of so many groups is remembered.
_GROUPS = 10_000

_PLACE, _NUMBER, _LIMITS = Struct("<Q"), Struct("<I"), Struct("<QQ")


def reader(buffer: Buffer, layout: Any, key: bytes) -> Callable[[str, str, Any], Any]:
    """What gives the record of a kind and a name, read by a decoder; ``None`` where there is none.

    :param layout: has the ``records`` and their ``texts``.
    """
    found, texts = finder(buffer, layout.records, 8, keys(key, RECORDS)), layout.texts[0]
    whole, check = buffer.map, buffer.check
    place, number = _PLACE.unpack_from, _NUMBER.unpack_from

    def record(kind: str, name: str, decoder: Any) -> Any:
        at = found(kind, name)
        if not at:
            return None
        if check is not None:
            check(at, at + 8)
        start = texts + place(whole, at)[0] + 4
        if check is not None:
            check(start - 4, start)
        end = start + number(whole, start - 4)[0]
        if check is not None:
            check(start, end)
        try:
            return decoder.decode(whole[start:end])
        except msgspec.DecodeError:
            raise FactsUnavailable("a record of a compact table cannot be read", code="directory_unavailable") from None

    return record


class CompactTable:
    """One state of the facts: the :class:`~cartaguard.directories.local_store.View` of a compact table.

    Reading takes no lock. It keeps the nesting of groups, since nearly every caller asks for the same ones, and the
    person who was asked for last, about whom there are several questions; a table never changes.
    """

    def __init__(self, buffer: Buffer, layout: TableLayout) -> None:
        self.layout = layout
        self._buffer = buffer
        self._map = buffer.map
        self._place = finder(buffer, layout.grants, 1, keys(layout.key, GRANTS))
        self._record = reader(buffer, layout, layout.key)
        self._check = buffer.check
        self._parents: dict[str, tuple[str, ...]] = {}
        self._last = ("", _NOBODY)

    def flags(self, letter: str, grantee: str, type: str, id: str) -> int:
        """What is granted to one grantee on one resource; -1 where nothing is. One look-up."""
        at = self._place(letter, grantee, type, id)
        return self._map[at] if at else -1

    def user(self, name: str) -> User | None:
        named = self._person(name).named
        if named is None:
            return None
        return User(name, named.username, named.subject, named.issuer, frozenset(named.organizations))

    def users_named(self, username: str) -> Sequence[User]:
        person = self._person(username)
        same = (username,) if person.named is not None and person.named.username == username else ()
        return [user for name in (*same, *person.others) if (user := self.user(name)) is not None]

    def unqualified(self) -> Sequence[str]:
        return self.layout.bare

    def groups_of(self, user: str) -> Collection[str]:
        return self._person(user).of

    def parents(self, group: str) -> Iterable[str]:
        of = self._parents.get(group)
        if of is None:
            if len(self._parents) >= _GROUPS:
                self._parents.clear()
            of = self._parents[group] = self._membership("g", group).of
        elif self._check is not None:
            # Where damage was found what is kept is told no longer either.
            self._check(0, 0)
        return of

    def known(self, resource: Resource) -> Known | None:
        kinds = self._kinds(resource)
        if kinds is None:
            return None
        if not kinds.kinds & RESTRICTED:
            return Known(known=True)
        shared = self.shared(resource)
        if shared.level is None:
            raise FactsUnavailable("a compact table contradicts itself", code="directory_unavailable")
        return Known(known=True, restrictions=(Restriction(shared.level, frozenset(shared.allowed), shared.organization),))

    def holders(self, resource: Resource) -> _Held | None:
        kinds = self._kinds(resource)
        return None if kinds is None else _Held(self, resource, kinds)

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        membership = self._membership(LETTERS[grantee.kind], grantee.name)
        start, end = (self.layout.postings[0] + 4 * place for place in (membership.start, membership.start + membership.count))
        for (number,) in _NUMBER.iter_unpack(self._buffer.read(start, end)):
            yield self._resource(number)

    def owned_by(self, user: str) -> Iterable[Resource]:
        # An owner is a grantee here.
        return ()

    def shared(self, resource: Resource) -> Shared:
        """The second record of a resource that says it has one."""
        shared: Shared | None = self._record("S", str(resource), unpack_as[Shared])
        if shared is None:
            raise FactsUnavailable("a compact table contradicts itself", code="directory_unavailable")
        return shared

    def _kinds(self, resource: Resource) -> Kinds | None:
        kinds: Kinds | None = self._record("R", str(resource), unpack_as[Kinds])
        return kinds

    def _person(self, name: str) -> Person:
        last = self._last
        if last[0] == name:
            if self._check is not None:
                self._check(0, 0)
            return last[1]
        person: Person = self._record("u", name, unpack_as[Person]) or _NOBODY
        self._last = (name, person)
        return person

    def _membership(self, letter: str, name: str) -> Membership:
        if letter == "u":
            return self._person(name)
        return self._record(letter, name, unpack_as[Membership]) or _UNKNOWN

    def _resource(self, number: int) -> Resource:
        place = self.layout.ends[0] + 8 * number
        start, end = _LIMITS.unpack(self._buffer.read(place, place + 16))
        names = self.layout.names[0]
        return Resource.parse(self._buffer.read(names + start, names + end).decode())


class _Held:
    """Who holds what on one resource, looked up as it is asked."""

    __slots__ = ("_groups", "_kinds", "_resource", "_table")

    def __init__(self, table: CompactTable, resource: Resource, kinds: Kinds) -> None:
        self._table = table
        self._resource = resource
        self._kinds = kinds.kinds
        self._groups = kinds.groups

    @property
    def resources(self) -> Mapping[str, int]:
        return self._table.shared(self._resource).resources if self._kinds & RESOURCES else _NONE

    def shared(self, resource: str) -> int:
        return max(0, self._table.flags("r", resource, self._resource.type, self._resource.id)) if self._kinds & RESOURCES else 0

    def held(self, user: str | None, groups: Collection[str]) -> int:
        flags, on = 0, self._resource
        for group, granted in self._groups.items():
            if group in groups:
                flags |= granted
        if user and self._kinds & USERS:
            flags |= max(0, self._table.flags("u", user, on.type, on.id))
        if self._kinds & GROUPS:
            for group in groups:
                if flags == _ALL:
                    break
                flags |= max(0, self._table.flags("g", group, on.type, on.id))
        return flags


class CompactStore:
    """The :class:`~cartaguard.directories.local_store.Store` of a compact table, which never changes."""

    state = 0

    def __init__(self, table: CompactTable) -> None:
        self._reading = nullcontext(table)

    def version(self, *, exactly: bool = False) -> int:
        return self.state

    def reading(self) -> AbstractContextManager[CompactTable]:
        return self._reading

    @contextmanager
    def writing(self) -> Iterator[Draft]:
        raise _copy()
        yield  # a generator, as a context manager has to be

    @contextmanager
    def everything(self) -> Iterator[Everything]:
        raise _copy()
        yield

    def close(self) -> None:
        """The buffer is given back once nobody reads it."""


def _copy() -> DirectoryError:
    return DirectoryError("a compact table is a copy and is only read; write to what it was made of, and make it anew", code="read_only")
