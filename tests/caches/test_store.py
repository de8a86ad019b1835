"""Facts in a real Redis or Valkey: nothing of before an invalidation is found after it, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Guard, Permission, Principal, Resource, events, groups, permission
from cartaguard.caches import store as stores
from cartaguard.caches import wire
from cartaguard.caches.entry import Entry, Key
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.redis import Connections
from cartaguard.caches.shared import SharedCache
from cartaguard.caches.store import Page, RedisStore
from cartaguard.directories.cached import ALLOW, DENY, CachedDirectory
from cartaguard.drivers import blocking
from cartaguard.model.facts import (
    Granted,
    GroupsNeed,
    ListingNeed,
    Need,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.principal import Credential
from support.canary import CANARY
from support.clock import Clock
from support.colours import COLOURS, Run
from support.redis import RedisServer, redis_server
from support.relay import free_port
from support.sources import ISSUER, OLGA, P1, Remote, alive
from support.tokens import id_claims, mint
from support.waiting import eventually

pytestmark = pytest.mark.server

WHO = (ISSUER, "s-1")


def key(*what: str, who: tuple[str, str] = WHO) -> Key:
    return (*who, "olga", None, PermissionNeed, *(what or ("Project", "p1")))


def entry(flags: int = 1) -> Entry:
    return Entry(Granted(Permission(flags)), 1.0, inf)


def opened(server: RedisServer, **more: Any) -> RedisStore:
    """The store of another process."""
    return RedisStore(Connections(server.url()), **more)


def page(store: RedisStore, *keys: Key, run: Run = blocking.run) -> Page:
    [read] = run(store.read("test", keys or (key(),)))
    return read  # type: ignore[no-any-return]


def write(store: RedisStore, read: Page, entries: dict[Key, Entry], run: Run = blocking.run) -> None:
    run(store.write("test", [read], entries))


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_what_one_stores_the_other_finds(server: RedisServer, run: Run) -> None:
    """In both colours; for the same source only."""
    one, other = opened(server), opened(server)
    write(one, page(one, run=run), {key(): entry()}, run)
    assert page(other, run=run).entries == {key(): entry()}
    [read] = run(other.read("another", [key()]))
    assert read.entries == {}


def interfere(server: RedisServer, command: str, *args: Any) -> None:
    with server.client() as client:
        client.execute_command(command, *args)


def _key_of(server: RedisServer) -> str:
    with server.client() as client:
        [name] = client.keys("*:facts:*")
    return name.decode()  # type: ignore[no-any-return]


BETWEEN: dict[str, Callable[[RedisServer, RedisStore], object]] = {
    "the principal is invalidated": lambda server, other: blocking.run(other.forget(Invalidation(principal=WHO))),
    "a group is invalidated": lambda server, other: blocking.run(other.forget(Invalidation(group="Team"))),
    "everything is invalidated": lambda server, other: blocking.run(other.forget(EVERYTHING)),
    "the generation is evicted": lambda server, other: interfere(server, "DEL", "cartaguard:generation"),
    "the hash is evicted": lambda server, other: interfere(server, "DEL", _key_of(server)),
    "the server is flushed": lambda server, other: interfere(server, "FLUSHALL"),
}


@pytest.mark.parametrize("again", [False, True], ids=["", "and asked again"])
@pytest.mark.parametrize("between", BETWEEN)
def test_what_was_fetched_before_is_not_stored_after(redis_only: RedisServer, between: str, again: bool) -> None:
    """An answer on its way is of before; that somebody has asked anew meanwhile changes nothing."""
    one, other = opened(redis_only), opened(redis_only)
    read = page(one)
    BETWEEN[between](redis_only, other)
    if again:
        page(other)
    write(one, read, {key(): entry()})
    assert page(other).entries == {}


@pytest.mark.parametrize("between", BETWEEN)
def test_what_was_stored_before_is_not_found_after(redis_only: RedisServer, between: str) -> None:
    """What is missing equals nothing."""
    one, other = opened(redis_only), opened(redis_only)
    write(one, page(one), {key(): entry()})
    BETWEEN[between](redis_only, other)
    assert page(one).entries == {}


def test_an_invalidation_of_somebody_else_changes_nothing(redis_only: RedisServer) -> None:
    """Nor of a principal whose issuer and subject run into each other."""
    one = opened(redis_only)
    write(one, page(one), {key(): entry()})
    for who in ((ISSUER, "s-2"), ("https://b.example", "s-1"), (ISSUER + "s", "-1"), (ISSUER[:-1], "es-1")):
        blocking.run(one.forget(Invalidation(principal=who)))
    assert page(one).entries == {key(): entry()}


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """What three processes do with two principals, in any order."""
    step = st.tuples(
        st.sampled_from(["read", "fetch", "write", "change", "forget", "forget all", "evict"]), st.integers(0, 2), st.integers(0, 1)
    )
    return draw(st.lists(step, max_size=30))


def test_no_history_finds_what_was_invalidated() -> None:
    """Whatever order processes read, fetch, write, forget and lose things in: what is found is no older than the last invalidation."""
    with redis_server() as server:
        processes = [opened(server) for _ in range(3)]

        @given(histories())
        @settings(deadline=None, max_examples=150)
        def any_history(history: list[tuple[str, int, int]]) -> None:
            interfere(server, "FLUSHALL")
            truth, required = [0, 0], [0, 0]
            pages: dict[tuple[int, int], Page] = {}
            fetched: dict[tuple[int, int], int] = {}
            for what, process, whom in history:
                store, about = processes[process], key(who=(ISSUER, f"s-{whom}"))
                match what:
                    case "read":
                        pages[process, whom] = read = page(store, about)
                        fetched.pop((process, whom), None)
                        found = read.entries.get(about)
                        assert found is None or int(found.fact.permission) >= required[whom]
                    case "fetch" if (process, whom) in pages:
                        fetched[process, whom] = truth[whom]
                    case "write" if (process, whom) in fetched:
                        write(store, pages[process, whom], {about: entry(fetched[process, whom])})
                    case "change":
                        truth[whom] += 1
                    case "forget":
                        required[whom] = truth[whom]
                        assert blocking.run(store.forget(Invalidation(principal=(ISSUER, f"s-{whom}"))))
                    case "forget all":
                        required[:] = truth
                        assert blocking.run(store.forget(EVERYTHING))
                    case "evict":
                        interfere(server, "DEL", "cartaguard:generation")

        any_history()


def test_a_value_in_another_s_place_is_nothing(redis_only: RedisServer) -> None:
    """Whoever moves it, or whatever digests do."""
    one = opened(redis_only)
    write(one, page(one), {key(): entry(63)})
    other = key("Project", "p2")
    name = _key_of(redis_only)
    asked, wanted = wire.question("test", key()), wire.question("test", other)
    assert asked is not None
    assert wanted is not None
    with redis_only.client() as client:
        client.hset(name, wanted.digest, client.hget(name, asked.digest))
    assert page(one, key(), other).entries == {key(): entry(63)}
    assert events.counters()["answer_malformed"] == 1


@pytest.mark.parametrize("stored", [b"", b"garbage", b"\x80"])
def test_a_value_that_cannot_be_read_is_nothing(redis_only: RedisServer, stored: bytes) -> None:
    """It is reported, and written over by the next one who fetches."""
    one = opened(redis_only)
    read = page(one)
    asked = wire.question("test", key())
    assert asked is not None
    interfere(redis_only, "HSET", _key_of(redis_only), asked.digest, stored)
    assert page(one).entries == {}
    assert events.counters()["answer_malformed"] == 1
    write(one, read, {key(): entry()})
    assert page(one).entries == {key(): entry()}


def test_somebody_else_s_key_in_our_place_is_left_alone(redis_only: RedisServer) -> None:
    """Nothing is shared then, and nothing fails."""
    one = opened(redis_only)
    page(one)
    name = _key_of(redis_only)
    interfere(redis_only, "SET", name, "theirs")
    assert blocking.run(one.read("test", [key()])) == []
    with redis_only.client() as client:
        assert client.get(name) == b"theirs"
    assert events.counters()["cache_down"] == 1


def test_what_is_kept_is_bounded(redis_only: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By time, however much it is used, and by number."""
    monkeypatch.setattr(stores, "FIELDS", 3)
    one = opened(redis_only, lifetime=100.0)
    for index in range(6):
        write(one, page(one), {key("Project", str(index)): entry()})
    with redis_only.client() as client:
        assert client.hlen(_key_of(redis_only)) == 3
        client.pexpire(_key_of(redis_only), 50_000)
        write(one, page(one), {key("Project", "0"): entry()})
        assert 0 < client.pttl(_key_of(redis_only)) <= 50_000


def test_many_at_once_are_shared_as_far_as_they_go(redis_only: RedisServer) -> None:
    """The rest is fetched by each."""
    one = opened(redis_only)
    keys = [key("Project", str(index)) for index in range(700)]
    read = page(one, *keys)
    write(one, read, {about: entry() for about in keys})
    assert list(page(one, *keys).entries) == keys[:500]


def test_a_name_that_is_no_text_is_not_shared(redis_only: RedisServer) -> None:
    """And its invalidation forgets everything, to be sure."""
    one = opened(redis_only)
    odd = key(who=(ISSUER, "\ud800"))
    assert blocking.run(one.read("test", [odd])) == []
    write(one, page(one), {key(): entry(), key("Project", "\ud800"): entry()})
    assert page(one).entries == {key(): entry()}
    assert blocking.run(one.forget(Invalidation(principal=(ISSUER, "\ud800"))))
    assert page(one).entries == {}


def test_a_server_that_is_down_is_left_alone_and_what_is_owed_is_done_first(server: RedisServer) -> None:
    """Until it is, nothing is read."""
    one, other = opened(server), opened(server)
    write(one, page(one), {key(): entry()})
    server.pause()
    assert not blocking.run(one.forget(Invalidation(principal=WHO)))
    assert not one.settle()
    assert one.health().level == "down"
    server.resume()
    eventually(one.settle)
    assert page(other).entries == {}
    assert one.health().level == "ok"


# -- behind a guard -------------------------------------------------------------------------------------------


def cached(server: RedisServer, remote: Remote, clock: Clock) -> CachedDirectory:
    """The cache of one process that remembers nothing in memory. It would hear of everything, without a thread for it."""
    shared = SharedCache.redis(server.url())
    shared.bus.close()
    shared.bus.lease = inf
    directory = CachedDirectory(remote, clock=clock, shared=shared)
    directory._remember = lambda entries, epoch: dict(entries) if epoch == directory._epoch else {}  # type: ignore[method-assign]
    return directory


def test_who_hears_of_nothing_does_not_read_what_others_keep(redis_only: RedisServer) -> None:
    """It may be what somebody could not make out of date; nor is anything stored for the others then."""
    first, second = Remote(), Remote(Permission.NONE)
    one, other = cached(redis_only, first, Clock()), cached(redis_only, second, Clock())
    need = PermissionNeed(OLGA, P1, int(Permission.READ))
    blocking.run(one.fetch([need]))
    [bus] = other._listeners
    bus.lease = 0.0
    for _ in range(2):
        assert blocking.run(other.fetch([need]))[need] == Granted()
    assert len(second.asked) == 2
    bus.lease = inf
    assert blocking.run(other.fetch([need]))[need] == Granted(Permission.READ)
    assert len(second.asked) == 2


def test_what_was_stored_before_a_silence_is_not_read_after_it(redis_only: RedisServer) -> None:
    """By nobody: the first question makes it out of date."""
    one, other = opened(redis_only), opened(redis_only)
    write(one, page(one), {key(): entry()})
    assert page(other).entries == {key(): entry()}
    other.distrust()
    assert page(other).entries == {}
    assert page(one).entries == {}
    write(one, page(one), {key(): entry()})
    assert page(other).entries == {key(): entry()}


def test_the_bus_of_a_shared_cache_makes_its_store_distrusted_after_a_silence(redis_only: RedisServer) -> None:
    shared = SharedCache.redis(redis_only.url())
    store = shared.store
    assert isinstance(store, RedisStore)
    write(store, page(store), {key(): entry()})
    shared.bus.resumed()
    assert page(store).entries == {}
    shared.close()


def test_what_is_owed_is_tried_at_once_and_then_ever_more_seldom() -> None:
    """Others read the store meanwhile, so that it is not left alone for as long as by those who only read."""
    clock = Clock()
    store = RedisStore(Connections(f"redis://127.0.0.1:{free_port()}"), clock=clock)
    assert not blocking.run(store.forget(EVERYTHING))
    tried: list[float] = []
    there = False

    class Noted(Connections):
        def call(self, command: Callable[[Any], Any]) -> Any:
            tried.append(clock() - began)
            return None if there else super().call(command)

    store._connections = Noted(f"redis://127.0.0.1:{free_port()}")
    began = clock()
    while clock() < began + 120:
        assert not store.settle()
        clock.now += 0.25
    assert tried[:7] == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75]
    assert {after - before for before, after in pairwise(tried[8:])} == {30.0}
    there = True
    clock.now += 30
    assert store.settle()
    # And then from the beginning.
    there, began = False, clock()
    tried.clear()
    store.distrust()
    for _ in range(5):
        assert not store.settle()
        clock.now += 0.25
    assert tried == [0, 0.25, 0.75]


NEEDS: list[tuple[Need, float]] = [
    (PermissionNeed(OLGA, P1, int(Permission.READ)), ALLOW),
    (PermissionNeed(OLGA, P1, int(Permission.WRITE)), DENY),
    (PermissionNeed(OLGA, P1), DENY),
    (PermissionNeed(OLGA, P1, int(Permission.READ), Freshness(max_age=2.0)), 2.0),
    (GroupsNeed(OLGA, frozenset({"Team"})), ALLOW),
    (GroupsNeed(OLGA, frozenset({"Other"})), DENY),
    (OrganizationsNeed(OLGA), DENY),
    (RestrictionNeed(OLGA, P1), DENY),
    (ListingNeed(OLGA, "Project"), DENY),
]


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_what_others_fetched_serves_by_the_same_rules_as_memory(redis_only: RedisServer, run: Run) -> None:
    """Each kind of fact, for as long as what is asked allows; its age counts from when the other one asked."""
    for need, seconds in NEEDS:
        interfere(redis_only, "FLUSHALL")
        clock, first, second = Clock(), Remote(), Remote()
        one, other = cached(redis_only, first, clock), cached(redis_only, second, clock)
        expected = run(one.fetch([need]))
        clock.now += seconds - 0.001
        assert run(other.fetch([need])) == expected
        assert second.asked == []
        clock.now += 0.001
        assert run(other.fetch([need])) == expected
        assert len(second.asked) == 1


def test_a_fact_that_is_asked_two_ways_serves_only_if_it_serves_both(redis_only: RedisServer) -> None:
    """An old no does not ride on a yes."""
    clock, first, second = Clock(), Remote(), Remote()
    one, other = cached(redis_only, first, clock), cached(redis_only, second, clock)
    reading, writing = (PermissionNeed(OLGA, P1, int(flag)) for flag in (Permission.READ, Permission.WRITE))
    blocking.run(one.fetch([reading]))
    clock.now += DENY
    second.held = Permission.READ | Permission.WRITE
    assert blocking.run(other.fetch([reading, writing]))[writing] == Granted(second.held)
    assert len(second.asked) == 1


def test_no_age_at_all_passes_by_what_others_fetched(redis_only: RedisServer) -> None:
    """`max_age=0` asks the source, always."""
    clock, first, second = Clock(), Remote(), Remote(Permission.NONE)
    one, other = cached(redis_only, first, clock), cached(redis_only, second, clock)
    need = PermissionNeed(OLGA, P1, int(Permission.READ), Freshness(max_age=0))
    blocking.run(one.fetch([PermissionNeed(OLGA, P1, int(Permission.READ))]))
    assert blocking.run(other.fetch([need]))[need] == Granted()


def test_what_others_fetched_ends_with_either_token(redis_only: RedisServer) -> None:
    """That for which it was fetched, and that of who asks."""
    clock = Clock()

    def until(seconds: float) -> PermissionNeed:
        claims = {"exp": clock() + seconds}
        return PermissionNeed(Principal(issuer=ISSUER, subject="s-1", username="olga", claims=claims), P1, int(Permission.READ))

    first, second = Remote(), Remote()
    one, other = cached(redis_only, first, clock), cached(redis_only, second, clock)
    blocking.run(one.fetch([until(10)]))
    late = until(100)
    clock.now += 9.9
    blocking.run(other.fetch([late]))
    assert second.asked == []
    clock.now += 0.1
    blocking.run(other.fetch([late]))
    assert len(second.asked) == 1


@pytest.mark.parametrize("held", [Permission.READ, Permission.NONE])
def test_directories_without_an_identity_or_with_changes_of_their_own_share_nothing(redis_only: RedisServer, held: Permission) -> None:
    """Nobody can say whether their answers are alike."""
    first, second = Remote(identity=None), Remote(held, identity=None)
    one, other = cached(redis_only, first, Clock()), cached(redis_only, second, Clock())
    need = PermissionNeed(OLGA, P1)
    blocking.run(one.fetch([need]))
    assert blocking.run(other.fetch([need]))[need] == Granted(held)
    with redis_only.client() as client:
        assert client.keys("*:facts:*") == []


def test_guards_of_several_issuers_and_of_one_share_nothing(redis_only: RedisServer) -> None:
    """A bare name means somebody to the one and nobody to the other."""
    first, second = Remote(), Remote(Permission.NONE)
    one, other = cached(redis_only, first, Clock()), cached(redis_only, second, Clock())
    other.qualify()
    need = PermissionNeed(OLGA, P1)
    blocking.run(one.fetch([need]))
    assert blocking.run(other.fetch([need]))[need] == Granted()


def test_nothing_secret_is_stored(redis_only: RedisServer) -> None:
    """No token, no credential, no claim: all that Redis holds after every kind of question is searched for them."""
    token = mint(id_claims())
    secret = {"email": f"{CANARY}@a.example", "custom:secret": CANARY, "exp": 4e9}
    caller = Principal(
        issuer=ISSUER, subject="s-1", username="olga", groups=["Team"], claims=secret, scopes=[CANARY], credential=Credential(token)
    )
    guard = Guard(directory=Remote(), cache=SharedCache.redis(redis_only.url()))
    alive(guard)
    guard.check(caller, permission("read", "Project:p1") | groups("Other"))
    guard.permissions(caller, "Project:p2")
    guard.groups(caller)
    guard.list_resources(caller, "read", "Project")
    found = b""
    with redis_only.client() as client:
        for name in client.keys("*"):
            found += name + (
                client.get(name) if client.type(name) == b"string" else b"".join(b for pair in client.hgetall(name).items() for b in pair)
            )
    guard.close()
    assert b"Project" in found
    assert b"s-1" in found
    for unwanted in (CANARY.encode(), token.encode(), token.split(".")[2].encode(), b"@a.example", b"eyJ", b"custom:"):
        assert unwanted not in found


def test_the_issuer_of_a_key_is_readable(redis_only: RedisServer) -> None:
    """For whoever looks at the server; and what it is made of cannot make another key of it."""
    one = opened(redis_only, namespace="lab")
    page(one, key(who=("https://a.example/pool:x y", "s")))
    assert _key_of(redis_only).startswith("lab:facts:https%3A%2F%2Fa.example%2Fpool%3Ax%20y:")


def test_a_resource_may_be_called_anything(redis_only: RedisServer) -> None:
    """Whatever an application takes from its paths."""
    one, other = Remote(), Remote(Permission.NONE)
    guards = [Guard(directory=remote, cache=SharedCache.redis(redis_only.url())) for remote in (one, other)]
    alive(*guards)
    for name in ("\x00", "a b", "\n", "generation", "ü", "\ud800", "x" * 70_000):
        resource = Resource("Project", name)
        assert guards[0].permissions(OLGA, resource) == Permission.READ
        # Shared where it can be written, and else asked for.
        expected = Permission.NONE if name == "\ud800" or len(name) > wire.LARGEST else Permission.READ
        assert guards[1].permissions(OLGA, resource) == expected
    for guard in guards:
        guard.close()
