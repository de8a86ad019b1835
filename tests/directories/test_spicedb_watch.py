"""SpiceDB's stream of changes empties the cache in front of it, and nothing is remembered while it is in doubt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cartaguard import Guard, Resource, permission
from cartaguard.caches.invalidation import EVERYTHING
from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.directories.spicedb_watch import Watch
from cartaguard.drivers import blocking
from cartaguard.model.principal import Principal
from support.facts import OLGA
from support.heard import hearing
from support.relay import Relay
from support.spicedb import SpiceDB, spicedb
from support.spicedb_stand_in import stand_in

P1 = Resource("Project", "p1")
READ = permission("read", "Project:p1")
OWNED = {"resources": {"Project:p1": {"owner": "olga"}}}
NOBODYS: dict[str, Any] = {"resources": {"Project:p1": {}}}

#: Seconds within which something that is going to happen has happened, on any machine.
PATIENCE = 60.0


@pytest.fixture(params=["stand-in", pytest.param("spicedb", marks=pytest.mark.server)])
def server(request: pytest.FixtureRequest) -> Iterator[SpiceDB]:
    with spicedb() if request.param == "spicedb" else stand_in() as running:
        running.write_schema()
        running.load(OWNED)
        yield running


def until(so: Callable[[], bool]) -> None:
    waiting, deadline = threading.Event(), time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < deadline, "it did not come to be so"
        waiting.wait(0.01)


class Remembering:
    """A guard in front of SpiceDB, whose cache would remember for a minute."""

    def __init__(self, port: int, *, watch: bool = True) -> None:
        self.directory = SpiceDBDirectory(f"127.0.0.1:{port}", token=SpiceDB.token, tls=False, timeout=5.0, watch=watch)
        self.guard = Guard(directory=self.directory)

    def permits(self, principal: Principal = OLGA) -> bool | None:
        """Whether the principal may read; ``None``: nobody can tell."""
        decision = self.guard.check(principal, READ)
        return None if decision.indeterminate else decision.permitted

    def alive(self) -> bool:
        assert self.directory.changes is not None
        return self.directory.changes.alive()

    def remembers(self) -> bool:
        """Whether the answer is at hand."""
        fact = self.guard.directory.permission(OLGA, P1, 1)
        return fact is not None

    def close(self) -> None:
        self.directory.close()


@pytest.fixture
def remembering(server: SpiceDB) -> Iterator[Remembering]:
    here = Remembering(server.port)
    until(here.alive)
    yield here
    here.close()


def test_what_is_written_elsewhere_is_heard_and_forgotten_here(server: SpiceDB, remembering: Remembering) -> None:
    """A grant that is taken away, and one that is given, long before they would have been too old."""
    assert remembering.permits()
    assert remembering.remembers()
    server.load(NOBODYS)
    until(lambda: not remembering.permits())
    server.load(OWNED)
    until(lambda: remembering.permits() is True)
    assert remembering.remembers()


def test_after_a_change_that_was_heard_the_next_question_is_as_of_now(server: SpiceDB, remembering: Remembering) -> None:
    """Later ones are told nothing older than its answer. Beats are no change."""
    assert remembering.permits()
    assert remembering.directory._moment.token
    server.load(NOBODYS)
    until(lambda: not remembering.directory._moment.token)
    assert remembering.permits() is False
    learned = remembering.directory._moment.token
    assert learned
    watch = remembering.directory.changes
    assert watch is not None
    for _ in range(2):
        lease = watch.lease
        until(lambda lease=lease: watch.lease > lease)  # type: ignore[misc] # bound at once
    assert remembering.directory._moment.token == learned


def test_a_change_counts_before_what_was_remembered_is_forgotten(server: SpiceDB) -> None:
    """Otherwise who asks in between could be answered of before the change, and that would be remembered."""
    directory = SpiceDBDirectory(f"127.0.0.1:{server.port}", token=server.token, tls=False, watch=False)
    order: list[object] = []
    line = Watch(directory._spicedb, lambda: order.append("counts")).open()

    def heard() -> bool:
        order.extend(one for one in line.hear(0.1) if one is EVERYTHING)
        return bool(order)

    # Only what is written once the stream is open is heard.
    until(lambda: bool(server.load(NOBODYS) and (heard() or (server.load(OWNED) and heard()))))
    assert order[:2] == ["counts", EVERYTHING]
    line.close()
    directory.close()


def test_a_stream_that_ends_is_in_doubt_and_comes_back_by_itself(server: SpiceDB) -> None:
    """What was remembered is forgotten at once, nothing is remembered meanwhile, and it is told as two events."""
    with Relay(server.port) as relay, hearing() as heard:
        here = Remembering(relay.port)
        until(here.alive)
        assert here.permits()
        relay.trouble = "closed"
        until(lambda: not here.remembers())
        assert here.permits() is None
        until(lambda: "watch_lost" in [event for event, _ in heard])
        assert not here.alive()
        server.load(NOBODYS)
        relay.trouble = ""
        until(lambda: here.permits() is False)
        until(here.alive)
        assert [event for event, _ in heard if event.startswith("watch_")] == ["watch_lost", "watch_back"]
        here.close()


def test_a_stream_that_nobody_serves_any_more_ends_its_lease(server: SpiceDB) -> None:
    """The connection stays open and nothing comes: after a few seconds nothing is remembered."""
    with Relay(server.port) as relay:
        here = Remembering(relay.port)
        until(here.alive)
        assert here.permits()
        relay.trouble = "stall"
        until(lambda: not here.remembers())
        relay.trouble = ""
        until(here.alive)
        until(lambda: here.permits() is True)
        here.close()


def test_a_killed_server_is_heard_of_again_once_it_is_back(server: SpiceDB, remembering: Remembering) -> None:
    """Nothing is started anew here."""
    server.kill()
    until(lambda: remembering.permits() is None)
    server.start()
    server.write_schema()
    server.load(OWNED)
    until(remembering.alive)
    until(lambda: remembering.permits() is True)
    server.load(NOBODYS)
    until(lambda: remembering.permits() is False)


def test_without_the_stream_the_cache_remembers_as_for_any_other_source(server: SpiceDB) -> None:
    """`watch=False` is for a SpiceDB that takes no writes."""
    here = Remembering(server.port, watch=False)
    assert here.directory.changes is None
    assert here.permits()
    server.load(NOBODYS)
    assert here.permits()
    here.guard.invalidate()
    assert here.permits() is False
    here.close()


def test_what_a_line_wrote_is_gone_when_it_ends(server: SpiceDB, remembering: Remembering) -> None:
    """At most one relationship is there for each process that listens."""
    calls = server.calls()
    rows = blocking.run(calls.read_all("beat", calls.clock() + 10))
    assert len(rows) == 1
    remembering.directory.close()
    until(lambda: not blocking.run(calls.read_all("beat", calls.clock() + 10)))
    calls.channels.close()
