"""Guards that tell each other through a real PostgreSQL what to forget: terminated, stalled, pooled, and never a wrong allow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from cartaguard import Guard, Permission, errors, events
from cartaguard.caches.bus import Bus
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.postgres import PostgresChannel, _Session
from cartaguard.caches.shared import SharedCache
from cartaguard.drivers import blocking
from support.canary import CANARY
from support.forked import in_child
from support.pgbouncer import pgbouncer
from support.postgres import Cluster
from support.redis import RedisServer
from support.relay import Relay
from support.sources import OLGA, READ, Remote, alive, guards
from support.waiting import eventually

pytestmark = pytest.mark.server

TEAM = Invalidation(group="Team")


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    """An empty database."""
    with postgres.database() as address:
        yield address.replace("postgresql+psycopg://", "postgresql://")


def through(url: str, port: int) -> str:
    """The same database through another port."""
    return url.replace(f":{urlsplit(url).port}/", f":{port}/")


@contextmanager
def looking(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def terminate(url: str) -> None:
    """End every other connection to the database."""
    with looking(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_what_one_forgets_the_other_forgets(url: str, asynchronous: bool) -> None:
    """In both colours; facts stay in the memory of each."""
    shared = [SharedCache.postgres(url) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        for _ in range(2):
            assert one.check(OLGA, READ)
            assert other.check(OLGA, READ)
        assert (len(first.asked), len(second.asked)) == (1, 1)
        first.held = second.held = Permission.NONE
        if asynchronous:
            asyncio.run(one.ainvalidate(principal=OLGA))
        else:
            one.invalidate(principal=OLGA)
        assert not one.check(OLGA, READ)
        eventually(lambda: not other.check(OLGA, READ))


def test_a_backend_that_is_terminated_empties_memory(url: str) -> None:
    """Whatever was told meanwhile is lost, and nothing of before is used after it."""
    shared = [SharedCache.postgres(url) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        assert other.check(OLGA, READ)
        first.held = second.held = Permission.NONE
        lost = threading.Semaphore(0)
        end = events.on_event(lambda event, fields: lost.release() if event == "bus_lost" else None)
        terminate(url)
        assert lost.acquire(timeout=20)
        assert lost.acquire(timeout=20)
        end()
        alive(*shared)
        assert not one.check(OLGA, READ)
        assert not other.check(OLGA, READ)


def test_telling_goes_on_after_its_connection_was_terminated(url: str) -> None:
    """The first try fails and is owed; it is told by itself."""
    heard: list[Invalidation] = []
    hearing, telling = Bus(PostgresChannel(url)), Bus(PostgresChannel(url))
    hearing.subscribe(heard.append)
    blocking.run(telling.tell(TEAM))
    terminate(url)
    eventually(hearing.alive)
    blocking.run(telling.tell(TEAM))
    assert events.counters()["invalidation_unpublished"] == 1
    # More often where the machine is so busy that a line is given up meanwhile.
    eventually(lambda: heard.count(EVERYTHING) >= 2)
    blocking.run(telling.tell(TEAM))
    eventually(lambda: TEAM in heard)
    hearing.close()
    telling.close()


def test_what_is_told_waits_for_nobody_s_transaction(url: str) -> None:
    """A NOTIFY is heard when its transaction is committed: ours is, at once, whatever the database's defaults are."""
    name = urlsplit(url).path.strip("/")
    with looking(url) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_isolation TO serializable')
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only TO on')
    heard: list[Invalidation] = []
    hearing, telling = Bus(PostgresChannel(url)), Bus(PostgresChannel(url))
    hearing.subscribe(heard.append)
    eventually(hearing.alive)
    with psycopg.connect(url) as open_transaction:
        open_transaction.execute("SELECT pg_notify(%s, %s)", (hearing.topic, "of somebody who does not commit"))
        blocking.run(telling.tell(TEAM))
        eventually(lambda: heard == [EVERYTHING, TEAM])
        open_transaction.rollback()
    hearing.close()
    telling.close()


def test_what_is_too_long_is_told_as_everything(url: str) -> None:
    """PostgreSQL takes less than 8000 bytes."""
    heard: list[Invalidation] = []
    bus = Bus(PostgresChannel(url))
    bus.subscribe(heard.append)
    eventually(bus.alive)
    blocking.run(bus.tell(Invalidation(group="x" * 7000)))
    blocking.run(bus.tell(Invalidation(group="x" * 8000)))
    eventually(lambda: heard == [EVERYTHING, Invalidation(group="x" * 7000), EVERYTHING])
    bus.close()


@pytest.mark.parametrize("size", [7998, 7999])
def test_the_longest_message_is_taken(url: str, size: int) -> None:
    """The limit is what the server's is."""
    channel = PostgresChannel(url)
    ears = channel.listen(["t"])
    channel.publish("t", b"x" * size)
    assert list(ears.receive(10.0)) == [b"x" * size]
    with pytest.raises(errors.TransportError):
        channel.publish("t", b"x" * (channel.limit + 1))
    channel.publish("t", b"again")
    assert list(ears.receive(10.0)) == [b"again"]
    ears.close()
    channel.close()


def test_behind_a_pooler_of_transactions_nothing_is_remembered(url: str, postgres: Cluster) -> None:
    """It takes LISTEN and hands the connection on: everything looks well, and no message ever comes. Decisions are right."""
    with pgbouncer(postgres.port) as port:
        shared = SharedCache.postgres(through(url, port))
        remote = Remote()
        lost = threading.Event()
        end = events.on_event(lambda event, fields: lost.set() if event == "bus_lost" and fields["reason"] == "unproven" else None)
        guard = Guard(directory=remote, cache=shared)
        assert guard.check(OLGA, READ)
        assert lost.wait(20)
        end()
        assert guard.check(OLGA, READ)
        assert len(remote.asked) == 2
        guard.close()


def test_a_connection_that_stands_still_is_not_trusted(url: str, postgres: Cluster) -> None:
    """Nothing is closed, nothing arrives; and what is told into it does not wait for ever."""
    with Relay(postgres.port) as relay:
        shared = [SharedCache.postgres(url), SharedCache.postgres(through(url, relay.port))]
        with guards(*shared) as ((one, first), (other, second)):
            assert other.check(OLGA, READ)
            relay.trouble = "stall"
            first.held = second.held = Permission.NONE
            one.invalidate(principal=OLGA)
            eventually(lambda: not other.check(OLGA, READ), seconds=15)
            other.invalidate(principal=OLGA)
            relay.trouble = ""
            alive(shared[1])
            assert not other.check(OLGA, READ)


def test_the_child_of_a_fork_listens_for_itself(url: str) -> None:
    """And leaves its parent's connections alone."""
    shared = [SharedCache.postgres(url) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        one.invalidate()
        assert other.check(OLGA, READ)

        def child() -> str:
            assert shared[0].bus.lease == 0.0
            alive(shared[0])
            one.invalidate(principal=OLGA)
            first.held = Permission.NONE
            assert not one.check(OLGA, READ)
            one.close()
            return "done"

        second.held = Permission.NONE
        assert in_child(child) == "done"
        eventually(lambda: not other.check(OLGA, READ))
        one.invalidate()
        assert shared[0].bus.alive()
        assert events.counters()["invalidation_unpublished"] == 0


def test_redis_keeps_the_facts_while_postgresql_has_the_news(url: str, redis_only: RedisServer) -> None:
    """Each may fail by itself."""
    shared = [SharedCache.redis(redis_only.url(), bus=url) for _ in range(2)]
    with guards(*shared) as ((one, first), (other, second)):
        assert one.check(OLGA, READ)
        assert other.check(OLGA, READ)
        assert (len(first.asked), len(second.asked)) == (1, 0)
        redis_only.pause()
        first.held = second.held = Permission.NONE
        one.invalidate(principal=OLGA)
        assert not one.check(OLGA, READ)
        redis_only.resume()
        eventually(lambda: not other.check(OLGA, READ))
        assert shared[0].bus.alive()


def test_an_address_is_a_url() -> None:
    """The other form that libpq reads is not taken, nor repeated."""
    with pytest.raises(errors.ConfigurationError):
        PostgresChannel(f"host=127.0.0.1 password={CANARY}")


def test_no_password_is_shown(url: str) -> None:
    """Not in a repr, a fault or an event, whatever goes wrong."""
    assert CANARY in url
    channel = PostgresChannel(through(url, 1))
    assert CANARY not in repr(channel)
    assert CANARY not in channel.source
    with pytest.raises(errors.TransportError) as fault:
        channel.publish("t", b"x")
    assert CANARY not in str(fault.value)
    with pytest.raises(errors.ConfigurationError) as refused:
        PostgresChannel(f"postgresql://carta:{CANARY}@127.0.0.1:port/x?nosuch={CANARY}")
    assert CANARY not in str(refused.value)


def test_a_statement_that_is_refused_closes_what_was_opened(url: str) -> None:
    """A subscription is whole or none."""
    session = _Session(url)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT nosuch()")
    session.close()
    with pytest.raises(psycopg.OperationalError):
        PostgresChannel(url).listen(['a" b'])
