"""A directory that has to be asked, what it says being the test's to change; and what processes share, on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cartaguard import Guard, Permission, Principal, Requirement, Resource, permission
from cartaguard.caches.shared import SharedCache
from cartaguard.directories.base import Directory
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
)
from cartaguard.model.restriction import Restriction
from support.waiting import eventually

__all__ = ["ISSUER", "OLGA", "P1", "READ", "Remote", "alive", "guards"]

ISSUER = "https://a.example"
P1 = Resource("Project", "p1")
OLGA = Principal(issuer=ISSUER, subject="s-1", username="olga")
READ: Requirement = permission("read", "Project:p1")


class Remote(Directory):
    """Everybody holds what ``held`` says, on everything. Counts what it is asked."""

    remote = True

    def __init__(self, held: Permission = Permission.READ, *, identity: str | None = "test") -> None:
        self.held = held
        self.identity = identity
        self.asked: list[Need] = []
        #: Called while an answer is on its way.
        self.meanwhile: Callable[[], object] = lambda: None

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        self.asked += needs
        facts = {need: self._fact(need) for need in needs}
        self.meanwhile()
        return facts

    def _fact(self, need: Need) -> Fact:
        match need:
            case PermissionNeed():
                return Granted(self.held)
            case GroupsNeed():
                return Memberships(frozenset({"Team", "Org:Täm"}))
            case OrganizationsNeed():
                return Organizations(frozenset({"OrgA"}))
            case ListingNeed(_, type_):
                return Listed(((Resource(type_, "p1"), self.held),))
        return Known(True, (Restriction("same_organization", frozenset({"ada"}), "OrgA"),))


def alive(*caches: SharedCache | Guard) -> None:
    """Wait until each hears the others."""
    for one in caches:
        cache = one.cache if isinstance(one, Guard) else one
        assert cache is not None
        eventually(cache.bus.alive)


@contextmanager
def guards(*made: SharedCache, held: Permission = Permission.READ, **more: Any) -> Iterator[list[tuple[Guard, Remote]]]:
    """A guard for each shared cache, as if each was a process of its own, and all hear each other."""
    pairs = []
    for cache in made:
        remote = Remote(held)
        pairs.append((Guard(directory=remote, cache=cache, **more), remote))
    try:
        alive(*made)
        yield pairs
    finally:
        for guard, _ in pairs:
            guard.close()
