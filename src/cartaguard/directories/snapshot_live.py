"""A live directory in whose place a part of a snapshot stands while it does not answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from cartaguard.directories.base import Directory, answered, at_hand
from cartaguard.directories.graph import PERMISSIONS
from cartaguard.drivers.effects import Steps
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
from cartaguard.model.health import Condition
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from cartaguard.model.value import replace

__all__ = ["StandIn"]

F = TypeVar("F", bound=Fact)


class StandIn(Directory):
    """A live directory, and what a snapshot says in its place.

    What the live one answers counts, and nothing of the snapshot with it: an old yes is never added to a live no.
    Where its answer is in doubt, what it could tell and what the snapshot says count together.

    :param live: the directory itself, with its cache.
    :param kept: the part of a snapshot that is about it.
    """

    def __init__(self, live: Directory, kept: Directory) -> None:
        self.live = live
        self.uses_groups = live.uses_groups
        self.partial_groups = live.partial_groups
        self.kept = kept

    @property
    def source(self) -> str:
        return self.live.source

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        return self._told(self.live.groups(principal, wanted, fresh), GroupsNeed(principal, wanted, fresh))

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        return self._told(self.live.permission(principal, resource, flag, fresh), PermissionNeed(principal, resource, flag, fresh))

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return self._told(self.live.organizations(principal, fresh), OrganizationsNeed(principal, fresh))

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        return self._told(self.live.restriction(principal, resource, fresh), RestrictionNeed(principal, resource, fresh))

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return self._told(self.live.listing(principal, type), ListingNeed(principal, type))

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        facts = yield from answered(self.live, needs)
        return {need: self._instead(fact, need) if fact.doubt else fact for need, fact in facts.items()}

    def _told(self, fact: F | None, need: Need) -> F | None:
        return fact if fact is None or not fact.doubt else self._instead(fact, need)

    def _instead(self, fact: F, need: Need) -> F:
        """A fact that is in doubt, with what the snapshot says."""
        kept = cast("F | None", at_hand(self.kept, need))
        if kept is None or (kept.doubt and kept == type(kept)(doubt=kept.doubt)):
            # It says nothing.
            return fact
        emit("snapshot_in_use", source=self.source, doubt=fact.doubt)
        return replace(_together(fact, kept), doubt=kept.doubt and fact.doubt, stale=True)

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        self.live.invalidate(principal=principal, group=group, resource=resource)

    def health(self) -> Sequence[Condition]:
        return self.live.health()

    def probe(self) -> Steps[None]:
        yield from self.live.probe()

    def qualify(self) -> None:
        self.live.qualify()

    def close(self) -> None:
        self.live.close()


def _together(one: F, other: F) -> F:
    """Two facts about the same as one: grants and memberships add up, and all restrictions hold."""
    match one, other:
        case Memberships(), Memberships():
            return replace(one, groups=one.groups | other.groups)
        case Granted(), Granted():
            return replace(one, permission=PERMISSIONS[int.__or__(one.permission, other.permission)])
        case Organizations(), Organizations():
            return replace(one, names=one.names | other.names)
        case Known(), Known():
            return replace(one, known=one.known or other.known, restrictions=tuple(dict.fromkeys((*one.restrictions, *other.restrictions))))
        case Listed(), Listed():
            held = {resource: int(permission) for resource, permission in one.resources}
            for resource, permission in other.resources:
                held[resource] = int.__or__(held.get(resource, 0), permission)
            resources = sorted(((resource, PERMISSIONS[flags]) for resource, flags in held.items()), key=lambda item: item[0].id)
            return replace(one, resources=tuple(resources))
    raise TypeError(f"`{type(other).__name__}` is not about what `{type(one).__name__}` is about")
