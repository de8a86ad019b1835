"""How old a fact may be that a requirement rests on: fresh, stale within its grace, or not to be had."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from cartaguard import Guard, Permission, Principal, Requirement, Resource, groups, permission, restricted
from cartaguard.caches.listener import Listener
from cartaguard.directories.base import Aged, Directory
from cartaguard.directories.cached import ALLOW, DENY, CachedDirectory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.local import LocalDirectory
from cartaguard.drivers import aio, blocking
from cartaguard.errors import FactsUnavailable
from cartaguard.guard.decide import STALE
from cartaguard.model.decision import Decision, Outcome
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
from cartaguard.model.freshness import Freshness
from cartaguard.model.restriction import Restriction
from support.facts import OLGA, both, person
from support.tokens import Clock

P1 = Resource("Project", "p1")


class Source(Directory):
    """A remote source that can be down, and that somebody can change."""

    remote = True

    def __init__(self) -> None:
        self.down = False
        self.facts: dict[type, Fact] = {
            GroupsNeed: Memberships(frozenset({"Team"})),
            PermissionNeed: Granted(Permission.READ),
            OrganizationsNeed: Organizations(frozenset({"OrgA"})),
        }
        self.asked = 0

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        self.asked += 1
        if self.down:
            raise FactsUnavailable("down", code="source_down")
        known = Known(True, (Restriction("any_organization"),))
        return {need: self.facts.get(type(need), known) for need in needs}


class World:
    """A guard in front of a source, and the clock of its cache."""

    def __init__(self, *others: Directory) -> None:
        self.clock = Clock()
        self.source = Source()
        directory = ChainDirectory([self.source, *others]) if others else self.source
        self.guard = Guard(directory=directory, clock=self.clock)

    def check(self, requirement: Requirement, principal: Principal = OLGA) -> Decision:
        """The verdict of a thread, and then of a task, which has to be the same."""
        return both(lambda: self.guard.check(principal, requirement), lambda: self.guard.acheck(principal, requirement))


#: Each kind of demand, with the seconds for which what it rests on serves when nothing else is said.
KINDS: list[tuple[Any, float]] = [
    (lambda **fresh: groups("Team", **fresh), ALLOW),
    (lambda **fresh: permission("read", "Project:p1", **fresh), ALLOW),
    (lambda **fresh: restricted("Project:p1", **fresh), DENY),
]
EACH = pytest.mark.parametrize(("demand", "seconds"), KINDS, ids=["groups", "permission", "restricted"])
CHAINED = pytest.mark.parametrize("others", [(), (LocalDirectory.from_dict({}),)], ids=["alone", "in a chain"])


@CHAINED
@EACH
def test_with_max_age_0_the_source_is_asked_each_time(demand: Any, seconds: float, others: tuple[Directory, ...]) -> None:
    """Also when a fact was fetched at this very instant."""
    world = World(*others)
    for _ in range(3):
        before = world.source.asked
        assert world.check(demand(max_age=0))
        assert world.source.asked > before
    world.source.down = True
    assert world.check(demand(max_age=0)).outcome is Outcome.INDETERMINATE


@pytest.mark.remembers
@EACH
def test_max_age_narrows_the_time_for_which_a_fact_serves(demand: Any, seconds: float) -> None:
    """To the instant, and never widens it."""
    for age, serves in ((2, 2), (1000, seconds)):
        world = World()
        assert world.check(demand(max_age=age))
        asked = world.source.asked
        world.clock.now += serves - 0.25
        assert world.check(demand(max_age=age))
        assert world.source.asked == asked
        world.clock.now += 0.25
        assert world.check(demand(max_age=age))
        assert world.source.asked > asked


@pytest.mark.remembers
@CHAINED
@EACH
def test_while_the_source_is_down_a_fact_is_fresh_then_stale_within_its_grace_then_503(
    demand: Any, seconds: float, others: tuple[Directory, ...]
) -> None:
    """The three outcomes, each to the instant."""
    world = World(*others)
    requirement = demand(max_stale=100)
    assert world.check(requirement)
    world.source.down = True
    for instant, outcome, detail in (
        (seconds - 0.25, Outcome.PERMIT, ""),
        (seconds, Outcome.PERMIT, STALE),
        (seconds + 99.75, Outcome.PERMIT, STALE),
        (seconds + 100, Outcome.INDETERMINATE, "source_down"),
    ):
        world.clock.now = Clock().now + instant
        decision = world.check(requirement)
        assert (decision.outcome, decision.detail) == (outcome, detail), instant
    world.source.down = False
    assert world.check(requirement).detail == ""


@pytest.mark.remembers
@EACH
def test_without_max_stale_nothing_old_serves(demand: Any, seconds: float) -> None:
    """Whatever another requirement allows."""
    world = World()
    assert world.check(demand(max_stale=100))
    world.source.down = True
    world.clock.now += seconds
    assert world.check(demand(max_stale=100))
    assert world.check(demand()).outcome is Outcome.INDETERMINATE


@EACH
def test_a_source_that_answers_is_believed_whatever_was_remembered(demand: Any, seconds: float) -> None:
    """A right that was taken away is not kept by a grace."""
    world = World()
    requirement = demand(max_age=1, max_stale=100)
    assert world.check(requirement)
    world.source.facts = {kind: type(fact)() for kind, fact in world.source.facts.items()}
    world.clock.now += 1 if demand is not KINDS[2][0] else DENY
    assert world.check(requirement).outcome is Outcome.DENY


@pytest.mark.remembers
@EACH
def test_nothing_outlives_an_invalidation_or_the_token(demand: Any, seconds: float) -> None:
    """Not for a moment of grace."""
    world = World()
    caller = person(claims={"exp": world.clock.now + 30})
    assert world.check(demand(max_stale=100), caller)
    world.source.down = True
    world.clock.now += 29.75
    assert world.check(demand(max_stale=100), caller)
    world.guard.invalidate(principal=caller)
    assert world.check(demand(max_stale=100), caller).outcome is Outcome.INDETERMINATE
    world.source.down = False
    assert world.check(demand(max_stale=100), caller)
    world.source.down = True
    world.clock.now += 0.25
    assert world.check(demand(max_stale=100), caller).outcome is Outcome.INDETERMINATE


def test_what_does_not_hold_the_thing_asked_stands_in_for_nothing() -> None:
    """An old no would be a guess, too: the right may have been given since."""
    world = World()
    write = permission("write", "Project:p1", max_stale=100)
    other = groups("Other", max_stale=100)
    assert world.check(write).outcome is Outcome.DENY
    assert world.check(other).outcome is Outcome.DENY
    world.source.down = True
    world.clock.now += DENY
    assert world.check(write).outcome is Outcome.INDETERMINATE
    assert world.check(other).outcome is Outcome.INDETERMINATE


@pytest.mark.remembers
def test_an_old_organization_passes_as_stale_and_a_listed_user_as_fresh() -> None:
    world = World()
    assert world.check(restricted("Project:p1", max_stale=100)).detail == ""
    world.source.down = True
    world.clock.now += DENY
    assert world.check(restricted("Project:p1", max_stale=100)).detail == STALE


def test_two_demands_of_one_request_share_a_fetch_only_if_their_ages_agree() -> None:
    """The one that wants it new asks, and what it was told serves the next request."""
    world = World()
    both = [permission("read", "Project:p1", max_age=0), permission("read", "Project:p1", max_age=0, max_stale=5)]
    assert all(world.guard.check_many(OLGA, both))
    assert world.source.asked == 1
    assert world.check(permission("read", "Project:p1"))
    assert world.source.asked == 1


class Slow(Source):
    """Holds each fetch until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        answers = super().answer(needs)
        self.begun.release()
        assert self.go.wait(20)
        return answers


@pytest.mark.parametrize(
    ("age", "later", "fetches"),
    [(None, 3, 1), (0, 0, 2), (2.0, 1.0, 1), (2.0, 2.0, 2)],
    ids=["no age", "age 0", "within the age", "beyond it"],
)
def test_a_fetch_that_began_too_long_ago_is_not_joined(age: float | None, later: float, fetches: int) -> None:
    """What it is going to tell would be older than the requirement allows."""
    ask_twice(CachedDirectory(Slow(), clock=Clock()), Freshness(age), later, fetches)


@pytest.mark.parametrize(("age", "later", "fetches"), [(None, 0.4, 1), (None, 0.5, 2), (2.0, 0.5, 2), (0.25, 0.125, 1), (0.25, 0.25, 2)])
def test_who_would_not_hear_of_a_change_joins_no_fetch_that_began_half_a_second_ago(age: float | None, later: float, fetches: int) -> None:
    """Nothing that was changed since then could have been told, and a source may be slow."""

    source = Slow()
    source.changes = Deaf("test")
    ask_twice(CachedDirectory(source, clock=Clock()), Freshness(age), later, fetches)


class Deaf(Listener):
    """Would not hear of a change."""

    def alive(self) -> bool:
        return False


class Sharing(Source):
    """Tells what it had asked for so many seconds before; keeps how old that might be."""

    def __init__(self, *ages: float) -> None:
        super().__init__()
        self.ages = list(ages)
        self.within: list[float | None] = []

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        self.within += [None if need.fresh is None else need.fresh.max_age for need in needs if not isinstance(need, ListingNeed)]
        return Aged(super().answer(needs), self.ages.pop(0))


@pytest.mark.remembers
@EACH
def test_what_was_asked_for_earlier_serves_for_that_much_shorter(demand: Any, seconds: float) -> None:
    """To the instant, whatever the source shared among those who asked."""
    for age, serves in ((None, seconds), (4, 4)):
        clock = Clock()
        source = Sharing(*[3.0] * 10)
        guard = Guard(directory=source, clock=clock)
        assert guard.check(OLGA, demand(max_age=age))
        asked = source.asked
        clock.now += serves - 3.25
        assert guard.check(OLGA, demand(max_age=age))
        assert source.asked == asked
        clock.now += 0.25
        assert guard.check(OLGA, demand(max_age=age))
        assert source.asked > asked


@pytest.mark.parametrize(
    ("fresh", "within"),
    [
        (None, 0.5),
        (Freshness(max_stale=9.0), 0.5),
        (Freshness(max_age=60.0), 0.5),
        (Freshness(max_age=0.25), 0.25),
        (Freshness(max_age=0.0), 0.0),
    ],
)
def test_a_source_is_asked_for_what_is_half_a_second_old_at_most_while_a_change_would_not_be_heard(
    fresh: Freshness | None, within: float
) -> None:
    """So that it shares nothing older either. The answer is to what was asked all the same."""
    needs: list[Need] = [PermissionNeed(OLGA, P1, 1, fresh), GroupsNeed(OLGA, frozenset({"Team"}), fresh), ListingNeed(OLGA, "Project")]
    for listener, expected in ((Deaf("test"), [within] * 2), (None, [None if fresh is None else fresh.max_age] * 2)):
        source = Sharing(0.0, 0.0, 0.0)
        source.facts[ListingNeed] = Listed()
        source.changes = listener
        facts = blocking.run(CachedDirectory(source, clock=Clock()).fetch(needs))
        assert facts == dict(zip(needs, [Granted(Permission.READ), Memberships(frozenset({"Team"})), Listed()], strict=True))
        assert source.within == expected


class SlowSharing(Slow):
    """Tells first what had been asked for 1.5 s before."""

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        age = 0.0 if self.asked else 1.5
        return Aged(super().answer(needs), age)


@pytest.mark.parametrize(("later", "fetches"), [(0.25, 1), (0.5, 2), (0.75, 2)])
def test_a_fetch_that_was_joined_and_shared_itself_what_is_too_old_by_now_is_followed_by_another(later: float, fetches: int) -> None:
    """1.5 s old when it was asked for, and asked about so much later with a `max_age` of 2 s."""
    source, clock = SlowSharing(), Clock()
    cache = CachedDirectory(source, clock=clock)
    need = PermissionNeed(OLGA, P1, 1, Freshness(max_age=2.0))

    async def main() -> None:
        first = asyncio.create_task(aio.run(cache.fetch([need])))
        await asyncio.to_thread(source.begun.acquire)
        clock.now += later
        second = asyncio.create_task(aio.run(cache.fetch([need])))
        await asyncio.sleep(0)
        source.go.set()
        assert await first == await second == {need: Granted(Permission.READ)}

    asyncio.run(main())
    assert source.asked == fetches


@pytest.mark.remembers
@pytest.mark.parametrize(("back", "kept"), [(0.0, "later"), (100.0, "earlier")], ids=["", "the clock was set back"])
def test_a_fetch_that_took_longer_than_a_later_one_is_not_remembered_in_its_place(back: float, kept: str) -> None:
    """What had been taken away in between would come back; but nothing stays that is of a time to come."""
    clock = Clock()
    go = {"earlier": threading.Event(), "later": threading.Event()}
    begun = {"earlier": threading.Event(), "later": threading.Event()}

    class Overtaken(Source):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            self.asked += 1
            name = "earlier" if self.asked == 1 else "later"
            begun[name].set()
            assert go[name].wait(20)
            return {need: Memberships(frozenset({name})) for need in needs}

    cache = CachedDirectory(Overtaken(), clock=clock)
    need = GroupsNeed(OLGA, frozenset({"Team"}), Freshness(max_age=1.0))

    async def main() -> None:
        first = asyncio.create_task(aio.run(cache.fetch([need])))
        await asyncio.to_thread(begun["earlier"].wait)
        clock.now += 1.5
        second = asyncio.create_task(aio.run(cache.fetch([need])))
        await asyncio.to_thread(begun["later"].wait)
        go["later"].set()
        assert (await second)[need] == Memberships(frozenset({"later"}))
        clock.now -= back
        go["earlier"].set()
        assert (await first)[need] == Memberships(frozenset({"earlier"}))

    asyncio.run(main())
    [(_, entry)] = cache.remembered()
    assert entry.fact == Memberships(frozenset({kept}))


@CHAINED
def test_how_much_earlier_something_was_asked_for_is_told_by_caches_and_chains_too(others: tuple[Directory, ...]) -> None:
    needs: list[Need] = [GroupsNeed(OLGA), PermissionNeed(OLGA, P1, 1)]
    for directory in (ChainDirectory([Sharing(2.5, 1.5), *others]), CachedDirectory(Sharing(2.5, 1.5), clock=Clock())):
        facts = blocking.run(directory.fetch(needs))
        assert isinstance(facts, Aged)
        assert facts.age == 2.5
    assert blocking.run(CachedDirectory(Sharing(), clock=Clock()).fetch([])) == {}
    down = Sharing(2.5)
    down.down = True
    facts = blocking.run(CachedDirectory(down, clock=Clock()).fetch(needs))
    assert isinstance(facts, Aged)
    assert facts.age == 0.0


def ask_twice(cache: CachedDirectory, fresh: Freshness, later: float, fetches: int) -> None:
    """Two questions, the second so many seconds later, while the first is being answered, make so many fetches."""
    source, clock = cast("Slow", cache.inner), cast("Clock", cache._clock)
    need = PermissionNeed(OLGA, P1, 1, fresh)

    async def main() -> None:
        first = asyncio.create_task(aio.run(cache.fetch([need])))
        await asyncio.to_thread(source.begun.acquire)
        clock.now += later
        second = asyncio.create_task(aio.run(cache.fetch([need])))
        if fetches == 2:
            await asyncio.to_thread(source.begun.acquire)
        else:
            await asyncio.sleep(0)
        source.go.set()
        assert await first == await second == {need: Granted(Permission.READ)}

    asyncio.run(main())
    assert source.asked == fetches


def test_a_local_directory_is_always_fresh() -> None:
    local = LocalDirectory.from_dict({"resources": {"Project:p1": {"owner": "olga"}}})
    assert blocking.run(local.fetch([])) == {}
    assert Guard(directory=local).check(OLGA, permission("read", "Project:p1", max_age=0))
