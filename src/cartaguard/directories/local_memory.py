"""The store of a local directory in memory.

Readers take no lock. What they see is replaced, never changed in place, so that they see each entry either
before or after a write, and the version rises once the write is whole.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from cartaguard.directories.graph import Grantee, Holders
from cartaguard.directories.local_store import Everything, Facts, Group, Stored, User
from cartaguard.errors import DirectoryError
from cartaguard.model.facts import Known
from cartaguard.model.names import Resource

__all__ = ["MemoryStore"]

T = TypeVar("T")

_NOBODY = Group("")


class MemoryStore:
    """Facts as dicts.

    :param read_only: why writes are refused; empty when they are not.
    """

    def __init__(self, facts: Facts, *, read_only: str = "") -> None:
        self._read_only = read_only
        self._lock = threading.RLock()
        self._version = 0
        self._reading = nullcontext(self)
        self._users: dict[str, User] = {}
        self._named: dict[str, tuple[User, ...]] = {}
        self._groups: dict[str, Group] = {}
        self._memberships: dict[Grantee, tuple[str, ...]] = {}
        self._resources: dict[Resource, Stored] = {}
        self._index: dict[Grantee, tuple[Resource, ...]] | None = None
        for user in facts.users:
            self.put_user(user)
        self._add_groups(facts.groups)
        self._resources.update((stored.resource, stored) for stored in facts.resources)

    def version(self, *, exactly: bool = False) -> int:
        return self._version

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
                self._version += 1

    @contextmanager
    def everything(self) -> Iterator[Everything]:
        with self._lock:
            users, resources = list(self._users.values()), list(self._resources.values())
            members: dict[str, dict[str, list[str]]] = {group: {"user": [], "group": []} for group in self._groups}
            for member, of in self._memberships.items():
                for group in of:
                    members[group][member.kind].append(member.name)
            groups = [
                Group(name, tuple(kinds["user"]), tuple(kinds["group"]), self._groups[name].admins) for name, kinds in members.items()
            ]
        yield Everything(users, groups, resources)

    def close(self) -> None:
        """There is nothing to give back."""

    # -- reading -----------------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        return self._users.get(name)

    def users_named(self, username: str) -> Sequence[User]:
        return self._named.get(username, ())

    def unqualified(self) -> Sequence[str]:
        return [user.name for user in self._users.values() if user.issuer is None]

    def groups_of(self, user: str) -> Collection[str]:
        return self._memberships.get(Grantee("user", user), ())

    def parents(self, group: str) -> Iterable[str]:
        return self._memberships.get(Grantee("group", group), ())

    def admins(self, group: str) -> Collection[str]:
        return self._groups.get(group, _NOBODY).admins

    def known(self, resource: Resource) -> Known | None:
        stored = self._resources.get(resource)
        return None if stored is None else stored.known

    def holders(self, resource: Resource) -> Holders | None:
        stored = self._resources.get(resource)
        return None if stored is None else stored.holders

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
                for stored in self._resources.values():
                    for grantee in _holding(stored.holders):
                        found.setdefault(grantee, []).append(stored.resource)
                index = self._index = {grantee: tuple(resources) for grantee, resources in found.items()}
        return index

    # -- writing -----------------------------------------------------------------------------------------

    def put_user(self, user: User) -> None:
        before = self._users.get(user.name)
        if before is not None and before.username is not None:
            self._named[before.username] = _without(self._named[before.username], before)
        self._users[user.name] = user
        if user.username is not None:
            self._named[user.username] = (*self._named.get(user.username, ()), user)

    def put_group(self, group: Group) -> None:
        if group.name in self._groups:
            for member in [member for member, of in self._memberships.items() if group.name in of]:
                self.put_member(group.name, member, present=False)
        self._add_groups([group])

    def put_member(self, group: str, member: Grantee, *, present: bool) -> None:
        self._groups.setdefault(group, Group(group))
        of = self._memberships.get(member, ())
        if present is not (group in of):
            self._memberships[member] = (*of, group) if present else _without(of, group)

    def put_resource(self, stored: Stored) -> None:
        resource = stored.resource
        before = self._resources.get(resource)
        self._resources[resource] = stored
        index = self._index
        if index is None:
            return
        old = set() if before is None else set(_holding(before.holders))
        new = set(_holding(stored.holders))
        for grantee in new - old:
            index[grantee] = (*index.get(grantee, ()), resource)
        for grantee in old - new:
            index[grantee] = _without(index[grantee], resource)

    def put_grant(self, resource: Resource, grantee: Grantee, flags: int) -> None:
        stored = self._resources[resource]
        names = {**stored.holders.granted(grantee.kind), grantee.name: flags}
        if not flags:
            del names[grantee.name]
        self.put_resource(stored._replace(holders=stored.holders.granting(grantee.kind, names)))

    def _add_groups(self, groups: Iterable[Group]) -> None:
        """Add groups that have no members yet."""
        found: dict[Grantee, list[str]] = {}
        for group in groups:
            self._groups[group.name] = group._replace(users=(), groups=())
            for kind, names in (("user", group.users), ("group", group.groups)):
                for name in names:
                    found.setdefault(Grantee(kind, name), []).append(group.name)
        for member, of in found.items():
            self._memberships[member] = (*self._memberships.get(member, ()), *of)


def _holding(holders: Holders) -> Iterator[Grantee]:
    if holders.owner:
        yield Grantee("owner", holders.owner)
    for kind in ("user", "group", "resource"):
        for name in holders.granted(kind):
            yield Grantee(kind, name)


def _without(names: tuple[T, ...], unwanted: T) -> tuple[T, ...]:
    return tuple(name for name in names if name != unwanted)
