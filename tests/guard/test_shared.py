"""A guard with a shared cache, on a wire in memory: what it tells, to whom, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from cartaguard import Group, Guard, LocalDirectory, Permission, errors
from cartaguard.caches.bus import Bus
from cartaguard.caches.entry import Entry, Key
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.shared import SharedCache
from cartaguard.caches.store import Page, Store
from cartaguard.directories.base import Directory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.drivers.effects import Call, Steps
from cartaguard.model.health import Condition
from support.clock import Clock
from support.sources import OLGA, READ, Remote
from support.wire import Wire


class Quiet(Bus):
    """Its thread is never started; the test says whether it is alive."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, clock=Clock())

    def wake(self) -> None:
        """Stay quiet."""

    def listening(self, is_so: bool = True) -> None:
        self.lease = self.clock() + 1 if is_so else 0.0

    def hear(self, invalidation: Invalidation) -> None:
        self._tell(invalidation)


class Shelf(Store):
    """A store in memory that notes what is done with it, and can be out of order."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.works = True

    def read(self, source: str, keys: Iterable[Key]) -> Steps[list[Page]]:
        return []
        yield

    def write(self, source: str, pages: Iterable[Page], entries: Mapping[Key, Entry]) -> Steps[None]:
        return
        yield

    def forget(self, invalidation: Invalidation) -> Steps[bool]:
        yield Call(lambda: None)
        self.notes.append("store")
        return self.works

    def settle(self) -> bool:
        self.notes.append("settle")
        return self.works

    def distrust(self) -> None:
        pass

    def health(self) -> Condition:
        return Condition("cache", "shelf", "ok")

    def probe(self) -> Steps[None]:
        yield Call(lambda: None)

    def close(self) -> None:
        self.notes.append("closed")


class Noting(Remote):
    """Notes when it is to forget."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes
        self.told: list[dict[str, Any]] = []

    def invalidate(self, **named: Any) -> None:
        self.notes.append("here")
        self.told.append(named)


def made(directory: Directory | None = None, *, store: bool = True) -> tuple[Guard, Quiet, Wire, list[str]]:
    notes: list[str] = []
    wire = Wire()
    bus = Quiet(wire)
    bus.listening()
    cache = SharedCache(bus=bus, store=Shelf(notes) if store else None)
    return Guard(directory=directory or Noting(notes), cache=cache), bus, wire, notes


def test_it_forgets_here_first_and_tells_the_others_last() -> None:
    """And here again in between: what was read from the store meanwhile may be of before."""
    guard, _, wire, notes = made()
    publish = wire.publish

    def noting(topic: str, message: bytes) -> None:
        notes.append("bus")
        publish(topic, message)

    wire.publish = noting  # type: ignore[method-assign]
    guard.invalidate(principal=OLGA)
    assert notes == ["here", "store", "here", "bus"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"principal": OLGA}, b'"principal":["https://a.example","s-1"]'),
        ({"group": Group("Org:Team")}, b'"group":"Org:Team"'),
        ({"resource": "Project:p1"}, b'"resource":["Project","p1"]'),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
@pytest.mark.parametrize("store", [False, True])
def test_the_others_are_told_what(named: dict[str, Any], said: bytes, asynchronous: bool, store: bool) -> None:
    """In both colours, with a store and without."""
    guard, _, wire, _ = made(store=store)
    if asynchronous:
        asyncio.run(guard.ainvalidate(**named))
    else:
        guard.invalidate(**named)
    [(_, message)] = wire.sent
    assert said in message


def test_a_blocking_invalidation_within_a_loop_names_its_twin() -> None:
    """It is done here, and owed to the others."""
    guard, bus, wire, notes = made()

    async def main() -> None:
        with pytest.raises(errors.WouldBlock, match=r"await `guard\.ainvalidate\("):
            guard.invalidate(principal=OLGA)

    asyncio.run(main())
    assert notes == ["here"]
    bus.settle()
    assert notes == ["here", "settle"]
    [(_, message)] = wire.sent
    assert b"principal" not in message


def test_without_a_shared_cache_nothing_blocks() -> None:
    """So that it may be called anywhere."""
    notes: list[str] = []

    async def main() -> None:
        Guard(directory=Noting(notes)).invalidate()

    asyncio.run(main())
    assert notes == ["here"]


def test_while_the_store_has_not_forgotten_nobody_is_told_for_good() -> None:
    """Whoever forgot would read it there again: everybody is told once more after it has."""
    guard, bus, wire, notes = made()
    store = guard.cache.store if guard.cache else None
    assert isinstance(store, Shelf)
    store.works = False
    guard.invalidate(principal=OLGA)
    assert len(wire.sent) == 1
    bus.settle()
    assert len(wire.sent) == 1
    store.works = True
    bus.settle()
    assert len(wire.sent) == 2
    bus.settle()
    assert len(wire.sent) == 2
    assert notes[-2:] == ["settle", "settle"]


def test_what_is_heard_goes_to_every_directory() -> None:
    """Local ones may remember something too. What names nothing that can be is about everything."""
    notes: list[str] = []
    remote = Noting(notes)

    class Local(LocalDirectory):
        def invalidate(self, **named: Any) -> None:
            notes.append("local")

    guard, bus, _, _ = made(ChainDirectory([Local.from_dict({}), remote]))
    bus.hear(Invalidation.of(OLGA))
    assert sorted(notes) == ["here", "local"]
    assert (remote.told[-1]["principal"].issuer, remote.told[-1]["principal"].subject) == ("https://a.example", "s-1")
    bus.hear(Invalidation(resource=("Project", "p1"), group="Team"))
    assert (str(remote.told[-1]["resource"]), remote.told[-1]["group"]) == ("Project:p1", "Team")
    for odd in (EVERYTHING, Invalidation(("i", " ")), Invalidation(resource=("a:b", "c")), Invalidation(("i", "s"), None, ("", ""))):
        bus.hear(odd)
        assert set(remote.told[-1].values()) == {None}
    guard.close()


def test_memory_serves_only_while_the_others_are_heard() -> None:
    """A lease that ran out empties nothing, and nothing is used or kept meanwhile."""
    guard, bus, _, _ = made(remote := Remote())
    for expected in (1, 1):
        assert guard.check(OLGA, READ)
        assert len(remote.asked) == expected
    bus.listening(False)
    for expected in (2, 3):
        assert guard.check(OLGA, READ)
        assert len(remote.asked) == expected
    bus.hear(EVERYTHING)
    bus.listening()
    remote.held = Permission.NONE
    assert not guard.check(OLGA, READ)


def test_what_was_asked_before_a_doubt_is_not_kept_after_it() -> None:
    """An invalidation may have been missed while the answer was on its way."""
    guard, bus, _, _ = made(remote := Remote())
    bus.listening(False)

    def back() -> None:
        bus.hear(EVERYTHING)
        bus.listening()

    remote.meanwhile = back
    assert guard.check(OLGA, READ)
    remote.meanwhile = lambda: None
    remote.held = Permission.NONE
    assert not guard.check(OLGA, READ)


def test_health_tells_of_bus_and_cache() -> None:
    """Neither brings the guard down."""
    guard, bus, _, _ = made()
    assert [(told.part, told.state) for told in guard.health().conditions][-2:] == [("bus", "ok"), ("cache", "ok")]
    bus.listening(False)
    assert guard.health().of("bus")[0].state == "unknown"
    bus.close()
    assert guard.health().of("bus")[0].level == "down"
    assert guard.health().status == "degraded"


def test_closing_a_guard_closes_what_it_shares() -> None:
    """Bus and store."""
    guard, _, wire, notes = made()
    guard.close()
    assert wire.closed
    assert notes == ["closed"]
