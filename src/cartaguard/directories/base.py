"""Directory: a source of facts (XACML's policy information point).

To write one, subclass :class:`Directory`. Facts that are at hand are answered by ``groups``, ``permission``,
``organizations``, ``restriction`` and ``listing`` (``None``: not at hand); whatever has to be fetched is
fetched by :meth:`Directory.fetch`, steps that do no I/O themselves but yield effects
(:mod:`cartaguard.drivers.effects`), so that one text serves threads and tasks. Who has only plain functions
overrides :meth:`Directory.answer` (and perhaps :meth:`Directory.aanswer`) instead.

What a directory does not know is an empty fact. What it could not find out is an empty fact with a
``doubt`` (a stable word such as ``carta_unavailable``): it must never be guessed, and is never cached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cartaguard.errors import ConfigurationError, Unavailable
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
    from cartaguard.caches.listener import Listener
    from cartaguard.drivers.effects import Steps
    from cartaguard.model.health import Condition

__all__ = ["Aged", "Directory", "answered", "at_hand", "doubted", "fresh_of", "in_doubt", "max_age", "nothing"]


class Aged(dict[Need, Fact]):
    """What :meth:`Directory.fetch` hands over where something in it had been asked for before it was asked for here.

    :param age: by how many seconds, at most.
    """

    def __init__(self, facts: Mapping[Need, Fact], age: float) -> None:
        super().__init__(facts)
        self.age = age


class Directory:
    """The base of every directory. Out of the box it knows nothing, and so permits nothing."""

    #: Whether answers come from elsewhere and are worth a cache.
    remote: bool = False

    #: Whether its answers depend on ``principal.groups``: groups that other sources know of are then given to it.
    uses_groups: bool = False

    #: Whether `groups` tells only of the groups that are wanted, so that its answer says nothing about others.
    partial_groups: bool = False

    #: Whether the guard trusts several issuers, so that a bare user name in a fact says nobody. Set by the guard.
    qualified: bool = False

    #: What tells its answers from those of other directories: the same text where the same question has the same
    #: answer. With it processes share answers, where they share a cache; without it they do not.
    identity: str | None = None

    #: What hears of changes at its source; the cache in front of it remembers only while that is so.
    changes: Listener | None = None

    @property
    def source(self) -> str:
        """What events and health checks call it: an address or a kind, without anything that is secret."""
        return type(self).__name__

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        return None

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        return None

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return None

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        return None

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return None

    def standing(self) -> object | None:
        """One and the same object for as long as every fact at hand stays as it is, by time as well; another one after
        any change. ``None`` (the default): that cannot be told.

        It has to be another one by the time that whoever changed a fact is told so. What was permitted in one standing
        is permitted in it again, without a look at the facts.
        """
        return None

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        """Fetch facts: at least one for each need, more if they came along.

        Whoever shares among needs what was asked for earlier says so with :class:`Aged`, and uses for a need with a
        ``max_age`` nothing that is not younger than that.
        """
        from cartaguard.drivers.effects import Call

        has_async = type(self).aanswer is not Directory.aanswer
        try:
            facts: Mapping[Need, Fact] = yield Call(lambda: self.answer(needs), (lambda: self.aanswer(needs)) if has_async else None)
        except Unavailable as fault:
            return doubted(self, needs, fault)
        return facts

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        """Answer needs, blocking. Raise :class:`~cartaguard.errors.Unavailable` when it cannot be known."""
        if type(self).aanswer is not Directory.aanswer:
            raise ConfigurationError(
                f"`{type(self).__name__}` answers under asyncio only; use the async twin, or give it `answer` too", code="async_only"
            )
        return {need: nothing(need) for need in needs}

    async def aanswer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        """:meth:`answer` for asyncio; without it ``answer`` runs in a thread."""
        return self.answer(needs)

    def arranged(self, arrange: Callable[[Directory], Directory]) -> Directory:
        """The same with each directory within it that is asked at each need in the form that ``arrange`` gives it."""
        return self

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        """Forget what is remembered of a principal, a group or a resource; of everything when none is named.

        May be called from any thread. Of a principal only issuer and subject count: another process told no more.
        """

    def health(self) -> Sequence[Condition]:
        """How it is, and what stands behind it, at once and without I/O."""
        from cartaguard.model.health import Condition

        return (Condition("directory", self.source, "unknown" if self.remote else "ok"),)

    def probe(self) -> Steps[None]:
        """Find out whether it answers, for :meth:`health` to tell. Raises nothing for an outage."""
        yield from ()

    def qualify(self) -> None:
        """Called once by a guard that trusts several issuers: names must say whose they are from now on.

        Raises :class:`~cartaguard.errors.ConfigurationError` when a listed user does not say it (pool B's
        ``olga`` is not pool A's).
        """

    def close(self) -> None:
        """Give back files and connections."""


def nothing(need: Need) -> Fact:
    """The fact that nothing is known."""
    return _EMPTY[type(need)]()


def in_doubt(need: Need, doubt: str) -> Fact:
    """The fact that this could not be found out."""
    return _EMPTY[type(need)](doubt=doubt)


def fresh_of(need: Need) -> Freshness | None:
    """What a need says of how old its answer may be."""
    return None if isinstance(need, ListingNeed) else need.fresh


def max_age(need: Need) -> float | None:
    """How old its answer may be, in seconds; ``None`` where it does not say so."""
    fresh = fresh_of(need)
    return None if fresh is None else fresh.max_age


def doubted(directory: Directory, needs: Iterable[Need], fault: Unavailable) -> dict[Need, Fact]:
    """What a fault leaves of needs: each is in doubt. It is reported."""
    emit("directory_in_doubt", source=directory.source, doubt=fault.code, reason=fault)
    return {need: in_doubt(need, fault.code) for need in needs}


_EMPTY: dict[type, Callable[..., Fact]] = {
    GroupsNeed: Memberships,
    PermissionNeed: Granted,
    OrganizationsNeed: Organizations,
    RestrictionNeed: Known,
    ListingNeed: Listed,
}


def answered(directory: Directory, needs: Sequence[Need]) -> Steps[Aged]:
    """Fetch, and come back with a fact for each need and whatever came along: what could not be had is in doubt."""
    try:
        facts = yield from directory.fetch(needs)
    except Unavailable as fault:
        return Aged(doubted(directory, needs, fault), 0.0)
    missing = {need: in_doubt(need, "no_answer") for need in needs if facts.get(need) is None}
    if missing:
        emit("directory_in_doubt", source=directory.source, doubt="no_answer")
    return Aged({**facts, **missing}, facts.age if isinstance(facts, Aged) else 0.0)


def at_hand(directory: Directory, need: Need) -> Fact | None:
    """Ask a directory for one need without I/O."""
    match need:
        case GroupsNeed(principal, wanted, fresh):
            return directory.groups(principal, wanted, fresh)
        case PermissionNeed(principal, resource, flag, fresh):
            return directory.permission(principal, resource, flag, fresh)
        case OrganizationsNeed(principal, fresh):
            return directory.organizations(principal, fresh)
        case RestrictionNeed(principal, resource, fresh):
            return directory.restriction(principal, resource, fresh)
        case ListingNeed(principal, type_):
            return directory.listing(principal, type_)
