"""A cache in front of a directory that has to fetch.

A fact that holds what is asked (an allow) serves for 60 s, and one that does not (a deny) for 5 s: somebody
who gains a right or joins a group waits 5 s at most, somebody who loses one keeps it for 60 s at most. Only
``groups`` and ``permission`` say what is asked, so every other fact serves for 5 s. Nothing outlives the
token that it was fetched for, and no doubt is remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cartaguard.caches.memory import BOUND, MemoryCache
from cartaguard.directories.base import Directory, answered, in_doubt
from cartaguard.directories.chain import ChainDirectory
from cartaguard.drivers.effects import Shared, Steps, Together
from cartaguard.drivers.flights import Flights
from cartaguard.errors import ConfigurationError, Unavailable
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
from cartaguard.model.principal import Principal

__all__ = ["ALLOW", "DENY", "CachedDirectory", "with_cache"]

#: Seconds for which a fact serves that holds what is asked.
ALLOW = 60.0

#: Seconds for which it serves otherwise.
DENY = 5.0

_Key = tuple[Any, ...]


class _Entry(NamedTuple):
    """A fact, when it was asked for, and when it ends with the token. Seconds since the epoch."""

    fact: Any
    since: float
    until: float


class CachedDirectory(Directory):
    """Remembers what another directory fetched, and fetches once for everybody who asks meanwhile.

    :param inner: the directory that fetches.
    :param allow: seconds for which a fact serves that holds what is asked.
    :param deny: seconds for which it serves otherwise.
    :param bound: how many facts are remembered.
    :param clock: seconds since the epoch.
    :raises cartaguard.errors.ConfigurationError: unless ``0 <= deny <= allow``.
    """

    def __init__(
        self,
        inner: Directory,
        *,
        allow: float = ALLOW,
        deny: float = DENY,
        bound: int = BOUND,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0 <= deny <= allow:
            raise ConfigurationError(f"`deny` ({deny:g} s) is from 0 to `allow` ({allow:g} s)")
        self.inner = inner
        self.uses_groups = inner.uses_groups
        self.partial_groups = inner.partial_groups
        self._allow = allow
        self._deny = deny
        self._clock = clock
        self._entries: MemoryCache[_Key, _Entry] = MemoryCache(bound)
        self._flights = Flights()
        self._lock = threading.Lock()
        self._epoch = 0

    # -- at hand -----------------------------------------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset()) -> Memberships | None:
        fact = self.inner.groups(principal, wanted)
        if fact is None:
            entry = self._entries.get(self._key(GroupsNeed, principal, *self._wanted(wanted)))
            if entry is not None and self._serves(entry, not wanted.isdisjoint(entry.fact.groups)):
                fact = entry.fact
        return fact

    def permission(self, principal: Principal, resource: Resource, flag: int = 0) -> Granted | None:
        fact = self.inner.permission(principal, resource, flag)
        if fact is None:
            entry = self._entries.get(self._key(PermissionNeed, principal, resource.type, resource.id))
            if entry is not None and self._serves(entry, flag != 0 and int.__and__(entry.fact.permission, flag) == flag):
                fact = entry.fact
        return fact

    def organizations(self, principal: Principal) -> Organizations | None:
        return self.inner.organizations(principal) or self._recall(self._key(OrganizationsNeed, principal))

    def restriction(self, principal: Principal, resource: Resource) -> Known | None:
        key = self._key(RestrictionNeed, principal, resource.type, resource.id)
        return self.inner.restriction(principal, resource) or self._recall(key)

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return self.inner.listing(principal, type) or self._recall(self._key(ListingNeed, principal, type))

    def _recall(self, key: _Key) -> Any:
        entry = self._entries.get(key)
        return entry.fact if entry is not None and self._serves(entry, False) else None

    def _serves(self, entry: _Entry, allows: bool) -> bool:
        now = self._clock()
        # A clock that was set back tells no age.
        return entry.since <= now < entry.until and now - entry.since < (self._allow if allows else self._deny)

    def _key(self, kind: type[Need], principal: Principal, *what: str) -> _Key:
        groups = principal.groups if self.uses_groups else None
        return (principal.issuer, principal.subject, principal.username, groups, kind, *what)

    def _key_of(self, need: Need) -> _Key:
        match need:
            case PermissionNeed(principal, resource) | RestrictionNeed(principal, resource):
                return self._key(type(need), principal, resource.type, resource.id)
            case ListingNeed(principal, type_):
                return self._key(type(need), principal, type_)
            case GroupsNeed(principal, wanted):
                return self._key(type(need), principal, *self._wanted(wanted))
        return self._key(type(need), need.principal)

    def _wanted(self, groups: frozenset[str]) -> tuple[str, ...]:
        """What an answer about groups is about: these, or all there are."""
        return tuple(sorted(groups)) if self.partial_groups else ()

    # -- fetching ----------------------------------------------------------------------------------------

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        keys = {need: self._key_of(need) for need in needs}
        permissions: dict[_Key, Need] = {}
        batches = [permissions]
        for need, key in keys.items():
            if isinstance(need, PermissionNeed):
                # In one batch, for directories that answer many at once.
                permissions.setdefault(key, need)
            else:
                batches.append({key: need})
        flights = [self._flight(batch) for batch in batches if batch]
        facts: dict[_Key, Fact] = {}
        if len(flights) == 1:
            facts = yield from flights[0]
        elif flights:
            for found in (yield Together(flights)):
                facts.update(found)
        return {need: facts[key] for need, key in keys.items()}

    def _flight(self, batch: dict[_Key, Need]) -> Steps[dict[_Key, Fact]]:
        # Whoever asks after an invalidation does not join a fetch that began before it.
        epoch = self._epoch
        needs = tuple(batch.values())
        try:
            facts: dict[_Key, Fact] = yield Shared(self._flights, (epoch, frozenset(batch)), lambda: self._load(needs, epoch))
        except Unavailable as fault:
            return {key: in_doubt(need, fault.code) for key, need in batch.items()}
        return facts

    def _load(self, needs: tuple[Need, ...], epoch: int) -> Steps[dict[_Key, Fact]]:
        since = self._clock()
        facts = yield from answered(self.inner, needs)
        found: dict[_Key, Fact] = {}
        with self._lock:
            for need, fact in facts.items():
                key = self._key_of(need)
                found[key] = fact
                if not fact.doubt and epoch == self._epoch:
                    expires_at = need.principal.expires_at
                    until = since + self._allow if expires_at is None else min(since + self._allow, expires_at)
                    self._entries.put(key, _Entry(fact, since, until))
        return found

    # -- the rest ----------------------------------------------------------------------------------------

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        """Forget a principal's facts. A group or a resource may bear on anybody and anything, so then all is forgotten."""
        self.inner.invalidate(principal=principal, group=group, resource=resource)
        with self._lock:
            self._epoch += 1
            if principal is None or group is not None or resource is not None:
                self._entries.clear()
            else:
                who = (principal.issuer, principal.subject)
                self._entries.discard(lambda key: key[:2] == who)

    def qualify(self) -> None:
        self.inner.qualify()
        self.invalidate()

    def close(self) -> None:
        self.inner.close()


def with_cache(directory: Directory, *, clock: Callable[[], float] = time.time) -> Directory:
    """The directory with a cache in front of every part of it that is remote; local parts need none."""
    if isinstance(directory, ChainDirectory):
        members = [with_cache(member, clock=clock) for member in directory.members]
        return directory if tuple(members) == directory.members else ChainDirectory(members)
    return CachedDirectory(directory, clock=clock) if directory.remote else directory
