"""Several directories as one: what any of them knows is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from cartaguard.caches.memory import MemoryCache
from cartaguard.directories.base import Aged, Directory, answered, at_hand
from cartaguard.directories.graph import PERMISSIONS
from cartaguard.drivers.effects import Steps, Together
from cartaguard.errors import ConfigurationError
from cartaguard.events import emit
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal

if TYPE_CHECKING:
    from cartaguard.model.health import Condition

__all__ = ["ChainDirectory"]

F = TypeVar("F", bound=Fact)

# A permission is an IntFlag, whose own `|` builds an object of the enumeration.
_either = int.__or__

#: How often sources may add to each other's groups before the whole is in doubt.
_ROUNDS = 10


class ChainDirectory(Directory):
    """The union of several directories.

    Groups, permissions, organizations and listings add up. Groups that one directory knows of are given to
    those whose answers depend on groups, until nothing is added. A resource is known if any knows it, and
    then all restrictions hold. The doubt of one is the doubt of the whole, which keeps what is known.

    :param directories: asked together; a chain among them is taken apart.
    :raises cartaguard.errors.ConfigurationError: there is none, or something else among them.
    """

    def __init__(self, directories: Iterable[Directory]) -> None:
        members: list[Directory] = []
        for directory in directories:
            if not isinstance(directory, Directory):
                raise ConfigurationError(f"`{directory!r}` is no directory")
            members += directory.members if isinstance(directory, ChainDirectory) else (directory,)
        if not members:
            raise ConfigurationError("a chain of no directories knows nothing; give it at least one")
        self.members: tuple[Directory, ...] = tuple(members)
        self.uses_groups = any(member.uses_groups for member in members)
        self.partial_groups = any(member.partial_groups for member in members)
        self._informed: MemoryCache[tuple[Principal, frozenset[str]], Principal] = MemoryCache()

    # -- at hand, if every member has it at hand -----------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        known = principal.groups
        doubt, stale = "", False
        # How many groups each member named: whoever named all that are known has nothing to learn from the others.
        named = [-1] * len(self.members)
        for _ in range(_ROUNDS):
            informed = self._including(principal, known)
            for index, member in enumerate(self.members):
                if named[index] >= 0 and not (member.uses_groups and named[index] < len(informed.groups)):
                    continue
                fact = member.groups(informed if member.uses_groups else principal, wanted, fresh)
                if fact is None:
                    return None
                if not fact.groups <= known:
                    known |= fact.groups
                if fact.doubt and not doubt:
                    doubt = fact.doubt
                stale = stale or fact.stale
                named[index] = len(fact.groups)
            if len(known) == len(informed.groups):
                return Memberships(known, doubt, stale)
        emit("directory_in_doubt", source=self.source, doubt="endless_groups")
        return Memberships(known, doubt or "endless_groups", stale)

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        known = self._known_groups(principal, fresh)
        if known is None:
            return None
        informed = self._including(principal, known.groups)
        flags, doubt, stale = 0, known.doubt, known.stale
        for member in self.members:
            fact = member.permission(informed if member.uses_groups else principal, resource, flag, fresh)
            if fact is None:
                return None
            flags = _either(flags, fact.permission)
            doubt = doubt or fact.doubt
            stale = stale or fact.stale
        return Granted(PERMISSIONS[flags], doubt, stale)

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        facts = _all([member.organizations(principal, fresh) for member in self.members])
        if facts is None:
            return None
        return Organizations(frozenset[str]().union(*[fact.names for fact in facts]), _doubt(facts), _stale(facts))

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        facts = _all([member.restriction(principal, resource, fresh) for member in self.members])
        if facts is None:
            return None
        restrictions = dict.fromkeys(restriction for fact in facts for restriction in fact.restrictions)
        return Known(any(fact.known for fact in facts), tuple(restrictions), _doubt(facts), _stale(facts))

    def listing(self, principal: Principal, type: str) -> Listed | None:
        known = self._known_groups(principal)
        if known is None:
            return None
        informed = self._including(principal, known.groups)
        facts = _all([member.listing(informed if member.uses_groups else principal, type) for member in self.members])
        if facts is None:
            return None
        held: dict[Resource, int] = {}
        for fact in facts:
            for resource, permission in fact.resources:
                held[resource] = _either(held.get(resource, 0), permission)
        resources = sorted(((resource, PERMISSIONS[flags]) for resource, flags in held.items()), key=lambda item: item[0].id)
        return Listed(tuple(resources), known.doubt or _doubt(facts))

    def _known_groups(self, principal: Principal, fresh: Freshness | None = None) -> Memberships | None:
        """The groups that members have to know of to answer for a principal."""
        return self.groups(principal, fresh=fresh) if self.uses_groups else Memberships(principal.groups)

    def _including(self, principal: Principal, groups: frozenset[str]) -> Principal:
        if groups <= principal.groups:
            return principal
        key = (principal, groups)
        informed = self._informed.get(key)
        if informed is None:
            informed = principal.including(groups)
            self._informed.put(key, informed)
        return informed

    # -- fetching ----------------------------------------------------------------------------------------

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        """Answer as if everything were at hand, fetch together what turns out not to be, and answer again."""
        asked = [_Asked(member) for member in self.members]
        union = ChainDirectory(asked)
        age = 0.0
        while True:
            facts = {need: at_hand(union, need) for need in needs}
            lacking = [member for member in asked if member.lacking]
            if not lacking:
                return Aged({need: fact for need, fact in facts.items() if fact is not None}, age)
            answers: list[Aged] = yield Together([answered(member.inner, tuple(member.lacking)) for member in lacking])
            for member, answer in zip(lacking, answers, strict=True):
                member.answers.update(answer)
                age = max(age, answer.age)
                member.lacking.clear()

    # -- the rest ----------------------------------------------------------------------------------------

    def arranged(self, arrange: Callable[[Directory], Directory]) -> Directory:
        members = tuple(map(arrange, self.members))
        return self if members == self.members else ChainDirectory(members)

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        for member in self.members:
            member.invalidate(principal=principal, group=group, resource=resource)

    def health(self) -> Sequence[Condition]:
        return [condition for member in self.members for condition in member.health()]

    def probe(self) -> Steps[None]:
        yield Together([member.probe() for member in self.members])

    def qualify(self) -> None:
        for member in self.members:
            member.qualify()

    def close(self) -> None:
        for member in self.members:
            member.close()


class _Asked(Directory):
    """A member of a chain within one fetch: what it answered, and what it still has to be asked."""

    def __init__(self, inner: Directory) -> None:
        self.inner = inner
        self.uses_groups = inner.uses_groups
        self.answers: dict[Need, Fact] = {}
        self.lacking: dict[Need, None] = {}

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        return cast("Memberships | None", self._tell(GroupsNeed(principal, wanted, fresh)))

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        return cast("Granted | None", self._tell(PermissionNeed(principal, resource, flag, fresh)))

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return cast("Organizations | None", self._tell(OrganizationsNeed(principal, fresh)))

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        return cast("Known | None", self._tell(RestrictionNeed(principal, resource, fresh)))

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return cast("Listed | None", self._tell(ListingNeed(principal, type)))

    def _tell(self, need: Need) -> Fact | None:
        fact = self.answers.get(need) or at_hand(self.inner, need)
        if fact is None:
            self.lacking[need] = None
        return fact


def _all(facts: list[F | None]) -> list[F] | None:
    """The facts, if none is missing."""
    for fact in facts:
        if fact is None:
            return None
    return cast("list[F]", facts)


def _stale(facts: Iterable[Fact]) -> bool:
    return any(fact.stale for fact in facts)


def _doubt(facts: Iterable[Fact]) -> str:
    return next((fact.doubt for fact in facts if fact.doubt), "")
