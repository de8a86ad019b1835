"""A directory whose facts a test writes down, at hand or to be fetched, and which counts what it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from cartaguard import Principal, Resource
from cartaguard.directories.base import Directory
from cartaguard.drivers.effects import Call, Steps
from cartaguard.errors import Unavailable
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

__all__ = ["OLGA", "FactTable", "both", "person"]

T = TypeVar("T")


def person(username: str = "olga", **values: Any) -> Principal:
    """A verified caller."""
    return Principal(**{"issuer": "https://issuer.example", "subject": f"sub-{username}", "username": username, **values})


OLGA = person()


class FactTable(Directory):
    """Facts by what they are about: a group's name, a resource, a type, or ``"organizations"``.

    :param facts: answers; what is not listed is not answered at all.
    :param later: what is not at hand (by the same keys; ``True``: nothing is), and has to be fetched.
    :param fault: raised by every fetch.

    ``fetched`` are the needs that were fetched, in the order of the fetches.
    """

    def __init__(self, facts: Mapping[Any, Fact], *, later: Any = (), fault: Unavailable | None = None) -> None:
        self.facts = dict(facts)
        self.later = later
        self.fault = fault
        self.fetched: list[tuple[Need, ...]] = []
        self.forgotten: list[dict[str, Any]] = []
        self.closed = False

    def _key(self, need: Need) -> Any:
        match need:
            case GroupsNeed(_, wanted):
                return min(wanted, default="groups")
            case PermissionNeed(_, resource) | RestrictionNeed(_, resource):
                return (type(need), resource) if (type(need), resource) in self.facts else resource
            case OrganizationsNeed():
                return "organizations"
            case ListingNeed(_, type_):
                return type_

    def _at_hand(self, need: Need) -> Any:
        key = self._key(need)
        return None if self.later is True or key in self.later else self.facts.get(key)

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        found: Memberships | None = self._at_hand(GroupsNeed(principal, wanted))
        return found

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        found: Granted | None = self._at_hand(PermissionNeed(principal, resource, flag))
        return found

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        found: Organizations | None = self._at_hand(OrganizationsNeed(principal))
        return found

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        found: Known | None = self._at_hand(RestrictionNeed(principal, resource))
        return found

    def listing(self, principal: Principal, type: str) -> Listed | None:
        found: Listed | None = self._at_hand(ListingNeed(principal, type))
        return found

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        yield Call(lambda: None, _nothing)
        self.fetched.append(tuple(needs))
        if self.fault is not None:
            raise self.fault
        return {need: fact for need in needs if (fact := self.facts.get(self._key(need))) is not None}

    def invalidate(self, **what: Any) -> None:
        self.forgotten.append(what)

    def close(self) -> None:
        self.closed = True


async def _nothing() -> None:
    """What a fetch waits for."""


def both(blocking: Callable[[], T], asynchronous: Callable[[], Awaitable[T]]) -> T:
    """The answer of a call and of its async twin, which has to be the same."""

    async def main() -> T:
        return await asynchronous()

    one, other = blocking(), asyncio.run(main())
    assert one == other
    return one
