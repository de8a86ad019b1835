"""Guards that share a real Redis or Valkey, which is killed, stalled, cut off and flushed: never a wrong allow, never an error."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import redis

from cartaguard import Guard, Permission, errors, events
from cartaguard.caches.bus import Bus, Ears
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.listener import Lost
from cartaguard.caches.redis import Connections, RedisChannel, _Subscription
from cartaguard.caches.shared import SharedCache
from cartaguard.drivers import blocking
from support.canary import CANARY
from support.colours import COLOURS, Run, close_client
from support.forked import in_child
from support.redis import RedisServer, redis_server
from support.relay import Relay, Trouble
from support.sources import OLGA, READ, Remote, alive, guards
from support.waiting import eventually

pytestmark = pytest.mark.server

PROTOCOLS = ["?protocol=2", "?protocol=3"]


def in_loop(work: Any) -> Any:
    """Run a coroutine function in an event loop of its own."""

    async def main() -> Any:
        try:
            return await work()
        finally:
            await close_client()

    return asyncio.run(main())


@pytest.mark.parametrize("options", PROTOCOLS)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_what_one_forgets_the_other_forgets(server: RedisServer, options: str, asynchronous: bool) -> None:
    """With both protocols and in both colours; the other is asked nothing twice before, and once after."""
    shared = [SharedCache.redis(server.url(options=options)) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        assert other.check(OLGA, READ)
        assert other.check(OLGA, READ)
        # The second one has it from the first.
        assert (len(first.asked), len(second.asked)) == (1, 0)
        first.held = second.held = Permission.NONE
        if asynchronous:
            in_loop(lambda: one.ainvalidate(principal=OLGA))
        else:
            one.invalidate(principal=OLGA)
        assert not one.check(OLGA, READ)
        eventually(lambda: not other.check(OLGA, READ))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
@pytest.mark.parametrize(
    "named", [{"principal": OLGA}, {"resource": "Project:p1"}, {"group": "Team"}, {}], ids=["principal", "resource", "group", "all"]
)
def test_nothing_of_before_is_found_after_an_invalidation(redis_only: RedisServer, named: dict[str, Any], asynchronous: bool) -> None:
    """Whoever invalidates and asks again gets the source's word, also from a process that has just begun."""
    shared = [SharedCache.redis(redis_only.url()) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        first.held = second.held = Permission.NONE

        async def forget() -> None:
            await one.ainvalidate(**named)
            assert not await one.acheck(OLGA, READ)

        if asynchronous:
            in_loop(forget)
        else:
            one.invalidate(**named)
            assert not one.check(OLGA, READ)
        assert not other.check(OLGA, READ)


def test_an_invalidation_inside_of_a_loop_has_to_be_awaited(redis_only: RedisServer) -> None:
    """It has been forgotten here all the same, and everybody else is told everything."""
    shared = [SharedCache.redis(redis_only.url()) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        assert other.check(OLGA, READ)
        first.held = second.held = Permission.NONE

        async def main() -> None:
            with pytest.raises(errors.WouldBlock, match="ainvalidate"):
                one.invalidate(principal=OLGA)

        in_loop(main)
        assert not one.check(OLGA, READ)
        eventually(lambda: not other.check(OLGA, READ))


@pytest.mark.parametrize("options", PROTOCOLS)
def test_a_server_that_is_killed_makes_it_slower_and_nothing_else(server: RedisServer, options: str) -> None:
    """While it is gone every decision asks the source; once it is back, memory begins anew, and what was revoked stays so."""
    shared = [SharedCache.redis(server.url(options=options)) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        assert other.check(OLGA, READ)
        server.kill()
        eventually(lambda: not shared[0].bus.alive() and not shared[1].bus.alive())
        for expected in range(1, 4):
            assert other.check(OLGA, READ)
            assert len(second.asked) == expected
        first.held = second.held = Permission.NONE
        one.invalidate(principal=OLGA)
        assert not one.check(OLGA, READ)
        assert not other.check(OLGA, READ)
        server.start()
        alive(*shared)
        assert not other.check(OLGA, READ)
        eventually(lambda: _remembers(other, second))
    counted = events.counters()
    assert counted["bus_lost"] == counted["bus_back"] == 2
    assert counted["invalidation_unpublished"] == 1


def _remembers(guard: Guard, remote: Remote) -> bool:
    """Whether a second question does not go to the source."""
    guard.check(OLGA, READ)
    asked = len(remote.asked)
    guard.check(OLGA, READ)
    return len(remote.asked) == asked


def test_a_server_that_comes_back_with_its_past_gives_nothing_of_it(server: RedisServer) -> None:
    """What was saved before an invalidation is restored with the server, and is out of date."""
    shared = SharedCache.redis(server.url())
    with guards(shared) as ((one, first),):
        assert one.check(OLGA, READ)
        with server.client() as client:
            client.save()
        first.held = Permission.NONE
        one.invalidate(principal=OLGA)
        assert not one.check(OLGA, READ)
        server.kill()
        server.start()
        with server.client() as client:
            assert len(client.keys("*:facts:*")) == 1, "the test wants the past to be there"
        fresh = SharedCache.redis(server.url())
        with guards(fresh, held=Permission.NONE) as ((new, source),):
            assert not new.check(OLGA, READ)
            assert len(source.asked) == 1


def test_what_could_not_be_forgotten_there_is_not_read_again(server: RedisServer) -> None:
    """A server that stood still during an invalidation has the old facts: they are made out of date before anything is read."""
    shared = [SharedCache.redis(server.url()) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        server.pause()
        first.held = second.held = Permission.NONE
        one.invalidate(principal=OLGA)
        server.resume()
        alive(*shared)
        assert not one.check(OLGA, READ)
        eventually(lambda: not other.check(OLGA, READ))
        # And it stays so: what was told late was told after the store had forgotten.
        eventually(lambda: _remembers(other, second))
        assert not other.check(OLGA, READ)


@pytest.mark.parametrize("trouble", ["closed", "stall"])
def test_who_is_back_before_the_one_that_had_something_to_tell_reads_nothing_of_before(server: RedisServer, trouble: Trouble) -> None:
    """Both were cut off while a right was taken away; the store still has it, and nobody can be told."""
    with Relay(server.port) as ours, Relay(server.port) as theirs:
        shared = [SharedCache.redis(server.url(port=relay.port)) for relay in (ours, theirs)]
        with guards(*shared) as ((one, first), (other, second)):
            assert one.check(OLGA, READ)
            assert other.check(OLGA, READ)
            assert second.asked == [], "the test wants the fact to be in the store"
            ours.trouble = theirs.trouble = trouble
            eventually(lambda: not shared[1].bus.alive())
            first.held = second.held = Permission.NONE
            one.invalidate(principal=OLGA)
            theirs.trouble = ""
            alive(shared[1])
            assert not other.check(OLGA, READ)
            assert not shared[0].bus.alive()
            ours.trouble = ""
            alive(shared[0])
            assert not one.check(OLGA, READ)
            assert not other.check(OLGA, READ)


@pytest.mark.parametrize("options", PROTOCOLS)
def test_a_subscription_that_is_killed_empties_memory(server: RedisServer, options: str) -> None:
    """What is told in the gap is lost, and nothing of before is used after it."""
    shared = [SharedCache.redis(server.url(options=options)) for _ in range(2)]
    with guards(*shared) as ((_, first), (other, second)), server.client() as client:
        assert other.check(OLGA, READ)
        first.held = second.held = Permission.NONE
        lost = threading.Event()
        end = events.on_event(lambda event, fields: lost.set() if event == "bus_lost" else None)
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        # Told to nobody but Redis.
        blocking.run(shared[0].store.forget(Invalidation.of(OLGA)))  # type: ignore[union-attr]
        assert lost.wait(20)
        end()
        alive(*shared)
        assert not other.check(OLGA, READ)


def _hear_for_long(ears: Ears) -> None:
    for _ in range(10_000):
        list(ears.receive(0.001))


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_subscription_that_is_renewed_without_a_word_is_noticed(server: RedisServer, protocol: int) -> None:
    """A client that tries again, as redis-py does by itself, subscribes anew; what was told in between is gone."""
    with redis.Redis(port=server.port, password=CANARY, protocol=protocol) as client:
        ears = _Subscription(client, ["a", "b"])
        with server.client() as other:
            eventually(lambda: other.publish("a", "1") == 1)
            # What answers the subscription may come by itself.
            eventually(lambda: b"1" in list(ears.receive(0.1)))
            other.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            eventually(lambda: other.publish("a", "lost") == 0)
            with pytest.raises(Lost) as lost:
                _hear_for_long(ears)
        assert lost.value.code == "resubscribed"
        ears.close()


def test_who_is_too_slow_to_listen_is_cut_off_and_notices(server: RedisServer) -> None:
    """The server ends a subscription whose messages it cannot get rid of."""
    with server.client() as other:
        other.config_set("client-output-buffer-limit", "pubsub 65536 0 0")
        connections = Connections(server.url())
        ears = RedisChannel(connections).listen(["a"])
        eventually(lambda: other.publish("a", "x" * 100_000) == 0)
        with pytest.raises((redis.RedisError, OSError, Lost)):
            _hear_for_long(ears)
        ears.close()
        connections.close()


def test_a_connection_that_stands_still_is_not_trusted(server: RedisServer) -> None:
    """Nothing is closed, nothing arrives: after two seconds at most, memory is not used any more."""
    with Relay(server.port) as relay:
        shared = [SharedCache.redis(server.url()), SharedCache.redis(server.url(port=relay.port))]
        with guards(*shared) as ((one, first), (other, second)):
            assert other.check(OLGA, READ)
            relay.trouble = "stall"
            first.held = second.held = Permission.NONE
            one.invalidate(principal=OLGA)
            eventually(lambda: not other.check(OLGA, READ), seconds=10)
            assert not shared[1].bus.alive()
            relay.trouble = ""
            alive(shared[1])
            assert not other.check(OLGA, READ)


@pytest.mark.parametrize("trouble", ["reset", "cut", "garbage", "closed", "stall"])
def test_whatever_is_wrong_on_the_wire_decisions_are_right(redis_only: RedisServer, trouble: Trouble) -> None:
    """In both colours, from the first request on; and it recovers by itself."""
    with Relay(redis_only.port) as relay:
        relay.trouble = trouble
        shared = SharedCache.redis(redis_only.url(port=relay.port))
        remote = Remote()
        guard = Guard(directory=remote, cache=shared)
        assert guard.check(OLGA, READ)
        remote.held = Permission.NONE

        async def main() -> None:
            assert not await guard.acheck(OLGA, READ)
            await guard.ainvalidate(principal=OLGA)
            assert not await guard.acheck(OLGA, READ)

        in_loop(main)
        assert not shared.bus.alive()
        relay.trouble = ""
        alive(shared)
        guard.close()


def test_a_thousand_decisions_do_not_wait_for_a_cache_that_is_down(redis_only: RedisServer) -> None:
    """It is left alone after a failure."""
    with Relay(redis_only.port) as relay:
        shared = SharedCache.redis(redis_only.url(port=relay.port))
        with guards(shared) as ((guard, remote),):
            relay.trouble = "closed"
            eventually(lambda: not shared.bus.alive())
            shared.bus.close()
            relay.trouble = "reset"
            before = relay.connections
            for _ in range(1000):
                assert guard.check(OLGA, READ)
            assert len(remote.asked) >= 1000
            assert relay.connections - before < 20


def test_a_flushed_server_forgets_and_serves_on(server: RedisServer) -> None:
    """Nothing that is missing counts as something."""
    shared = SharedCache.redis(server.url())
    with guards(shared) as ((one, _),), server.client() as client:
        assert one.check(OLGA, READ)
        client.flushall()
        fresh = SharedCache.redis(server.url())
        with guards(fresh, held=Permission.NONE) as ((new, source),):
            assert not new.check(OLGA, READ)
            assert len(source.asked) == 1


@pytest.mark.parametrize("rights", ["-publish", "-subscribe", "resetchannels &other:*"])
def test_without_the_right_to_tell_or_to_hear_nothing_is_remembered(redis_only: RedisServer, rights: str) -> None:
    """Decisions are right, each from the source."""
    with redis_only.client() as client:
        client.execute_command("ACL", "SETUSER", "default", *rights.split())
    shared = SharedCache.redis(redis_only.url())
    lost = threading.Event()
    end = events.on_event(lambda event, fields: lost.set() if event == "bus_lost" else None)
    remote = Remote(identity=None)
    guard = Guard(directory=remote, cache=shared)
    assert guard.check(OLGA, READ)
    assert lost.wait(20)
    assert not shared.bus.alive()
    assert guard.check(OLGA, READ)
    assert len(remote.asked) == 2
    end()
    guard.close()


def test_the_child_of_a_fork_listens_for_itself(redis_only: RedisServer) -> None:
    """It begins with an empty memory and a thread of its own, and the parent's goes on."""
    shared = [SharedCache.redis(redis_only.url()) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)

        def child() -> str:
            assert shared[0].bus.lease == 0.0
            alive(shared[0])
            first.held = Permission.NONE
            one.invalidate(principal=OLGA)
            assert not one.check(OLGA, READ)
            return "done"

        assert other.check(OLGA, READ)
        second.held = Permission.NONE
        assert in_child(child) == "done"
        eventually(lambda: not other.check(OLGA, READ))
        assert shared[0].bus.alive()


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_a_bus_alone_tells_in_both_colours(redis_only: RedisServer, run: Run) -> None:
    """Whatever the cache in front of it."""
    connections = Connections(redis_only.url())
    heard: list[Invalidation] = []
    hearing, telling = Bus(RedisChannel(connections)), Bus(RedisChannel(Connections(redis_only.url())))
    hearing.subscribe(heard.append)
    eventually(hearing.alive)
    run(telling.tell(Invalidation(group="Team")))
    eventually(lambda: heard == [EVERYTHING, Invalidation(group="Team")])
    hearing.close()
    telling.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1",
        "redis://",
        "redis:///0",
        "redis://127.0.0.1:99999",
        "redis://127.0.0.1:0",
        "redis://127.0.0.1#x",
        f"redis://127.0.0.1?password={CANARY}",
        f"redis://127.0.0.1:6379/0?socket_timeout={CANARY}",
        f"unix://{CANARY}",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Without repeating what may be a secret."""
    with pytest.raises(errors.ConfigurationError) as refused:
        SharedCache.redis(url)
    assert CANARY not in str(refused.value)


# Where a server that goes away resets a connection between connecting and TLS, Python's `ssl` raises and leaves the socket to the
# collector (CPython 3.11, `SSLSocket._create`).
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_tls_is_spoken_and_an_unknown_certificate_is_refused(asynchronous: bool) -> None:
    """With the authority that is named everything works; without it the server is as if it were down."""
    with redis_server(tls=True) as server:
        url = f"rediss://:{CANARY}@127.0.0.1:{server.tls_port}/0"
        trusting = SharedCache.redis(f"{url}?ssl_ca_certs={server.certificate}")
        with guards(trusting) as ((one, _),):
            assert one.check(OLGA, READ)
            strict = SharedCache.redis(url)
            remote = Remote(Permission.NONE)
            other = Guard(directory=remote, cache=strict)
            if asynchronous:
                in_loop(lambda: one.ainvalidate(group="Team"))
                assert not in_loop(lambda: other.acheck(OLGA, READ))
            else:
                assert not other.check(OLGA, READ)
            assert len(remote.asked) == 1
            assert strict.health()[1].level == "down"
            assert events.counters()["invalidation_unpublished"] == 0
            other.close()


def test_no_password_is_shown() -> None:
    """Not in any repr, nor in what events and health call it."""
    shared = SharedCache.redis(f"redis://user:{CANARY}@127.0.0.1:1/0")
    connections = Connections(f"redis://:{CANARY}@127.0.0.1:1/0")
    shown = [repr(shared), repr(shared.bus), repr(shared.store), repr(connections), *(one.source for one in shared.health())]
    assert not [text for text in shown if CANARY in text]
    with pytest.raises(errors.TransportError) as fault:
        connections.call(lambda client: client.ping())
    assert CANARY not in str(fault.value)
    shared.close()
