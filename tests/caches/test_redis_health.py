"""What a guard tells of a real Redis or Valkey: as a cache and as the bus, before, during and after it is killed."""

from __future__ import annotations

from itertools import count

import pytest

from cartaguard import Guard, events, permission
from cartaguard.caches.redis import Connections
from cartaguard.caches.shared import SharedCache
from cartaguard.caches.store import RedisStore
from cartaguard.guard import health as module
from cartaguard.guard.health import Monitor
from cartaguard.model.health import Condition
from support.colours import COLOURS
from support.redis import RedisServer
from support.sources import OLGA, READ, Remote, guards
from support.tokens import Clock
from support.waiting import eventually

pytestmark = pytest.mark.server


@pytest.mark.parametrize("colour", COLOURS)
def test_a_store_that_is_asked_tells_that_it_answers_and_that_it_does_not(redis_only: RedisServer, colour: str) -> None:
    """In both colours, without an exception; while it is left alone after a failure it is not asked."""
    store, run = RedisStore(Connections(redis_only.url())), COLOURS[colour]
    assert store.health().state == "unknown"
    run(store.probe())
    assert store.health().state == "ok"
    redis_only.kill()
    run(store.probe())
    assert (store.health().state, store.health().level) == ("left_alone", "down")
    redis_only.start()
    run(store.probe())
    assert store.health().state == "left_alone"
    assert (events.counters()["cache_down"], events.counters()["cache_back"]) == (1, 0)
    store.close()


def test_a_server_that_is_killed_degrades_and_does_not_bring_down(server: RedisServer) -> None:
    """Cache and bus are told apart from the directory, which goes on deciding; once the server is back, so are they."""
    shared = SharedCache.redis(server.url())
    with guards(shared) as ((guard, _),):
        assert guard.check(OLGA, READ)
        assert [(told.part, told.level) for told in guard.health().conditions] == [("directory", "ok"), ("bus", "ok"), ("cache", "ok")]
        server.kill()
        eventually(lambda: guard.health().level("bus") == "degraded")
        assert guard.check(OLGA, READ)
        health = guard.health()
        assert [told.state for told in health.of("cache")] == ["unused"]
        assert (health.status, health.level("directory"), health.level("cache")) == ("degraded", "ok", "degraded")
        assert health.http_status == 200
        server.start()
        # Whatever is not remembered asks the store again once its wait is over.
        others = (permission("read", f"Project:{number}") for number in count())
        eventually(lambda: guard.check(OLGA, next(others)).permitted and guard.health().status == "ok")
    assert {event for event, count in events.counters().items() if count} == {"bus_lost", "bus_back"}


def test_a_probe_asks_the_store(redis_only: RedisServer) -> None:
    """And a bus alone knows by itself."""
    shared, clock = SharedCache.redis(redis_only.url()), Clock()
    guard = Guard(directory=Remote(), cache=shared)
    guard.monitor = Monitor(None, guard.directory, clock=clock)
    guard.monitor.add(shared)
    assert guard.health(probe=True).of("cache") == (Condition("cache", shared.bus.source, "ok"),)
    shared.store = None
    clock.now += module.PAUSE
    assert guard.health(probe=True).of("cache") == ()
    guard.close()
