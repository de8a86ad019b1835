"""What every source of invalidations does, told by a clock and a line of the test's own: nothing here waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from cartaguard import events
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.listener import BOUND, PAUSES, Alive, Heard, Line, Listener, Lost
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from support.clock import Clock

ONE = Invalidation(principal=("https://a.example", "s-1"))


class Scripted(Line):
    """Gives what the test says, turn by turn; a fault is raised."""

    def __init__(self, script: Iterator[Any]) -> None:
        self.script = script
        self.closed = False

    def hear(self, seconds: float) -> Iterable[Heard]:
        turn = next(self.script)
        turn = turn() if callable(turn) else turn
        if isinstance(turn, BaseException):
            raise turn
        return turn or ()

    def close(self) -> None:
        self.closed = True
        raise OSError("already gone")


class Source(Listener):
    """Opens the lines of the test, and ends when there is none left."""

    def __init__(self, *scripts: list[Any] | Exception) -> None:
        self.time = Clock()
        self.pauses: list[float] = []
        super().__init__("test", clock=self.time, pause=self.pauses.append)
        self.scripts = list(scripts)
        self.lines: list[Scripted] = []
        self.told: list[Invalidation] = []
        self.leases: list[float] = []
        self.subscribe(self.hear)

    def hear(self, invalidation: Invalidation) -> None:
        self.told.append(invalidation)
        self.leases.append(self.lease)

    def open(self) -> Line:
        script = self.scripts.pop(0)
        if not self.scripts:
            self._closed.set()
        if isinstance(script, Exception):
            raise script
        self.lines.append(Scripted(iter(script)))
        return self.lines[-1]


def listen(*scripts: Any) -> Source:
    """Run through these lines to the last one's end."""
    source = Source(*scripts, OSError("over"))
    source.run()
    return source


def moments(source: Source, *turns: Any) -> list[float]:
    """The leases after each turn of one line."""
    seen: list[float] = []

    def noting() -> Iterator[Any]:
        for turn in turns:
            yield turn
            seen.append(source.lease)
        source._closed.set()
        yield ()

    source.scripts[0] = list[Any]()
    source.lines.append(Scripted(noting()))
    source.open = lambda: source.lines[0]  # type: ignore[method-assign]
    source.run()
    return seen


def test_nothing_may_be_used_before_a_line_has_proven_itself() -> None:
    """Being connected is no proof."""
    source = Source([], [])
    assert not source.lease
    assert moments(source, (), (ONE,), (Alive(source.time()),)) == [0.0, 0.0, source.time() + BOUND]


def test_a_lease_counts_from_what_was_proven_and_not_from_when_it_was_heard() -> None:
    """A late proof is worth less."""
    source = Source([], [])

    def late() -> Iterable[Heard]:
        source.time.now += 1.5
        return (Alive(source.time() - 1.5),)

    [lease] = moments(source, late)
    assert lease == source.time() - 1.5 + BOUND


def test_everything_is_forgotten_before_there_is_a_lease() -> None:
    """What was fetched while nothing was heard may be out of date."""
    source = Source([], [])
    moments(source, (Alive(source.time()),), (Alive(source.time()),))
    assert source.told == [EVERYTHING]
    assert source.leases == [0.0]


def test_an_invalidation_is_handed_on() -> None:
    """In its order, while the lease runs."""
    source = Source([], [])
    moments(source, (Alive(source.time()), ONE, ONE))
    assert source.told == [EVERYTHING, ONE, ONE]
    assert source.leases == [0.0, source.time() + BOUND, source.time() + BOUND]


@pytest.mark.parametrize("fault", [Lost(code="gap"), OSError("reset"), ValueError("unforeseen")])
def test_any_fault_ends_the_lease_and_forgets_everything(fault: Exception) -> None:
    """Whatever the fault is, and the line is closed, and another one is opened."""
    source = listen([(Alive(1_000_000.0),), fault], [Lost(code="again")])
    assert source.told == [EVERYTHING] * 4
    assert source.leases == [0.0] * 4
    assert source.lease == 0.0
    assert [line.closed for line in source.lines] == [True, True]


def test_a_line_that_proves_nothing_is_given_up() -> None:
    """Also when it still tells something: news are no proof that none is missing."""
    source = Source([], [])

    def silence() -> Iterable[Heard]:
        source.time.now += BOUND / 2
        return (ONE,)

    source.scripts[0] = [(Alive(source.time()),), silence, silence]
    source.run()
    assert source.told == [EVERYTHING, ONE, ONE, EVERYTHING]
    assert events.counters()["bus_lost"] == 1


def test_a_line_whose_proof_is_only_late_goes_on_and_nothing_is_used_meanwhile() -> None:
    """It has missed nothing, so that nothing has to be forgotten."""

    class Strict(Source):
        bound = BOUND / 4

    source, seen = Strict([], []), []

    def late() -> Iterable[Heard]:
        source.time.now += BOUND / 2
        seen.append(source.time() < source.lease)
        return (Alive(source.time()),)

    def then() -> Iterable[Heard]:
        seen.append(source.time() < source.lease)
        return ()

    source.scripts[0] = [(Alive(source.time()),), late, then]
    source.run()
    assert seen == [False, True]
    assert source.told[:1] == [EVERYTHING]
    assert source.told.count(EVERYTHING) == 2


def test_a_silence_is_told_of_before_there_is_a_lease_again() -> None:
    """A loss, and a lease that ran out; not the beginning, nor a proof in time."""

    class Told(Source):
        bound = BOUND / 4

        def resumed(self) -> None:
            seen.append(("resumed", self.time() < self.lease))

    seen: list[Any] = []
    source = Told([], [], [])

    def after(seconds: float) -> Callable[[], Iterable[Heard]]:
        def proof() -> Iterable[Heard]:
            source.time.now += seconds
            seen.append(seconds)
            return (Alive(source.time()),)

        return proof

    source.scripts[0] = [after(0.0), after(BOUND / 8), after(BOUND / 2), after(BOUND / 8), OSError()]
    source.scripts[1] = [after(0.0), after(BOUND / 8)]
    source.run()
    assert seen == [0.0, BOUND / 8, BOUND / 2, ("resumed", False), BOUND / 8, 0.0, ("resumed", False), BOUND / 8]


def test_a_line_that_never_proves_itself_is_given_up() -> None:
    """It has as long for its first proof as for the next ones."""
    source = Source([], [])

    def silence() -> Iterable[Heard]:
        source.time.now += BOUND
        return ()

    source.scripts[0] = [silence]
    source.run()
    assert source.told == [EVERYTHING]
    assert events.counters()["bus_lost"] == 1


def test_pauses_grow_and_a_proof_begins_them_anew() -> None:
    """So that what is down is not stormed, and what is back is found soon."""
    source = listen(*[OSError()] * 8, [(Alive(1_000_000.0),), OSError()], OSError(), OSError())
    expected = [*PAUSES, PAUSES[-1], PAUSES[-1], PAUSES[0], PAUSES[0], PAUSES[1]]
    assert len(source.pauses) == len(expected)
    for pause, most in zip(source.pauses, expected, strict=True):
        assert most / 2 <= pause <= most


def test_a_loss_and_its_end_are_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """Not each try, and not the words of the fault, which may hold an address with a password."""
    listen([(Alive(1_000_000.0),), OSError("secret")], OSError("secret"), [(Alive(1_000_000.0),), Lost(code="resubscribed")])
    counted = events.counters()
    assert (counted["bus_lost"], counted["bus_back"]) == (2, 1)
    assert "reason=OSError" in caplog.text
    assert "secret" not in caplog.text


def test_whoever_cannot_be_told_gets_no_lease() -> None:
    """A directory whose own memory cannot be emptied must not be used as if it had been."""

    def broken(invalidation: Invalidation) -> None:
        raise RuntimeError("cannot forget")

    source = Source([(Alive(1_000_000.0),)], [(Alive(1_000_000.0),)], OSError())
    source.subscribe(broken)
    source.run()
    assert set(source.leases) == {0.0}
    assert source.lease == 0.0


def test_a_subscription_ends_when_it_is_ended() -> None:
    """Ending it twice does nothing."""
    source = Source(OSError())
    heard: list[Invalidation] = []
    stop = source.subscribe(heard.append)
    stop()
    stop()
    source.run()
    assert heard == []


def test_asking_begins_to_listen_and_a_running_lease_asks_nothing() -> None:
    """A process that decides nothing has no thread."""
    opened, over = threading.Event(), threading.Event()

    class Real(Listener):
        def open(self) -> Line:
            opened.set()
            assert over.wait(10)
            raise OSError

    source = Real("test")
    assert source._thread is None
    assert not source.alive()
    assert opened.wait(10)
    thread = source._thread
    assert thread is not None
    assert thread.daemon
    assert not source.alive()
    assert source._thread is thread
    source.lease = source.clock() + 100
    assert source.alive()
    source.close()
    over.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not source.alive()


def test_a_closed_listener_listens_no_more() -> None:
    """And gives no lease, even if it is closed while a proof arrives."""
    source = Source([], [])
    source.close()
    source.wake()
    assert source._thread is None
    source._closed.clear()

    def closing() -> Iterable[Heard]:
        source.close()
        return (Alive(source.time()),)

    source.scripts[0] = [closing]
    source.run()
    assert source.lease == 0.0


def test_where_no_thread_can_be_had_nothing_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no error."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    source = Source([], [])
    assert not source.alive()
    assert source._thread is None


@pytest.mark.parametrize("closed", [False, True])
def test_the_child_of_a_fork_begins_anew(closed: bool) -> None:
    """With no lease, no thread and no lock that somebody held; what was closed stays closed."""
    source = Source([], [])
    source.lease = source.time() + BOUND
    source._thread = threading.current_thread()
    if closed:
        source._closed.set()
    read, write = os.pipe()
    with source._lock:
        child = os.fork()
        if child == 0:
            free = source._lock.acquire(blocking=False)
            os.write(write, b"ok" if free and not source.lease and source._thread is None and source._closed.is_set() is closed else b"no")
            os._exit(0)
    assert os.read(read, 2) == b"ok"
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)
    assert source.lease


def test_a_listener_has_to_say_how_it_opens() -> None:
    """The base has no line of its own."""
    with pytest.raises(NotImplementedError):
        Listener("test").open()


def test_an_invalidation_names_a_principal_by_issuer_and_subject_only() -> None:
    """Nothing else of a caller goes to other processes."""
    olga = Principal(issuer="https://a.example", subject="s-1", username="olga", claims={"email": "o@a.example"})
    assert Invalidation.of(olga) == ONE
    assert Invalidation.of() == EVERYTHING
    assert Invalidation.of(olga).only == ("https://a.example", "s-1")
    assert Invalidation.of(group="Team").only is None
    assert Invalidation.of(olga, resource=Resource("Project", "p1")).only is None
