"""How permissions follow from stored facts: pure rules, whatever the facts are stored in.

A store answers the few questions of :class:`World`; :func:`closure`, :func:`permission_on` and
:func:`listing` do the rest. All three are iterative and visit a node at most once for each flag, so that
cycles are harmless and depth is no limit.

The rules: the owner of a resource holds everything on it; grants reach a user directly, through groups and
through resources (when resource A holds a permission on B, whoever holds that same permission on A holds it
on B); there is one owner, and a second stored one is ignored; a secret is never shared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission

__all__ = ["NOBODY", "PERMISSIONS", "SECRET", "Grantee", "Held", "Holders", "World", "closure", "listing", "permission_on"]

#: The resource type that is never shared: only its owner holds anything on it.
SECRET = "Secret"  # noqa: S105 (a resource type)

#: An owner that nobody is: for a resource whose stored owner could not be read.
NOBODY = ""

_OWNER = int(Permission.OWNER)
_ALL = int(Permission.ALL)

#: Every set of flags, by its number: an enumeration's own arithmetic costs more than the rest of an answer.
PERMISSIONS = tuple(Permission(flags) for flags in range(_ALL + 1))


class Grantee(NamedTuple):
    """Whom a grant is to: ``kind`` is ``user``, ``group`` or ``resource``; ``name`` is what follows the colon."""

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Grantee:
        """Read ``user:NAME``, ``group:ORG:NAME`` or ``resource:TYPE:ID``.

        Raises :class:`~cartaguard.errors.DirectoryError` (code ``bad_grantee``) for anything else.
        """
        kind, _, name = text.partition(":")
        if kind == "resource":
            try:
                Resource.parse(name)
            except ValueError:
                name = ""
        if kind not in ("user", "group", "resource") or not name:
            raise DirectoryError(f"`{text}` is not a grantee; use `user:NAME`, `group:ORG:NAME` or `resource:TYPE:ID`", code="bad_grantee")
        return cls(kind, name)

    @classmethod
    def of(cls, resource: Resource) -> Grantee:
        """This resource as a grantee."""
        return cls("resource", str(resource))

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


_NONE: Mapping[str, int] = MappingProxyType({})


class Holders(dict[str, int]):
    """Who holds what on one resource, settled by the rules; build it with :meth:`settle`, and change nothing in it.

    ``owner`` is a user's name, :data:`NOBODY`, or ``None`` where no owner is stored. The mappings lead from
    the names of users, groups and resources (``Type:id``) to flags. The owner is not among ``users``: nothing that
    is granted to them adds to what they hold.

    It is the mapping of users itself: among millions of resources each object on the way to a grant is one more place
    in memory that has to be fetched, which takes longer than all the rest.
    """

    __slots__ = ("groups", "owner", "resources")

    def __init__(
        self,
        owner: str | None = None,
        users: Mapping[str, int] = _NONE,
        groups: Mapping[str, int] = _NONE,
        resources: Mapping[str, int] = _NONE,
    ) -> None:
        super().__init__(users)
        self.owner = owner
        self.groups = groups
        self.resources = resources

    @property
    def users(self) -> Mapping[str, int]:
        """What is granted to users."""
        return self

    def __bool__(self) -> bool:
        """Always: that no user is among them says nothing about the others."""
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Holders) and self._content() == other._content()

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return f"Holders({', '.join(map(repr, self._content()))})"

    def _content(self) -> tuple[object, ...]:
        return self.owner, dict(self), dict(self.groups), dict(self.resources)

    @classmethod
    def settle(
        cls,
        resource: Resource,
        owner: str | None,
        grants: Iterable[tuple[Grantee, int]],
        ignored: Callable[[Grantee, str], None] | None = None,
    ) -> Holders:
        """Settle stored grants, in the order in which they were stored.

        Several grants to one grantee add up. Where no owner is stored, the first grant of Owner makes one.

        :param ignored: is told of each grant that does not count, with a stable word for the reason:
            ``second_owner`` or ``secret``.
        """
        owned = owner is not None
        found: dict[str, dict[str, int]] = {"user": {}, "group": {}, "resource": {}}
        for grantee, permission in grants:
            flags = int(permission)
            reason = ""
            if resource.type == SECRET:
                reason = "secret"
            elif flags & _OWNER:
                if owned and not (grantee.kind == "user" and grantee.name == owner):
                    reason = "second_owner"
                owned = True
                flags = _ALL
            if reason:
                if ignored is not None:
                    ignored(grantee, reason)
            elif grantee.kind != "user" or grantee.name != owner:
                names = found[grantee.kind]
                names[grantee.name] = names.get(grantee.name, 0) | flags
        return cls(owner, found["user"] or _NONE, found["group"] or _NONE, found["resource"] or _NONE)

    def granted(self, kind: str) -> Mapping[str, int]:
        """What is granted to grantees of one kind."""
        return self.users if kind == "user" else self.groups if kind == "group" else self.resources

    def granting(self, kind: str, names: Mapping[str, int]) -> Holders:
        """The same with other grants to grantees of one kind."""
        given = {"user": self.users, "group": self.groups, "resource": self.resources, kind: names}
        return Holders(self.owner, given["user"], given["group"], given["resource"])

    def owns(self, grantee: Grantee) -> bool:
        """Whether a grantee is the one owner."""
        if self.owner is not None:
            return grantee.kind == "user" and grantee.name == self.owner
        return bool(self.granted(grantee.kind).get(grantee.name, 0) & _OWNER)

    def shared(self, resource: str) -> int:
        """The flags that are granted to another resource (``Type:id``)."""
        return self.resources.get(resource, 0)

    def held(self, user: str | None, groups: Collection[str]) -> int:
        """The flags that a user holds here directly or through groups."""
        flags = 0
        if user:
            flags = self.get(user, 0)
            # The owner is not among them. Where a grant is found, the owner's name need not be fetched from memory too.
            if not flags and user == self.owner:
                return _ALL
        granted = self.groups if groups else None
        if granted:
            for name in groups if len(groups) < len(granted) else granted:
                if name in granted and name in groups:
                    flags |= granted[name]
        return flags


class Held(Protocol):
    """What the rules ask about one resource: :class:`Holders` where its grants are at hand, or a look-up for each question."""

    @property
    def resources(self) -> Mapping[str, int]:
        """The resources (``Type:id``) that something is granted to, with the flags."""

    def shared(self, resource: str) -> int:
        """The flags that are granted to another resource (``Type:id``)."""

    def held(self, user: str | None, groups: Collection[str]) -> int:
        """The flags that a user holds here directly or through groups."""


class World(Protocol):
    """What a store of facts answers. Unknown names are no error: there is just nothing."""

    def parents(self, group: str) -> Iterable[str]:
        """The groups that have this group as a member."""

    def holders(self, resource: Resource) -> Held | None:
        """Who holds what on a resource; ``None`` when the resource is not known."""

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        """The resources with a grant to this grantee, or more: :meth:`holders` has the last word."""

    def owned_by(self, user: str) -> Iterable[Resource]:
        """The resources whose stored owner is this user."""


def closure(groups: Iterable[str], parents: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """These groups and every group that they are members of, however far up."""
    found = set(groups)
    waiting = list(found)
    while waiting:
        for parent in parents(waiting.pop()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return frozenset(found)


def permission_on(world: World, user: str | None, groups: frozenset[str], resource: Resource) -> Permission:
    """Everything that a user holds on a resource.

    Walks backwards from the resource along grants to other resources. A path carries the flags that every
    grant on it has, so only flags that were not found yet are followed.

    :param user: the name that grants to users are compared with; ``None`` when there is none.
    :param groups: the user's groups, closed over nesting.
    """
    if not user and not groups:
        return Permission.NONE
    flags = 0
    asked: dict[Resource, int] = {resource: _ALL}
    waiting = [(resource, _ALL)]
    while waiting:
        here, wanted = waiting.pop()
        wanted &= ~flags
        holders = world.holders(here) if wanted else None
        if holders is None:
            continue
        flags |= holders.held(user, groups) & wanted
        for name, granted in holders.resources.items():
            source = Resource.parse(name)
            known = asked.get(source, 0)
            more = granted & wanted & ~flags & ~known
            if more:
                asked[source] = known | more
                waiting.append((source, more))
    return PERMISSIONS[flags]


def listing(world: World, user: str | None, groups: frozenset[str], type: str) -> list[tuple[Resource, Permission]]:
    """The resources of a type on which a user holds something, with what is held, in the order of their ids.

    Walks forwards from what the user owns and is granted, so that the work is that of what can be reached.
    """
    held: dict[Resource, int] = {}
    waiting: list[Resource] = []

    def reach(resource: Resource, flags: int) -> None:
        known = held.get(resource, 0)
        if flags & ~known:
            held[resource] = known | flags
            waiting.append(resource)

    start: set[Resource] = set()
    if user:
        start.update(world.owned_by(user), world.granted_to(Grantee("user", user)))
    for group in groups:
        start.update(world.granted_to(Grantee("group", group)))
    for resource in start:
        holders = world.holders(resource)
        if holders is not None:
            reach(resource, holders.held(user, groups))
    while waiting:
        here = waiting.pop()
        for target in world.granted_to(Grantee.of(here)):
            holders = world.holders(target)
            if holders is not None:
                reach(target, held[here] & holders.shared(str(here)))
    found = [(resource, PERMISSIONS[flags]) for resource, flags in held.items() if resource.type == type]
    return sorted(found, key=lambda item: item[0].id)
