"""The bus, on a wire in memory and by a clock that the test moves: nothing here waits."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard import events
from cartaguard.caches.bus import BEAT, SENDERS, Bus
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.listener import Alive, Heard, Line
from cartaguard.drivers import aio, blocking
from cartaguard.errors import TransportError
from support.clock import Clock
from support.colours import COLOURS, Run
from support.wire import Wire

ONE = Invalidation(principal=("https://a.example", "s-1"))
KINDS = [ONE, Invalidation(group="Team"), Invalidation(resource=("Project", "p1")), Invalidation(("i", "s"), "g", ("t", "r")), EVERYTHING]


class Quiet(Bus):
    """Its thread is never started: the test does what the thread would do."""

    def __init__(self, wire: Wire, **more: Any) -> None:
        self.time = Clock()
        self.woken = 0
        super().__init__(wire, clock=self.time, **more)

    def wake(self) -> None:
        self.woken += 1


def hear(line: Line) -> list[Heard]:
    return list(line.hear(1.0))


def connected(wire: Wire) -> tuple[Quiet, Line]:
    """A bus whose first beat was heard."""
    bus = Quiet(wire)
    line = bus.open()
    assert hear(line) == [Alive(bus.time())]
    return bus, line


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("said", KINDS)
def test_what_one_tells_the_other_hears(run: Run, asynchronous: bool, said: Invalidation) -> None:
    """In both colours, also where the channel knows only one."""
    wire = Wire(asynchronous=asynchronous)
    _, line = connected(wire)
    run(Quiet(wire).tell(said))
    assert hear(line) == [said]


def test_namespaces_do_not_hear_each_other() -> None:
    """Two deployments may share a server."""
    wire = Wire()
    _, line = connected(wire)
    blocking.run(Quiet(wire, namespace="other").tell(ONE))
    assert hear(line) == []


def test_a_bus_hears_itself() -> None:
    """Several guards of a process may share it."""
    bus, line = connected(Wire())
    blocking.run(bus.tell(ONE))
    assert hear(line) == [ONE]


def test_it_beats_four_times_a_second() -> None:
    """And waits for messages no longer than to the next beat."""
    wire = Wire()
    bus, line = connected(wire)
    assert wire.waited == [BEAT]
    bus.time.now += 0.15
    assert hear(line) == []
    assert wire.waited[-1] == pytest.approx(0.1)
    bus.time.now += 0.1
    assert hear(line) == [Alive(bus.time())]
    bus.time.now += 0.15
    assert list(line.hear(0.05)) == []
    assert wire.waited[-1] == 0.05


def test_the_first_beat_goes_the_way_of_the_invalidations_and_the_others_do_not() -> None:
    """The first proves that way; the others need not be read by everybody."""
    wire = Wire()
    bus, line = connected(wire)
    for _ in range(2):
        bus.time.now += BEAT
        hear(line)
    topics = [topic for topic, _ in wire.sent]
    assert topics[0] == bus.topic == "cartaguard:forget"
    assert bus.topic not in topics[1:]
    assert topics[1] == topics[2]


def test_the_beats_of_others_prove_nothing() -> None:
    """Nor does a number that was never sent, or one that was heard before."""
    wire = Wire()
    _, line = connected(wire)
    first = wire.sent[0][1]
    connected(wire)
    wire.ears[0].came.append(first)
    wire.ears[0].came.append(first.replace(b'"number":1', b'"number":7'))
    assert hear(line) == []


def test_a_beat_that_is_heard_late_proves_what_was_known_when_it_was_sent() -> None:
    """Not what happened meanwhile."""
    wire = Wire()
    bus, line = connected(wire)
    bus.time.now += BEAT
    sent = bus.time()
    ear = wire.ears[0]
    wire.ears.clear()
    hear(line)
    bus.time.now += BEAT / 2
    ear.came.append(wire.sent[-1][1])
    assert hear(line) == [Alive(sent)]


def test_a_beat_that_cannot_be_sent_is_a_fault_of_the_line() -> None:
    """So that it is given up."""
    wire = Wire()
    bus, line = connected(wire)
    bus.time.now += BEAT
    wire.refuse()
    with pytest.raises(TransportError):
        hear(line)


def test_beats_that_do_not_come_back_prove_nothing() -> None:
    """A subscription that looks well and is none."""
    wire = Wire()
    wire.loses = True
    line = Quiet(wire).open()
    assert hear(line) == []


def numbered(*numbers: int, sender: str = "s") -> list[bytes]:
    return [b'{"is":"forget","v":1,"sender":"%s","number":%d,"group":"Team"}' % (sender.encode(), number) for number in numbers]


TEAM = Invalidation(group="Team")


@pytest.mark.parametrize(
    ("came", "heard"),
    [
        (numbered(7, 8, 9), [TEAM, TEAM, TEAM]),
        (numbered(7, 9, 10), [TEAM, EVERYTHING, TEAM]),
        (numbered(7, 7), [TEAM, EVERYTHING]),
        (numbered(7, 6, 7), [TEAM, EVERYTHING, TEAM]),
        ([*numbered(7), *numbered(3, sender="t"), *numbered(8)], [TEAM, TEAM, TEAM]),
    ],
)
def test_a_gap_counts_as_everything(came: list[bytes], heard: list[Invalidation]) -> None:
    """What lies in it may have been anything. Each sender counts for itself."""
    wire = Wire()
    _, line = connected(wire)
    wire.ears[0].came += came
    assert hear(line) == heard


def test_senders_are_bounded() -> None:
    """The oldest is forgotten, and then is a new one."""
    wire = Wire()
    _, line = connected(wire)
    wire.ears[0].came += [*numbered(1), *(message for index in range(SENDERS) for message in numbered(1, sender=str(index))), *numbered(5)]
    assert hear(line) == [TEAM] * (SENDERS + 2)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"forget",
        b"\xff",
        b"[]",
        b"{}",
        b'{"is":"other"}',
        b'{"is":"forget","v":2,"sender":"s","number":1}',
        b'{"is":"forget","v":1,"sender":"s","number":"1"}',
        b'{"is":"forget","v":1,"sender":"s","number":1,"principal":"olga"}',
        b'{"is":"forget","v":1,"sender":"s","number":1,"principal":["i"]}',
        b'{"is":"forget","v":1,"sender":"s","number":1,"more":true}',
    ],
)
def test_what_cannot_be_read_counts_as_everything(message: bytes) -> None:
    """It may be another version's, and mean anything; nobody is asked to believe it."""
    wire = Wire()
    _, line = connected(wire)
    wire.ears[0].came.append(message)
    assert hear(line) == [EVERYTHING]


@given(st.binary(max_size=64))
def test_no_message_is_a_fault(message: bytes) -> None:
    """Whoever may publish can make others forget, and nothing else."""
    wire = Wire()
    _, line = connected(wire)
    wire.ears[0].came.append(message)
    assert hear(line) == [EVERYTHING]


@pytest.mark.parametrize("group", ["x" * 500, "\ud800", "ü" * 300])
def test_what_is_too_long_or_no_text_is_told_as_everything(group: str) -> None:
    """A channel's limit is no reason to tell nothing."""
    wire = Wire()
    _, line = connected(wire)
    blocking.run(Quiet(wire).tell(Invalidation(group=group)))
    assert hear(line) == [EVERYTHING]


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_what_cannot_be_told_is_no_fault_and_everything_is_told_later(run: Run) -> None:
    """As soon as a line is proven, or at the next beat."""
    wire = Wire()
    _, line = connected(wire)
    teller = Quiet(wire)
    wire.refuse()
    run(teller.tell(ONE))
    assert teller.woken == 1
    assert events.counters()["invalidation_unpublished"] == 1
    wire.refused = None
    teller.connected()
    teller.connected()
    # One number is missing: that of the message that was refused. A sender that is heard for the first time has no gap.
    assert hear(line) == [EVERYTHING]


def test_what_is_owed_is_told_at_the_next_beat() -> None:
    """Also where the line itself was never lost."""
    wire = Wire()
    bus, line = connected(wire)
    wire.refuse()
    blocking.run(bus.tell(ONE))
    wire.refused = None
    bus.time.now += BEAT
    assert hear(line) == [EVERYTHING, Alive(bus.time())]
    bus.time.now += BEAT
    assert hear(line) == [Alive(bus.time())]


def test_what_is_owed_stays_owed_until_it_is_told() -> None:
    """A try that fails ends nothing."""
    wire = Wire()
    bus, line = connected(wire)
    wire.refuse()
    blocking.run(bus.tell(ONE))
    for _ in range(2):
        with pytest.raises(TransportError):
            bus.settle()
    wire.refused = None
    bus.settle()
    assert hear(line)[-1] == EVERYTHING


def test_a_channel_that_fails_is_left_alone_for_a_while() -> None:
    """A thousand invalidations do not wait a thousand times; they are owed, as one."""
    wire = Wire()
    bus = Quiet(wire)
    wire.refuse()
    for _ in range(5):
        blocking.run(bus.tell(ONE))
    assert wire.refusals == 1
    bus.time.now += 1.0
    blocking.run(bus.tell(ONE))
    assert wire.refusals == 2


def test_who_is_cancelled_while_telling_leaves_it_owed() -> None:
    """A client that hangs up does not keep the others in the dark."""
    wire = Wire()
    bus, line = connected(wire)

    async def main() -> None:
        begun = asyncio.Event()

        async def apublish(topic: str, message: bytes) -> None:
            begun.set()
            await asyncio.sleep(100)

        wire.apublish = apublish
        telling = asyncio.create_task(aio.run(bus.tell(ONE)))
        await begun.wait()
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling

    asyncio.run(main())
    bus.settle()
    assert hear(line) == [EVERYTHING]


def test_tasks_that_tell_at_once_leave_no_gap() -> None:
    """What one sender numbers is sent in that order, however slow each is."""
    wire = Wire()
    bus, line = connected(wire)

    async def main() -> None:
        async def apublish(topic: str, message: bytes) -> None:
            # The first one is the slowest.
            for _ in range(max(0, 20 - len(wire.sent))):
                await asyncio.sleep(0)
            wire.publish(topic, message)

        wire.apublish = apublish
        await asyncio.gather(*(aio.run(bus.tell(TEAM)) for _ in range(10)))

    asyncio.run(main())
    assert hear(line) == [TEAM] * 10


def test_threads_that_tell_at_once_leave_no_gap() -> None:
    """As tasks do."""
    wire = Wire()
    bus, line = connected(wire)
    ready = threading.Barrier(8)

    def tell() -> None:
        ready.wait(10)
        blocking.run(bus.tell(TEAM))

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert hear(line) == [TEAM] * 8


def test_the_child_of_a_fork_is_another_sender() -> None:
    """Parent and child would otherwise make gaps for everybody."""
    mine = Wire()
    bus = Quiet(mine)
    blocking.run(bus.tell(ONE))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        blocking.run(bus.tell(ONE))
        os.write(write, mine.sent[-1][1])
        os._exit(0)
    theirs = os.read(read, 1000)
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)
    _, line = connected(wire := Wire())
    wire.ears[0].came += [mine.sent[-1][1], theirs]
    assert hear(line) == [ONE, ONE]


def test_closing_a_line_and_a_bus_gives_back_what_they_hold() -> None:
    """The subscription, and the channel."""
    wire = Wire()
    bus, line = connected(wire)
    line.close()
    assert wire.ears == []
    bus.close()
    assert wire.closed
