"""The store of a local directory in memory.

Readers take no lock. What they see is replaced, never changed in place, so that they see each entry either
before or after a write, and the version rises once the write is whole.

With millions of grants their bytes are what counts: a resource is its id and who holds something on it, what
only some have is kept for those, and a name that is told often is one object.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from cartaguard.directories.graph import Grantee, Holders
from cartaguard.directories.local_store import Everything, Facts, Group, Stored, User
from cartaguard.errors import DirectoryError
from cartaguard.model.facts import Known
from cartaguard.model.names import Resource
from cartaguard.model.restriction import Restriction

__all__ = ["MemoryStore"]

T = TypeVar("T")

_NOBODY = Group("")


class _Kept(Holders):
    """What is kept of a resource: in one object, so that one place in memory is read for it."""

    __slots__ = ("more",)

    def __init__(self, holders: Holders, more: _More | None) -> None:
        super().__init__(holders.owner, holders.users, holders.groups, holders.resources)
        self.more = more


class _More(NamedTuple):
    """What only some resources have."""

    organization: str | None = None
    restriction: Restriction | None = None


_NONE: Mapping[str, _Kept] = MappingProxyType({})
_NOTHING = Holders()


class MemoryStore:
    """Facts as dicts.

    :param facts: read through once, so that they need not be in memory beside what is kept of them.
    :param read_only: why writes are refused; empty when they are not.
    """

    def __init__(self, facts: Facts | Everything, *, read_only: str = "") -> None:
        self._read_only = read_only
        self._lock = threading.RLock()
        self.state = 0
        self._reading = nullcontext(self)
        self._users: dict[str, User] = {}
        # By their login name, where that is not the name they are listed under.
        self._named: dict[str, tuple[User, ...]] = {}
        self._groups: dict[str, Group] = {}
        self._memberships: dict[str, dict[str, tuple[str, ...]]] = {"user": {}, "group": {}}
        # By type and id.
        self._resources: dict[str, dict[str, _Kept]] = {}
        self._index: dict[Grantee, tuple[Resource, ...]] | None = None
        once = _Once()
        for user in facts.users:
            self.put_user(once.user(user))
        self._add_groups(facts.groups, once)
        for stored in facts.resources:
            resource = stored.resource
            self._resources.setdefault(resource.type, {})[resource.id] = _kept(stored, once)

    def version(self, *, exactly: bool = False) -> int:
        return self.state

    def reading(self) -> AbstractContextManager[MemoryStore]:
        return self._reading

    @contextmanager
    def writing(self) -> Iterator[MemoryStore]:
        if self._read_only:
            raise DirectoryError(self._read_only, code="read_only")
        with self._lock:
            try:
                yield self
            finally:
                self.state += 1

    @contextmanager
    def everything(self) -> Iterator[Everything]:
        with self._lock:
            users, types = list(self._users.values()), {of: dict(ids) for of, ids in self._resources.items()}
            members: dict[str, dict[str, list[str]]] = {group: {"user": [], "group": []} for group in self._groups}
            for kind, memberships in self._memberships.items():
                for member, of in memberships.items():
                    for group in of:
                        members[group][kind].append(member)
            groups = [
                Group(name, tuple(kinds["user"]), tuple(kinds["group"]), self._groups[name].admins) for name, kinds in members.items()
            ]
        yield Everything(users, groups, (_stored(of, name, kept) for of, ids in types.items() for name, kept in ids.items()))

    def close(self) -> None:
        """There is nothing to give back."""

    # -- reading -----------------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        return self._users.get(name)

    def users_named(self, username: str) -> Sequence[User]:
        others = self._named.get(username, ())
        user = self._users.get(username)
        return others if user is None or user.username != username else (user, *others)

    def unqualified(self) -> Sequence[str]:
        return [user.name for user in self._users.values() if user.issuer is None]

    def groups_of(self, user: str) -> Collection[str]:
        return self._memberships["user"].get(user, ())

    def parents(self, group: str) -> Iterable[str]:
        return self._memberships["group"].get(group, ())

    def admins(self, group: str) -> Collection[str]:
        return self._groups.get(group, _NOBODY).admins

    def known(self, resource: Resource) -> Known | None:
        kept = self._resources.get(resource.type, _NONE).get(resource.id)
        return None if kept is None else _stored(resource.type, resource.id, kept).known

    def holders(self, resource: Resource) -> Holders | None:
        return self._resources.get(resource.type, _NONE).get(resource.id)

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        return self._indexed().get(grantee, ())

    def owned_by(self, user: str) -> Iterable[Resource]:
        return self._indexed().get(Grantee("owner", user), ())

    def _indexed(self) -> Mapping[Grantee, tuple[Resource, ...]]:
        """Resources by who holds something on them. Only listings need it, so it is made for the first of them."""
        index = self._index
        if index is None:
            with self._lock:
                found: dict[Grantee, list[Resource]] = {}
                for of, ids in self._resources.items():
                    for name, kept in ids.items():
                        stored = _stored(of, name, kept)
                        for grantee in _holding(stored.holders):
                            found.setdefault(grantee, []).append(stored.resource)
                index = self._index = {grantee: tuple(resources) for grantee, resources in found.items()}
        return index

    # -- writing -----------------------------------------------------------------------------------------

    def put_user(self, user: User) -> None:
        before = self._users.get(user.name)
        if before is not None and before.username is not None and before.username != before.name:
            self._named[before.username] = _without(self._named[before.username], before)
        self._users[user.name] = user
        if user.username is not None and user.username != user.name:
            self._named[user.username] = (*self._named.get(user.username, ()), user)

    def put_group(self, group: Group) -> None:
        if group.name in self._groups:
            for kind, memberships in self._memberships.items():
                for member in [member for member, of in memberships.items() if group.name in of]:
                    self.put_member(group.name, Grantee(kind, member), present=False)
        self._add_groups([group], _Once())

    def put_member(self, group: str, member: Grantee, *, present: bool) -> None:
        self._groups.setdefault(group, Group(group))
        memberships = self._memberships[member.kind]
        of = memberships.get(member.name, ())
        if present is not (group in of):
            memberships[member.name] = (*of, group) if present else _without(of, group)

    def put_resource(self, stored: Stored) -> None:
        resource = stored.resource
        before = self.holders(resource)
        self._resources.setdefault(resource.type, {})[resource.id] = kept = _kept(stored, _Once())
        index = self._index
        if index is None:
            return
        old = set() if before is None else set(_holding(before))
        new = set(_holding(kept))
        for grantee in new - old:
            index[grantee] = (*index.get(grantee, ()), resource)
        for grantee in old - new:
            index[grantee] = _without(index[grantee], resource)

    def put_grant(self, resource: Resource, grantee: Grantee, flags: int) -> None:
        stored = _stored(resource.type, resource.id, self._resources[resource.type][resource.id])
        names = {**stored.holders.granted(grantee.kind), grantee.name: flags}
        if not flags:
            del names[grantee.name]
        self.put_resource(stored._replace(holders=stored.holders.granting(grantee.kind, names)))

    def _add_groups(self, groups: Iterable[Group], once: _Once) -> None:
        """Add groups that have no members yet."""
        found: dict[str, dict[str, list[str]]] = {kind: {} for kind in self._memberships}
        for group in groups:
            name = once.text(group.name)
            self._groups[name] = Group(name, admins=group.admins)
            for kind, members in (("user", group.users), ("group", group.groups)):
                for member in members:
                    found[kind].setdefault(once.text(member), []).append(name)
        for kind, ofs in found.items():
            memberships = self._memberships[kind]
            for member, of in ofs.items():
                memberships[member] = (*memberships.get(member, ()), *of)


class _Once:
    """Gives one object for all that is equal."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def text(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def user(self, user: User) -> User:
        name, username, subject, issuer, organizations = user
        return User(
            self.text(name),
            None if username is None else self.text(username),
            subject,
            None if issuer is None else self.text(issuer),
            self._sets.setdefault(organizations, organizations),
        )

    def holders(self, holders: Holders) -> Holders:
        owner = None if holders.owner is None else self.text(holders.owner)
        users = {self.text(name): flags for name, flags in holders.users.items() if name != owner}
        return Holders(owner, users, self._names(holders.groups), self._names(holders.resources))

    def _names(self, names: Mapping[str, int]) -> Mapping[str, int]:
        return dict(zip(map(self.text, names), names.values(), strict=True)) if names else _NOTHING.groups


def _kept(stored: Stored, once: _Once) -> _Kept:
    plain = stored.organization is None and stored.restriction is None
    return _Kept(once.holders(stored.holders), None if plain else _More(stored.organization, stored.restriction))


def _stored(type: str, id: str, kept: _Kept) -> Stored:
    return Stored(Resource(type, id), kept, *(kept.more or _More()))


def _holding(holders: Holders) -> Iterator[Grantee]:
    if holders.owner:
        yield Grantee("owner", holders.owner)
    for kind in ("user", "group", "resource"):
        for name in holders.granted(kind):
            yield Grantee(kind, name)


def _without(names: tuple[T, ...], unwanted: T) -> tuple[T, ...]:
    return tuple(name for name in names if name != unwanted)
