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
from cartaguard.directories.compact_layout import Membership, Named, Shared, TableLayout, unpack_as
from cartaguard.directories.graph import Grantee
from cartaguard.directories.local_store import Draft, Everything, User
from cartaguard.errors import DirectoryError, FactsUnavailable
from cartaguard.model.facts import Known
from cartaguard.model.names import Resource
from cartaguard.model.restriction import Restriction

__all__ = ["CompactStore", "CompactTable", "reader"]

_NONE: Mapping[str, int] = MappingProxyType({})
_ALL = 63

_UNKNOWN = Membership((), 0, 0)
_LOGINS = msgspec.msgpack.Decoder(tuple[str, ...])
_PLACE, _NUMBER, _LIMITS = Struct("<Q"), Struct("<I"), Struct("<QQ")


def reader(buffer: Buffer, layout: Any, key: bytes) -> Callable[[str, str, Any], Any]:
    """What gives the record of a kind and a name, read by a decoder; ``None`` where there is none.

    :param layout: has the ``records`` and their ``texts``.
    """
    found, texts = finder(buffer, layout.records, 8, keys(key, RECORDS)), layout.texts[0]

    def record(kind: str, name: str, decoder: Any) -> Any:
        at = found(kind, name)
        if not at:
            return None
        [place] = _PLACE.unpack(buffer.read(at, at + 8))
        start = texts + place
        [size] = _NUMBER.unpack(buffer.read(start, start + 4))
        try:
            return decoder.decode(buffer.read(start + 4, start + 4 + size))
        except msgspec.DecodeError:
            raise FactsUnavailable("a record of a compact table cannot be read", code="directory_unavailable") from None

    return record


class CompactTable:
    """One state of the facts: the :class:`~cartaguard.directories.local_store.View` of a compact table.

    Reading takes no lock and keeps nothing.
    """

    def __init__(self, buffer: Buffer, layout: TableLayout) -> None:
        self.layout = layout
        self._buffer = buffer
        self._map = buffer.map
        self._place = finder(buffer, layout.grants, 1, keys(layout.key, GRANTS))
        self._record = reader(buffer, layout, layout.key)

    def flags(self, letter: str, grantee: str, type: str, id: str) -> int:
        """What is granted to one grantee on one resource; -1 where nothing is. One look-up."""
        at = self._place(letter, grantee, type, id)
        return self._map[at] if at else -1

    def user(self, name: str) -> User | None:
        named = self._record("U", name, unpack_as[Named])
        if named is None:
            return None
        return User(name, named.username, named.subject, named.issuer, frozenset(named.organizations))

    def users_named(self, username: str) -> Sequence[User]:
        names: tuple[str, ...] = self._record("L", username, _LOGINS) or ()
        return [user for name in names if (user := self.user(name)) is not None]

    def unqualified(self) -> Sequence[str]:
        return self.layout.bare

    def groups_of(self, user: str) -> Collection[str]:
        return self._membership("u", user).of

    def parents(self, group: str) -> Iterable[str]:
        return self._membership("g", group).of

    def known(self, resource: Resource) -> Known | None:
        kinds = self.flags("x", "", resource.type, resource.id)
        if kinds < 0:
            return None
        if not kinds & RESTRICTED:
            return Known(known=True)
        shared = self.shared(resource)
        if shared.level is None:
            raise FactsUnavailable("a compact table contradicts itself", code="directory_unavailable")
        return Known(known=True, restrictions=(Restriction(shared.level, frozenset(shared.allowed), shared.organization),))

    def holders(self, resource: Resource) -> _Held | None:
        kinds = self.flags("x", "", resource.type, resource.id)
        return None if kinds < 0 else _Held(self, resource, kinds)

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        membership = self._membership(LETTERS[grantee.kind], grantee.name)
        start, end = (self.layout.postings[0] + 4 * place for place in (membership.start, membership.start + membership.count))
        for (number,) in _NUMBER.iter_unpack(self._buffer.read(start, end)):
            yield self._resource(number)

    def owned_by(self, user: str) -> Iterable[Resource]:
        # An owner is a grantee here.
        return ()

    def shared(self, resource: Resource) -> Shared:
        """The record of a resource that says it has one."""
        shared: Shared | None = self._record("R", str(resource), unpack_as[Shared])
        if shared is None:
            raise FactsUnavailable("a compact table contradicts itself", code="directory_unavailable")
        return shared

    def _membership(self, letter: str, name: str) -> Membership:
        return self._record(letter, name, unpack_as[Membership]) or _UNKNOWN

    def _resource(self, number: int) -> Resource:
        place = self.layout.ends[0] + 8 * number
        start, end = _LIMITS.unpack(self._buffer.read(place, place + 16))
        names = self.layout.names[0]
        return Resource.parse(self._buffer.read(names + start, names + end).decode())


class _Held:
    """Who holds what on one resource, looked up as it is asked."""

    __slots__ = ("_id", "_kinds", "_resource", "_table", "_type")

    def __init__(self, table: CompactTable, resource: Resource, kinds: int) -> None:
        self._table = table
        self._resource = resource
        self._type = resource.type
        self._id = resource.id
        self._kinds = kinds

    @property
    def resources(self) -> Mapping[str, int]:
        return self._table.shared(self._resource).resources if self._kinds & RESOURCES else _NONE

    def shared(self, resource: str) -> int:
        return max(0, self._table.flags("r", resource, self._type, self._id)) if self._kinds & RESOURCES else 0

    def held(self, user: str | None, groups: Collection[str]) -> int:
        flags = 0
        if user and self._kinds & USERS:
            flags = max(0, self._table.flags("u", user, self._type, self._id))
        if self._kinds & GROUPS:
            for group in groups:
                if flags == _ALL:
                    break
                flags |= max(0, self._table.flags("g", group, self._type, self._id))
        return flags


class CompactStore:
    """The :class:`~cartaguard.directories.local_store.Store` of a compact table, which never changes."""

    def __init__(self, table: CompactTable) -> None:
        self._reading = nullcontext(table)

    def version(self, *, exactly: bool = False) -> int:
        return 0

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
