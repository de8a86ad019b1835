"""Shared caches whose server is not there: decisions are right, in both colours, and nothing is an error. Needs no server."""

from __future__ import annotations

import asyncio

import pytest

from cartaguard import Guard, Permission, errors, events
from cartaguard.caches.entry import Entry
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.postgres import PostgresChannel
from cartaguard.caches.redis import Connections, RedisChannel
from cartaguard.caches.shared import SharedCache
from cartaguard.caches.store import Page, RedisStore
from cartaguard.model.facts import Granted, PermissionNeed
from support.canary import CANARY
from support.colours import COLOURS, Run, close_client
from support.relay import free_port
from support.sources import OLGA, READ, Remote
from support.waiting import eventually

KEY = ("https://a.example", "s-1", "olga", None, PermissionNeed, "Project", "p1")


def nowhere(kind: str) -> SharedCache:
    """One whose server does not listen."""
    port = free_port()
    if kind == "redis":
        return SharedCache.redis(f"redis://:{CANARY}@127.0.0.1:{port}/0")
    return SharedCache.postgres(f"postgresql://carta:{CANARY}@127.0.0.1:{port}/carta")


@pytest.mark.parametrize("kind", ["redis", "postgresql"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_decisions_come_from_the_source(kind: str, asynchronous: bool) -> None:
    """Each anew, and an invalidation is owed."""
    shared, remote = nowhere(kind), Remote()
    guard = Guard(directory=remote, cache=shared)

    async def main() -> None:
        try:
            assert await guard.acheck(OLGA, READ)
            await guard.ainvalidate(principal=OLGA)
            remote.held = Permission.NONE
            assert not await guard.acheck(OLGA, READ)
        finally:
            await close_client()

    if asynchronous:
        asyncio.run(main())
    else:
        assert guard.check(OLGA, READ)
        guard.invalidate(principal=OLGA)
        remote.held = Permission.NONE
        assert not guard.check(OLGA, READ)
    assert len(remote.asked) == 2
    eventually(lambda: events.counters()["bus_lost"] == 1)
    assert events.counters()["invalidation_unpublished"] == 1
    assert guard.health().status == "degraded"
    guard.close()


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_a_store_that_is_not_there_has_nothing_and_says_so_once(run: Run) -> None:
    """It is left alone after the first failure, and nothing that it does raises."""
    store = RedisStore(Connections(f"redis://127.0.0.1:{free_port()}"))
    assert store.health().state == "unknown"
    run(store.probe())
    assert store.health().state == "left_alone"
    assert run(store.read("test", [KEY])) == []
    run(store.write("test", [Page((KEY[0], KEY[1]), b"1", {})], {KEY: Entry(Granted(), 1.0, 2.0)}))
    store._breaker.success()
    assert run(store.read("test", [KEY])) == []
    store._breaker.success()
    assert not run(store.forget(Invalidation.of(OLGA)))
    assert not run(store.forget(EVERYTHING))
    assert not store.settle()
    store._breaker.success()
    assert not store.settle()
    run(store.probe())
    assert events.counters()["cache_down"] == 1
    store.close()


def test_channels_that_are_not_there_say_so_without_a_secret() -> None:
    """As faults that the bus knows."""
    redis = RedisChannel(Connections(f"redis://user:{CANARY}@127.0.0.1:{free_port()}"))
    postgres = PostgresChannel(f"postgresql://carta:{CANARY}@127.0.0.1:{free_port()}/carta")
    for channel in (redis, postgres):
        assert CANARY not in channel.source
        with pytest.raises(errors.TransportError) as fault:
            channel.publish("topic", b"message")
        assert CANARY not in str(fault.value)
        with pytest.raises(Exception, match=r"127\.0\.0\.1"):
            channel.listen(["topic"])
        channel.close()


@pytest.mark.parametrize("url", ["", "host=127.0.0.1", "mysql://a", f"postgresql://{CANARY}@a:port", f"postgresql://a?nosuch={CANARY}"])
def test_an_address_of_postgresql_that_is_none_is_refused(url: str) -> None:
    """Without repeating it."""
    with pytest.raises(errors.ConfigurationError) as refused:
        SharedCache.postgres(url)
    assert CANARY not in str(refused.value)


def test_what_is_shown_of_a_cache() -> None:
    """Its address and namespace, and no password."""
    shared = nowhere("redis")
    assert CANARY not in repr(shared)
    assert "namespace='cartaguard'" in repr(shared)
    assert CANARY not in repr(PostgresChannel(f"postgresql://carta:{CANARY}@db.example/carta"))
    assert repr(Connections("redis://user@cache.example/1")) == "Connections('redis://cache.example/1')"
