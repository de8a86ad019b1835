"""A cache in front of a directory that has to fetch.

A fact that holds what is asked (an allow) serves for 60 s, and one that does not (a deny) for 5 s: somebody
who gains a right or joins a group waits 5 s at most, somebody who loses one keeps it for 60 s at most. Only
``groups`` and ``permission`` say what is asked, so every other fact serves for 5 s. A requirement's ``max_age``
narrows that; its ``max_stale`` lets a fact serve for longer, but only while the source does not answer. Nothing
outlives the token that it was fetched for, nor an invalidation, and no doubt is remembered.

Where processes share a cache there is a second level, behind the memory of each: what one has fetched serves
the others by the same rules. Memory then serves only while invalidations of the others would be heard.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cartaguard.caches.entry import Entry, Key
from cartaguard.caches.memory import BOUND, MemoryCache
from cartaguard.directories.base import Aged, Directory, answered, doubted, fresh_of, max_age
from cartaguard.directories.cached_batch import Batch, end, holds, in_question, stands, too_old, younger
from cartaguard.directories.chain import ChainDirectory
from cartaguard.drivers.effects import Shared, Steps, Together
from cartaguard.drivers.flights import Flights
from cartaguard.drivers.forks import renew_in_children
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
from cartaguard.model.value import replace

if TYPE_CHECKING:
    from cartaguard.caches.invalidation import Invalidation
    from cartaguard.caches.shared import SharedCache
    from cartaguard.caches.store import Page
    from cartaguard.model.health import Condition

__all__ = ["ALLOW", "DENY", "CachedDirectory", "with_cache"]

#: Seconds for which a fact serves that holds what is asked.
ALLOW = 60.0

#: Seconds for which it serves otherwise.
DENY = 5.0

#: How old a fact may be while it would not be heard if something changed.
_UNHEARD = 0.5

#: How many answers in a row have to be in doubt before the directory is said to be.
DOUBTS = 3


class CachedDirectory(Directory):
    """Remembers what another directory fetched, and fetches once for everybody who asks meanwhile.

    :param inner: the directory that fetches.
    :param allow: seconds for which a fact serves that holds what is asked.
    :param deny: seconds for which it serves otherwise.
    :param bound: how many facts are remembered.
    :param clock: seconds since the epoch.
    :param shared: what the processes of a deployment have in common.
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
        shared: SharedCache | None = None,
    ) -> None:
        if not 0 <= deny <= allow:
            raise ConfigurationError(f"`deny` ({deny:g} s) is from 0 to `allow` ({allow:g} s)")
        self.inner = inner
        self.uses_groups = inner.uses_groups
        self.partial_groups = inner.partial_groups
        self._allow = allow
        self._deny = deny
        self._clock = clock
        self._bound = bound
        self._qualified = False
        self._epoch = 0
        #: How many answers in a row were in doubt; ``None`` before the first.
        self._doubts: int | None = None
        self._flights = Flights(clock)
        self.renew()
        renew_in_children(self)
        # What hears of changes by itself need not be told by the others, and they could not tell in time.
        self._store = shared.store if shared is not None and inner.identity is not None and inner.changes is None else None
        self._listeners = tuple(one for one in (None if shared is None else shared.bus, inner.changes) if one is not None)
        for listener in self._listeners:
            listener.subscribe(self._hear)

    def renew(self) -> None:
        """Begin without any memory: for the child of a fork."""
        self._lock = threading.Lock()
        self._entries: MemoryCache[Key, Entry] = MemoryCache(self._bound)
        self._epoch += 1

    @property
    def source(self) -> str:
        return self.inner.source

    # -- at hand -----------------------------------------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        fact = self.inner.groups(principal, wanted, fresh)
        if fact is None:
            entry = self._entries.get(self._key(GroupsNeed, principal, *self._wanted(wanted)))
            if entry is not None and self._serves(entry, not wanted.isdisjoint(entry.fact.groups), fresh):
                fact = entry.fact
        return fact

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        fact = self.inner.permission(principal, resource, flag, fresh)
        if fact is None:
            entry = self._entries.get(self._key(PermissionNeed, principal, resource.type, resource.id))
            if entry is not None and self._serves(entry, flag != 0 and int.__and__(entry.fact.permission, flag) == flag, fresh):
                fact = entry.fact
        return fact

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return self.inner.organizations(principal, fresh) or self._recall(self._key(OrganizationsNeed, principal), fresh)

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        key = self._key(RestrictionNeed, principal, resource.type, resource.id)
        return self.inner.restriction(principal, resource, fresh) or self._recall(key, fresh)

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return self.inner.listing(principal, type) or self._recall(self._key(ListingNeed, principal, type))

    def _recall(self, key: Key, fresh: Freshness | None = None) -> Any:
        entry = self._entries.get(key)
        return entry.fact if entry is not None and self._serves(entry, False, fresh) else None

    def _serves(self, entry: Entry, allows: bool, fresh: Freshness | None, grace: float = 0.0) -> bool:
        """Whether a remembered fact may be used now.

        :param allows: it holds what is asked.
        :param grace: seconds for which it serves longer.
        """
        return self._informed() and self._lasts(entry, allows, fresh, grace)

    def _lasts(self, entry: Entry, allows: bool, fresh: Freshness | None, grace: float = 0.0) -> bool:
        now = self._clock()
        longest = self._allow if allows else self._deny
        if fresh is not None and fresh.max_age is not None and fresh.max_age < longest:
            longest = fresh.max_age
        # A clock that was set back tells no age.
        return entry.since <= now < entry.until and now - entry.since < longest + grace

    def _informed(self) -> bool:
        """Whether it would be heard if something changed; only then memory counts."""
        for listener in self._listeners:  # noqa: SIM110 (a generator would cost more than the rest of a hit)
            if not listener.alive():
                return False
        return True

    def _key(self, kind: type[Need], principal: Principal, *what: str) -> Key:
        groups = principal.groups if self.uses_groups else None
        return (principal.issuer, principal.subject, principal.username, groups, kind, *what)

    def _key_of(self, need: Need) -> Key:
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
        batches: dict[object, Batch] = {}
        for need in needs:
            age, key = max_age(need), self._key_of(need)
            # Permissions in one batch, for directories that answer many at once.
            together = (age, PermissionNeed) if isinstance(need, PermissionNeed) else (age, key)
            batches.setdefault(together, Batch(age, {})).needs.setdefault(key, []).append(need)
        flights = [self._flight(batch) for batch in batches.values()]
        if len(flights) == 1:
            return (yield from flights[0])
        answers: list[Aged] = (yield Together(flights)) if flights else []
        return Aged(
            {need: fact for answer in answers for need, fact in answer.items()}, max((answer.age for answer in answers), default=0.0)
        )

    def _flight(self, batch: Batch) -> Steps[Aged]:
        """Fetch a batch, or wait for whoever is fetching the same; what its source does not tell may be told by memory."""
        # Whoever asks after an invalidation does not join a fetch that began before it.
        epoch = self._epoch
        # Something may have changed since a fetch began, and nobody could tell.
        strict = batch if self._informed() else younger(batch, _UNHEARD)
        # What is shared may serve one question about a fact and not another one.
        about = frozenset(batch.needs) if self._store is None else frozenset(map(in_question, batch.needs.items()))
        flight = Shared(self._flights, (epoch, strict.age, about), lambda: self._load(strict, epoch), strict.age)
        asked_at = self._clock()
        try:
            found: dict[Key, Entry] = yield flight
            if too_old(found, asked_at, strict):
                # It was joined in time, but what it shared itself is too old by now; the next one begins after this was asked.
                found = yield flight
            facts = {key: found[key].fact for key in batch.needs}
            oldest = min(found[key].since for key in batch.needs)
        except Unavailable as fault:
            asked = tuple(needs[0] for needs in batch.needs.values())
            doubts = doubted(self.inner, asked, fault)
            facts = {key: doubts[needs[0]] for key, needs in batch.needs.items()}
            oldest = asked_at
        told = {need: self._kept(need, key, facts[key]) for key, needs in batch.needs.items() for need in needs}
        return Aged(told, max(0.0, asked_at - oldest))

    def _kept(self, need: Need, key: Key, fact: Fact) -> Fact:
        """A fact, or where it is in doubt and the need allows it, what is remembered of it for a little longer."""
        fresh = fresh_of(need)
        entry = self._entries.get(key) if fact.doubt and fresh is not None and fresh.max_stale else None
        if entry is None or fresh is None or not stands(need, entry.fact):
            return fact
        allows = isinstance(need, (GroupsNeed, PermissionNeed))
        if not self._serves(entry, allows, fresh, fresh.max_stale):
            return fact
        emit("stale_fact_served", source=self.source, doubt=fact.doubt, age=self._clock() - entry.since)
        kept: Fact = replace(entry.fact, stale=True)
        return kept

    def _load(self, batch: Batch, epoch: int) -> Steps[dict[Key, Entry]]:
        # Who would not hear of a change does not read what others keep either: it may be what somebody could not make out of date.
        store = None if batch.age == 0 or not self._informed() else self._store
        found: dict[Key, Entry] = {}
        pages: list[Page] = []
        if store is not None:
            pages = yield from store.read(self._identity, batch.needs)
            found = self._from_others(batch, pages, epoch)
        asked = tuple(needs[0] for key, needs in batch.needs.items() if key not in found)
        if asked:
            since = self._clock()
            facts = yield from answered(self.inner, asked)
            since -= facts.age
            clear = any(not fact.doubt for fact in facts.values())
            self._doubts = 0 if clear else (self._doubts or 0) + 1
            fetched = {self._key_of(need): Entry(fact, since, end(need)) for need, fact in facts.items()}
            found |= fetched
            entries = {key: entry for key, entry in fetched.items() if not entry.fact.doubt and not entry.fact.stale}
            newest = self._remember(entries, epoch)
            if store is not None and newest:
                yield from store.write(self._identity, pages, newest)
        return found

    def _from_others(self, batch: Batch, pages: Sequence[Page], epoch: int) -> dict[Key, Entry]:
        """What others have fetched and serves here; memory takes it over as it is, with its age."""
        entries: dict[Key, Entry] = {}
        found: dict[Key, Entry] = {}
        for key, entry in ((key, entry) for page in pages for key, entry in page.entries.items()):
            needs = batch.needs[key]
            ends = entry._replace(until=min(entry.until, end(needs[0])))
            if all(self._lasts(ends, holds(need, ends.fact), fresh_of(need)) for need in needs):
                found[key] = ends
            entries[key] = ends
        self._remember(entries, epoch)
        return found

    def _remember(self, entries: Mapping[Key, Entry], epoch: int) -> dict[Key, Entry]:
        """Keep facts, unless something was invalidated since they were asked for, or would not be heard of.

        What was asked for later and is there already stays: a fetch may take longer than one that began after it.

        :return: what is kept.
        """
        newest: dict[Key, Entry] = {}
        informed, now = self._informed(), self._clock()
        with self._lock:
            if informed and epoch == self._epoch:
                for key, entry in entries.items():
                    kept = self._entries.get(key)
                    # What is of a time to come is of a clock that was set back.
                    if kept is None or not entry.since < kept.since <= now:
                        self._entries.put(key, entry)
                        newest[key] = entry
        return newest

    @property
    def _identity(self) -> str:
        return f"{self.inner.identity}{' qualified' if self._qualified else ''}"

    # -- the rest ----------------------------------------------------------------------------------------

    def remembered(self) -> list[tuple[Key, Entry]]:
        """What is remembered now, whether or not it still serves: for a snapshot."""
        with self._lock:
            return self._entries.items()

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

    def _hear(self, invalidation: Invalidation) -> None:
        """Another process tells what to forget."""
        self.invalidate(**invalidation.named())

    def health(self) -> Sequence[Condition]:
        """What the directory itself says; where it has no complaint, what its answers say."""
        return [self._judged(condition) if condition.level == "ok" else condition for condition in self.inner.health()]

    def _judged(self, condition: Condition) -> Condition:
        if condition.part != "directory" or self._doubts is None:
            return condition
        if self._doubts >= DOUBTS:
            return condition._replace(state="in_doubt", level="degraded")
        return condition if self._doubts else condition._replace(state="ok")

    def probe(self) -> Steps[None]:
        yield from self.inner.probe()

    def qualify(self) -> None:
        self.inner.qualify()
        self._qualified = True
        self.invalidate()

    def close(self) -> None:
        self.inner.close()


def with_cache(directory: Directory, *, clock: Callable[[], float] = time.time, shared: SharedCache | None = None) -> Directory:
    """The directory with a cache in front of every part of it that is remote; local parts need none.

    :param shared: what processes have in common. What it hears goes to every part, since any may remember something.
    """
    if directory.remote:
        return CachedDirectory(directory, clock=clock, shared=shared)
    arranged = directory.arranged(lambda part: with_cache(part, clock=clock, shared=shared))
    if shared is not None and not isinstance(directory, (CachedDirectory, ChainDirectory)):
        shared.bus.subscribe(lambda invalidation: arranged.invalidate(**invalidation.named()))
    return arranged
