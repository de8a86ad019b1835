"""The cache in front of a remote directory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cartaguard.directories.base import Directory, at_hand, in_doubt, nothing
from cartaguard.directories.cached import ALLOW, DENY, CachedDirectory, with_cache
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.local import LocalDirectory
from cartaguard.drivers import aio, blocking
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
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal

A = "https://a.example"
P1, P2 = Resource("Project", "p1"), Resource("Project", "p2")
READ, WRITE = int(Permission.READ), int(Permission.WRITE)


def caller(username: str = "olga", subject: str = "s-1", issuer: str = A, **more: Any) -> Principal:
    return Principal(issuer=issuer, subject=subject, username=username, **more)


OLGA = caller()

FACTS: dict[type, Fact] = {
    GroupsNeed: Memberships(frozenset({"Team"})),
    PermissionNeed: Granted(Permission.READ),
    OrganizationsNeed: Organizations(frozenset({"OrgA"})),
    RestrictionNeed: Known(True),
    ListingNeed: Listed(((P1, Permission.READ),)),
}
NEEDS: list[Need] = [
    GroupsNeed(OLGA),
    PermissionNeed(OLGA, P1),
    OrganizationsNeed(OLGA),
    RestrictionNeed(OLGA, P1),
    ListingNeed(OLGA, "Project"),
]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Remote(Directory):
    """Answers every need from a function, and counts the fetches."""

    remote = True

    def __init__(self, answer: Callable[[Need], Fact] = lambda need: FACTS[type(need)], *, uses_groups: bool = False) -> None:
        self._answer = answer
        self.uses_groups = uses_groups
        self.fetches: list[tuple[Need, ...]] = []
        self.told: list[Any] = []

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        self.fetches.append(tuple(needs))
        return {need: self._answer(need) for need in needs}

    def invalidate(self, **named: Any) -> None:
        self.told.append(named)

    def qualify(self) -> None:
        self.told.append("qualified")

    def close(self) -> None:
        self.told.append("closed")


def ask(directory: Directory, *needs: Need) -> list[Fact]:
    facts = blocking.run(directory.fetch(needs))
    return [facts[need] for need in needs]


def kept(directory: Directory, need: Need) -> bool:
    return at_hand(directory, need) is not None


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: type(need).__name__)
def test_a_fetched_fact_is_at_hand_afterwards(need: Need) -> None:
    """And was not before."""
    remote, clock = Remote(), Clock()
    cache = CachedDirectory(remote, clock=clock)
    assert not kept(cache, need)
    assert ask(cache, need) == [FACTS[type(need)]]
    assert at_hand(cache, need) == FACTS[type(need)]
    assert len(remote.fetches) == 1


@pytest.mark.parametrize(
    ("need", "seconds"),
    [
        (PermissionNeed(OLGA, P1, READ), ALLOW),
        (PermissionNeed(OLGA, P1, WRITE), DENY),
        (PermissionNeed(OLGA, P1, READ | WRITE), DENY),
        (PermissionNeed(OLGA, P1), DENY),
        (GroupsNeed(OLGA, frozenset({"Team", "Other"})), ALLOW),
        (GroupsNeed(OLGA, frozenset({"Other"})), DENY),
        (GroupsNeed(OLGA), DENY),
        (OrganizationsNeed(OLGA), DENY),
        (RestrictionNeed(OLGA, P1), DENY),
        (ListingNeed(OLGA, "Project"), DENY),
    ],
)
def test_what_holds_the_thing_asked_serves_for_long_and_the_rest_shortly(need: Need, seconds: float) -> None:
    """60 s for an allow that is asked for by name, 5 s for everything else."""
    clock = Clock()
    cache = CachedDirectory(Remote(), clock=clock)
    ask(cache, need)
    clock.now += seconds - 0.001
    assert kept(cache, need)
    clock.now += 0.001
    assert not kept(cache, need)


def test_the_age_counts_from_when_it_was_asked() -> None:
    """A slow answer is not fresher than its question."""
    clock = Clock()

    def slowly(need: Need) -> Fact:
        clock.now += 4.0
        return FACTS[type(need)]

    cache = CachedDirectory(Remote(slowly), clock=clock)
    need = PermissionNeed(OLGA, P1)
    ask(cache, need)
    clock.now += 0.999
    assert kept(cache, need)
    clock.now += 0.001
    assert not kept(cache, need)


def test_nothing_outlives_the_token() -> None:
    """Not even an allow."""
    clock = Clock()
    expiring = caller(claims={"exp": clock.now + 3})
    cache = CachedDirectory(Remote(), clock=clock)
    need = PermissionNeed(expiring, P1, READ)
    ask(cache, need)
    clock.now += 2.999
    assert kept(cache, need)
    clock.now += 0.001
    assert not kept(cache, need)


def test_a_clock_that_was_set_back_tells_no_age() -> None:
    """So the fact is fetched again."""
    clock = Clock()
    cache = CachedDirectory(Remote(), clock=clock)
    ask(cache, NEEDS[1])
    clock.now -= 1
    assert not kept(cache, NEEDS[1])


def test_a_doubt_is_answered_and_never_remembered() -> None:
    """Whatever came with it."""
    remote = Remote(lambda need: Granted(Permission.ALL, "down"))
    cache = CachedDirectory(remote, clock=Clock())
    need = PermissionNeed(OLGA, P1, READ)
    for _ in range(2):
        assert ask(cache, need) == [Granted(Permission.ALL, "down")]
        assert not kept(cache, need)
    assert len(remote.fetches) == 2


def test_a_source_that_raises_leaves_a_doubt() -> None:
    """With the fault's code, for each need."""

    class Broken(Remote):
        def fetch(self, needs: Sequence[Need]) -> Any:
            raise Unavailable(code="broken")
            yield

    facts = ask(CachedDirectory(Broken(), clock=Clock()), *NEEDS)
    assert facts == [in_doubt(need, "broken") for need in NEEDS]


def test_a_flight_that_is_waited_for_too_long_leaves_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The follower gets no fact of its own making."""
    landed, started = threading.Event(), threading.Event()

    def wait(need: Need) -> Fact:
        started.set()
        assert landed.wait(10)
        return FACTS[type(need)]

    cache = CachedDirectory(Remote(wait), clock=Clock())
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(ask, cache, NEEDS[1])
        assert started.wait(10)
        monkeypatch.setattr(blocking, "PATIENCE", 0.0)
        assert ask(cache, NEEDS[1]) == [Granted(doubt="timeout")]
        landed.set()
        assert leader.result() == [FACTS[PermissionNeed]]


@pytest.mark.parametrize(
    "other",
    [
        PermissionNeed(caller(subject="s-2"), P1, READ),
        PermissionNeed(caller(issuer="https://b.example"), P1, READ),
        PermissionNeed(caller(username="adam"), P1, READ),
        PermissionNeed(OLGA, P2, READ),
        PermissionNeed(OLGA, Resource("Service", "p1"), READ),
        RestrictionNeed(OLGA, P1),
    ],
)
def test_a_fact_serves_nobody_and_nothing_else(other: Need) -> None:
    """Issuer, subject, login name, resource type and id and the kind of fact all count."""
    cache = CachedDirectory(Remote(), clock=Clock())
    ask(cache, PermissionNeed(OLGA, P1, READ))
    assert not kept(cache, other)


@pytest.mark.parametrize("uses_groups", [True, False])
def test_groups_count_where_the_source_uses_them(uses_groups: bool) -> None:
    """Only there does an answer depend on them."""
    cache = CachedDirectory(Remote(uses_groups=uses_groups), clock=Clock())
    assert cache.uses_groups is uses_groups
    ask(cache, PermissionNeed(OLGA, P1))
    assert kept(cache, PermissionNeed(caller(groups=["Team"]), P1)) is not uses_groups


def test_what_the_source_has_at_hand_is_not_remembered() -> None:
    """It is asked each time, since it costs nothing."""
    facts = iter(["one", "two"])

    class AtHand(Remote):
        def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships:
            return Memberships(frozenset({next(facts)}))

        def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
            return Granted(Permission.CLONE)

    cache = CachedDirectory(AtHand(), clock=Clock())
    assert cache.permission(OLGA, P1) == Granted(Permission.CLONE)
    assert [cache.groups(OLGA), cache.groups(OLGA)] == [Memberships(frozenset({name})) for name in ("one", "two")]


def test_what_came_along_is_remembered_too() -> None:
    """A source may tell more than it was asked."""

    class Generous(Remote):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            return {**super().answer(needs), OrganizationsNeed(OLGA): FACTS[OrganizationsNeed]}

    cache = CachedDirectory(Generous(), clock=Clock())
    ask(cache, GroupsNeed(OLGA))
    assert at_hand(cache, OrganizationsNeed(OLGA)) == FACTS[OrganizationsNeed]


def test_permissions_are_fetched_in_one_batch() -> None:
    """For sources that answer many at once; the same one under two flags is one."""
    remote = Remote()
    cache = CachedDirectory(remote, clock=Clock())
    needs: list[Need] = [PermissionNeed(OLGA, P1, READ), PermissionNeed(OLGA, P1, WRITE), PermissionNeed(OLGA, P2), GroupsNeed(OLGA)]
    assert ask(cache, *needs) == [FACTS[type(need)] for need in needs]
    assert sorted(map(len, remote.fetches)) == [1, 2]
    assert ask(cache) == []


def test_two_hundred_threads_make_one_fetch() -> None:
    """All get its answer."""
    ready = threading.Barrier(20)
    landed = threading.Event()

    def answer(need: Need) -> Fact:
        assert landed.wait(10)
        return FACTS[type(need)]

    remote = Remote(answer)
    cache = CachedDirectory(remote, clock=Clock())

    def one(index: int) -> Fact:
        if index < 20:
            ready.wait(10)
        need = PermissionNeed(OLGA, P1, READ)
        if index == 19:
            threading.Timer(0.05, landed.set).start()
        return at_hand(cache, need) or ask(cache, need)[0]

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(one, range(200))) == {FACTS[PermissionNeed]}
    assert len(remote.fetches) == 1


def test_two_hundred_tasks_make_one_fetch_that_survives_its_leader() -> None:
    """Even when the one that leads is cancelled."""

    async def main() -> None:
        asked, landed = asyncio.Event(), asyncio.Event()

        class Slow(Remote):
            async def aanswer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
                asked.set()
                await landed.wait()
                return self.answer(needs)

        remote = Slow()
        cache = CachedDirectory(remote, clock=Clock())
        need = PermissionNeed(OLGA, P1, READ)
        leader, *followers = [asyncio.ensure_future(aio.run(cache.fetch([need]))) for _ in range(200)]
        await asked.wait()
        leader.cancel()
        landed.set()
        answers = await asyncio.gather(*followers)
        assert {answer[need] for answer in answers} == {FACTS[PermissionNeed]}
        assert len(remote.fetches) == 1
        with pytest.raises(asyncio.CancelledError):
            await leader

    asyncio.run(main())


@pytest.mark.parametrize("named", [{}, {"principal": OLGA}, {"resource": P1}, {"group": "Team"}])
def test_an_answer_that_is_older_than_an_invalidation_is_not_remembered(named: dict[str, Any]) -> None:
    """Nor joined by who asks afterwards; whoever asked before gets it."""
    now = iter([Permission.READ, Permission.NONE])
    after: list[Fact] = []

    def answer(need: Need) -> Fact:
        granted = Granted(next(now))
        if granted.permission:
            # The right is revoked while the old answer is on its way, and somebody asks again.
            cache.invalidate(**named)
            after.extend(ask(cache, need))
        return granted

    cache = CachedDirectory(Remote(answer), clock=Clock())
    need = PermissionNeed(OLGA, P1, READ)
    assert ask(cache, need) == [Granted(Permission.READ)]
    assert after == [Granted()]
    assert at_hand(cache, need) == Granted()


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({}, [False, False]),
        ({"group": "Team"}, [False, False]),
        ({"resource": P1}, [False, False]),
        ({"principal": OLGA}, [False, True]),
        ({"principal": OLGA, "resource": P1}, [False, False]),
    ],
)
def test_invalidation_forgets_what_it_may_bear_on(named: dict[str, Any], left: list[bool]) -> None:
    """A principal's own facts, or, for a group or a resource, those of everybody; and the source is told."""
    remote = Remote()
    cache = CachedDirectory(remote, clock=Clock())
    needs: list[Need] = [PermissionNeed(OLGA, P1, READ), PermissionNeed(caller("adam", "s-2"), P1, READ)]
    for need in needs:
        ask(cache, need)
    cache.invalidate(**named)
    assert [kept(cache, need) for need in needs] == left
    assert remote.told == [{"principal": None, "group": None, "resource": None, **named}]


def test_the_cache_is_bounded() -> None:
    """The oldest facts go first."""
    cache = CachedDirectory(Remote(), bound=8, clock=Clock())
    needs = [PermissionNeed(OLGA, Resource("Project", str(index))) for index in range(20)]
    for need in needs:
        ask(cache, need)
    assert [kept(cache, need) for need in needs] == [False] * 12 + [True] * 8


@pytest.mark.parametrize(("allow", "deny"), [(5.0, 60.0), (-1.0, -1.0), (float("nan"), 5.0)])
def test_times_that_make_no_sense_are_refused(allow: float, deny: float) -> None:
    """A deny is not kept longer than an allow."""
    with pytest.raises(ConfigurationError, match="`deny`"):
        CachedDirectory(Remote(), allow=allow, deny=deny)


def test_remote_parts_get_a_cache_and_local_parts_none() -> None:
    """Once, wherever they stand in a chain."""
    local, remote, clock = LocalDirectory.from_dict({}), Remote(), Clock()
    assert with_cache(local, clock=clock) is local
    cached = with_cache(remote, clock=clock)
    assert isinstance(cached, CachedDirectory)
    assert with_cache(cached, clock=clock) is cached
    chain = with_cache(ChainDirectory([local, remote]), clock=clock)
    assert isinstance(chain, ChainDirectory)
    assert chain.members[0] is local
    assert isinstance(chain.members[1], CachedDirectory)
    assert with_cache(chain, clock=clock) is chain


@pytest.mark.remembers
def test_a_cached_part_of_a_chain_is_asked_once() -> None:
    """The union is at hand afterwards."""
    remote = Remote()
    chain = with_cache(ChainDirectory([LocalDirectory.from_dict({}), remote]), clock=Clock())
    need = PermissionNeed(OLGA, P1, READ)
    assert ask(chain, need) == [Granted(Permission.READ)]
    fetched = len(remote.fetches)
    assert at_hand(chain, need) == Granted(Permission.READ)
    assert ask(chain, need) == [Granted(Permission.READ)]
    assert len(remote.fetches) == fetched


def test_what_is_said_to_the_cache_is_said_to_the_source() -> None:
    """And what is remembered from before several issuers were trusted is forgotten."""
    remote = Remote()
    cache = CachedDirectory(remote, clock=Clock())
    ask(cache, NEEDS[1])
    cache.qualify()
    assert not kept(cache, NEEDS[1])
    cache.close()
    assert remote.told[0] == "qualified"
    assert remote.told[-1] == "closed"
    assert nothing(NEEDS[1]) == Granted()
