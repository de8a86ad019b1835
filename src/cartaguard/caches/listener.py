"""Listener: a thread that hears of changes, and says until when what is remembered may be used.

A cache in front of a source may only remember facts while it would hear that they changed. A *listener* gives
that as a :attr:`~Listener.lease`: the moment up to which everything that was told has been heard, plus
:attr:`~Listener.bound` seconds. It is renewed by proof only, never by the absence of faults: a socket that nobody serves any
more, a process that was stopped, a subscription that was lost without a word all end in a lease that runs out.
Whatever is in doubt empties the cache before a new lease is given.

To write another source, subclass :class:`Listener` and give it one method:

.. code-block:: python

    class Watching(Listener):
        lost, back = "watch_lost", "watch_back"          # events that are emitted

        def open(self) -> Line:                          # in the listener's own thread; may block and may fail
            return WatchingLine(connect(…), self.clock)

    class WatchingLine(Line):
        def hear(self, seconds: float) -> Iterable[Heard]:
            # Wait for something, ``seconds`` at most, and give it: an Invalidation for each change, and
            # Alive(since) where it is proven that whatever was changed before ``since`` has been given.
            message = self._stream.next(timeout=seconds)
            if message is None:
                return ()                                # nothing came: neither news nor proof
            if message.is_checkpoint:
                return (Alive(self._clock()),)
            return (Invalidation(resource=(message.type, message.id)),)

        def close(self) -> None: …

``open`` and ``hear`` raise whatever tells that the connection is lost (:class:`Lost`, or the library's own
fault): the cache is emptied, and a new line is opened after a pause. A line that proves nothing for
:data:`BOUND` seconds is given up too, so one whose source is silent has to ask it for a sign of life.

Listening begins at first use and not when the object is made, so that a process which forks workers has no
thread of its own; after a fork the child begins anew.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple, Protocol, TypeAlias

from cartaguard import events
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.drivers.forks import renew_in_children
from cartaguard.errors import CartaGuardError
from cartaguard.model.health import Condition

__all__ = ["BOUND", "Alive", "Heard", "Line", "Listener", "Lost"]

#: Seconds for which a proof counts, unless a source says otherwise: nothing that was changed longer ago is unheard of while a lease runs.
#: A line without a proof for so long (at least) is given up; one whose proof was only late goes on, since it has missed nothing.
BOUND = 2.0

#: Seconds to wait before a line is opened again, after the first, second, … failure in a row; the last goes on for ever.
PAUSES: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

#: Seconds for which a line is listened to at a time, so that an end is noticed.
TURN = 0.25


class Lost(CartaGuardError):
    """A line is of no use any more; ``code`` says why, for the event. It never leaves the listener's thread."""

    code = "lost"


class Alive(NamedTuple):
    """Proof that everything told before ``since`` (seconds, on the listener's clock) has been heard."""

    since: float


Heard: TypeAlias = Invalidation | Alive


class Line(Protocol):
    """One connection to what tells of changes. It is used by one thread, and thrown away at its first fault."""

    def hear(self, seconds: float) -> Iterable[Heard]:
        """What came, in its order; waits ``seconds`` at most for something to come."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class Listener:
    """Hears of changes in a daemon thread, one for each process, whatever the colour of those who decide.

    :param source: what the events call it: an address without a secret, or a kind.
    :param clock: seconds that only grow.
    :param pause: waits so many seconds, or until the listener is closed.
    """

    #: The events that are emitted when nothing is heard any more, and when it is again.
    lost: ClassVar[str] = "bus_lost"
    back: ClassVar[str] = "bus_back"
    #: Seconds for which a proof of this source counts.
    bound: ClassVar[float] = BOUND

    def __init__(self, source: str, *, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], object] | None = None) -> None:
        self.source = source
        self.clock = clock
        #: Until when what is remembered may be used. For whoever reads it on a hot path: ``clock() < lease``.
        self.lease = 0.0
        self._pause = pause
        self._forget: list[Callable[[Invalidation], object]] = []
        self._begin()
        renew_in_children(self)

    def _begin(self) -> None:
        """The state of a process that listens to nothing yet."""
        self.lease = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        #: Whether the last thing that was reported is a loss.
        self._missing = False

    def renew(self) -> None:
        """Begin anew in the child of a fork, which has no thread, and perhaps a lock that is held."""
        closed = self._closed.is_set()
        self._begin()
        if closed:
            self._closed.set()

    def open(self) -> Line:
        """Connect. Called in the listener's thread; a fault is no error, but the next try."""
        raise NotImplementedError

    def connected(self) -> None:
        """Called in the listener's thread when a line has proven itself, before a lease is given."""

    def resumed(self) -> None:
        """Called in the listener's thread before there is a lease again after there was none: others may have been cut off too,
        and have changes to tell that nobody could hear yet."""

    def subscribe(self, forget: Callable[[Invalidation], object]) -> Callable[[], None]:
        """Call this for each invalidation that is heard, and with ``EVERYTHING`` at any doubt; from another thread.

        A call of what is returned ends it.
        """
        self._forget.append(forget)

        def end() -> None:
            if forget in self._forget:
                self._forget.remove(forget)

        return end

    def alive(self) -> bool:
        """Whether what is remembered may be used now. Asking begins to listen."""
        if self.clock() < self.lease:
            return True
        self.wake()
        return False

    def wake(self) -> None:
        """Begin to listen, unless that has begun or is over."""
        if self._thread is not None or self._closed.is_set():
            return
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self.run, name=f"cartaguard {type(self).__name__}", daemon=True)
                # Where no thread can be had (at the end of a process, or under a server that forbids them), nothing is remembered.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def health(self) -> Condition:
        """How it is, at once and without I/O. One that was not used yet does not listen, and that is as it should be."""
        if self.clock() < self.lease:
            return Condition("bus", self.source, "ok")
        if self._thread is None and not self._closed.is_set():
            return Condition("bus", self.source, "unknown")
        return Condition("bus", self.source, "down", "down")

    def close(self) -> None:
        """End listening. Nothing is remembered any more; calling it again does nothing."""
        self._closed.set()
        self.lease = 0.0

    def run(self) -> None:
        """Listen until closed: the whole life of the thread."""
        failures = 0
        while not self._closed.is_set():
            proven = False
            try:
                line = self.open()
                try:
                    for _ in self._attend(line):
                        failures, proven = 0, True
                finally:
                    with contextlib.suppress(Exception):
                        line.close()
            except Exception as fault:  # noqa: BLE001 (whatever it is, nothing is heard; no decision runs in this thread)
                self.lease = 0.0
                # Whoever could not be told is told before there is a new lease.
                with contextlib.suppress(Exception):
                    self._tell(EVERYTHING)
                if not self._closed.is_set():
                    self._report_loss(fault)
            if not self._closed.is_set():
                (self._pause or self._closed.wait)(PAUSES[min(failures, len(PAUSES) - 1)] * random.uniform(0.5, 1.0))  # noqa: S311
                failures += not proven

    def _attend(self, line: Line) -> Iterable[bool]:
        """Hear a line out; yields each time that it has proven itself."""
        # Nothing was proven yet: the line has as long for its first proof as for any other.
        proof, begun = self.clock(), False
        while not self._closed.is_set():
            for heard in line.hear(TURN):
                if isinstance(heard, Invalidation):
                    self._tell(heard)
                    continue
                proof = heard.since
                if self._missing or (begun and self.clock() >= self.lease):
                    self.resumed()
                if not begun:
                    begun = True
                    # What was fetched while nothing was heard is not to be used, nor what is still being fetched.
                    self._tell(EVERYTHING)
                    self.connected()
                    self._report_back()
                self.lease = proof + self.bound
                if self._closed.is_set():
                    self.lease = 0.0
                yield True
            if self.clock() >= proof + max(self.bound, BOUND):
                raise Lost(code="silent" if begun else "unproven")

    def _tell(self, invalidation: Invalidation) -> None:
        for forget in tuple(self._forget):
            forget(invalidation)

    def _report_loss(self, fault: Exception) -> None:
        if not self._missing:
            self._missing = True
            # The library's own words may hold an address with a password.
            events.emit(self.lost, source=self.source, reason=fault.code if isinstance(fault, CartaGuardError) else type(fault).__name__)

    def _report_back(self) -> None:
        if self._missing:
            self._missing = False
            events.emit(self.back, source=self.source)
