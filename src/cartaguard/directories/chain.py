"""Several directories as one: what any of them knows is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeVar

from cartaguard.directories.base import Directory, answered, at_hand
from cartaguard.directories.graph import PERMISSIONS
from cartaguard.drivers.effects import Steps, Together
from cartaguard.errors import ConfigurationError
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
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal

__all__ = ["ChainDirectory"]

F = TypeVar("F", bound=Fact)
T = TypeVar("T")

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

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset()) -> Memberships | None:
        return _unless_fetched(self._memberships(principal, wanted))

    def permission(self, principal: Principal, resource: Resource, flag: int = 0) -> Granted | None:
        return self._at_hand(PermissionNeed(principal, resource, flag), Granted)

    def organizations(self, principal: Principal) -> Organizations | None:
        return self._at_hand(OrganizationsNeed(principal), Organizations)

    def restriction(self, principal: Principal, resource: Resource) -> Known | None:
        return self._at_hand(RestrictionNeed(principal, resource), Known)

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return self._at_hand(ListingNeed(principal, type), Listed)

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        return self._gather(needs)

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        for member in self.members:
            member.invalidate(principal=principal, group=group, resource=resource)

    def qualify(self) -> None:
        for member in self.members:
            member.qualify()

    def close(self) -> None:
        for member in self.members:
            member.close()

    def _at_hand(self, need: Need, kind: type[F]) -> F | None:
        facts = _unless_fetched(self._gather([need]))
        fact = None if facts is None else facts[need]
        return fact if isinstance(fact, kind) else None

    def _gather(self, needs: Sequence[Need]) -> Steps[dict[Need, Fact]]:
        """The facts for these needs, from what the members have at hand or fetch."""
        memberships: dict[Principal, Memberships] = {}
        facts: dict[Need, Fact] = {}
        for need in needs:
            if isinstance(need, GroupsNeed):
                facts[need] = yield from self._memberships(need.principal, need.wanted)
            elif self.uses_groups and isinstance(need, (PermissionNeed, ListingNeed)) and need.principal not in memberships:
                memberships[need.principal] = yield from self._memberships(need.principal)
        others = [need for need in needs if need not in facts]
        informed = [_informed(need, memberships.get(need.principal)) for need in others]
        answers = yield from _ask([(member, informed if member.uses_groups else others) for member in self.members])
        for need, *found in zip(others, *answers, strict=True):
            known = memberships.get(need.principal)
            facts[need] = _UNITE[type(need)](found, _doubt([known, *found] if known is not None else found))
        return facts

    def _memberships(self, principal: Principal, wanted: frozenset[str] = frozenset()) -> Steps[Memberships]:
        """Every group that any member knows of, each knowing what the others do."""
        known = principal.groups
        doubt = ""
        asking = self.members
        for _ in range(_ROUNDS):
            informed = GroupsNeed(principal.including(known), wanted)
            bare = GroupsNeed(principal, wanted)
            answers = yield from _ask([(member, [informed if member.uses_groups else bare]) for member in asking])
            found = [fact.groups for [fact] in answers if isinstance(fact, Memberships)]
            doubt = doubt or _doubt([fact for [fact] in answers])
            known = known.union(*found)
            # Whoever named every group that is known now has nothing to learn from the others.
            asking = tuple(member for member, groups in zip(asking, found, strict=True) if member.uses_groups and groups != known)
            if not asking:
                return Memberships(known, doubt)
        return Memberships(known, doubt or "endless_groups")


def _ask(plan: Sequence[tuple[Directory, Sequence[Need]]]) -> Steps[list[list[Fact]]]:
    """The facts for each directory's needs; those that have to fetch fetch together."""
    known = [{need: at_hand(directory, need) for need in needs} for directory, needs in plan]
    lacking = [
        (directory, [need for need in needs if facts[need] is None], facts) for (directory, needs), facts in zip(plan, known, strict=True)
    ]
    lacking = [lack for lack in lacking if lack[1]]
    if lacking:
        for (_, _, facts), found in zip(
            lacking, (yield Together([answered(directory, needs) for directory, needs, _ in lacking])), strict=True
        ):
            facts.update(found)
    return [[fact for need in needs if (fact := facts[need]) is not None] for (_, needs), facts in zip(plan, known, strict=True)]


def _informed(need: Need, known: Memberships | None) -> Need:
    if known is None or not isinstance(need, (PermissionNeed, ListingNeed)):
        return need
    return replace(need, principal=need.principal.including(known.groups))


def _unless_fetched(steps: Steps[T]) -> T | None:
    """What steps return if they ask for nothing."""
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    steps.close()
    return None


def _doubt(facts: Iterable[Fact]) -> str:
    return next((fact.doubt for fact in facts if fact.doubt), "")


def _granted(facts: Sequence[Granted], doubt: str) -> Granted:
    return Granted(_all_flags(fact.permission for fact in facts), doubt)


def _organizations(facts: Sequence[Organizations], doubt: str) -> Organizations:
    return Organizations(frozenset[str]().union(*(fact.names for fact in facts)), doubt)


def _known(facts: Sequence[Known], doubt: str) -> Known:
    restrictions = dict.fromkeys(restriction for fact in facts for restriction in fact.restrictions)
    return Known(any(fact.known for fact in facts), tuple(restrictions), doubt)


def _listed(facts: Sequence[Listed], doubt: str) -> Listed:
    held: dict[Resource, list[Permission]] = {}
    for fact in facts:
        for resource, permission in fact.resources:
            held.setdefault(resource, []).append(permission)
    resources = ((resource, _all_flags(permissions)) for resource, permissions in held.items())
    return Listed(tuple(sorted(resources, key=lambda item: item[0].id)), doubt)


def _all_flags(permissions: Iterable[Permission]) -> Permission:
    return PERMISSIONS[reduce(int.__or__, permissions, 0)]


_UNITE: dict[type[Need], Callable[[Any, str], Fact]] = {
    PermissionNeed: _granted,
    OrganizationsNeed: _organizations,
    RestrictionNeed: _known,
    ListingNeed: _listed,
}
