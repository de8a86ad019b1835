"""Bus: what one process has forgotten, the others forget too.

A :class:`Bus` is a :class:`~cartaguard.caches.listener.Listener` that can also tell. Its lease rests on a *beat*:
four times a second it publishes a number in the same way as it publishes invalidations, and has to hear it
back. As messages arrive in the order in which they were published, a beat that is heard proves that nothing
published before it is missing. That finds whatever looks connected and is not: a half-open socket, a pooler
that took the subscription away, a right to publish or to listen that is lacking. The first beat goes the
whole way that invalidations go, and nothing is remembered before it is heard. The others go to a topic
of their own, so that a hundred processes do not have to read each other's.

What processes tell is numbered, so that what is missing is noticed in any case; what cannot be read may
have been anything. Both count as "everything".
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal, Protocol
from weakref import WeakKeyDictionary

import msgspec

from cartaguard import events
from cartaguard.caches.invalidation import EVERYTHING, Invalidation
from cartaguard.caches.listener import Alive, Heard, Line, Listener
from cartaguard.drivers.breaker import Breaker
from cartaguard.drivers.effects import Call, Steps
from cartaguard.errors import TransportError

__all__ = ["BEAT", "COUNTS", "Bus", "Channel", "Ears"]

#: Seconds between two beats.
BEAT = 0.25

#: Seconds for which a beat counts. A process that is cut off from the bus uses its memory for no longer, so that what
#: was told is heeded everywhere within a second.
COUNTS = 0.9

#: How many senders are known by their last number. Beyond that the oldest are forgotten, and so are their gaps.
SENDERS = 4096


class Ears(Protocol):
    """A subscription on a connection of its own, for one thread."""

    def receive(self, seconds: float) -> Iterable[bytes]:
        """The messages that came, in their order; waits ``seconds`` at most for one. Raises when one may be missing."""
        ...

    def close(self) -> None: ...


class Channel(Protocol):
    """Something that carries messages between processes, by topic and in order."""

    #: How the events call it; no secret is in it.
    source: str
    #: How many bytes a message may have.
    limit: int
    #: ``publish`` for asyncio; ``None``: it runs in a thread.
    apublish: Callable[[str, bytes], Awaitable[None]] | None

    def listen(self, topics: Sequence[str]) -> Ears:
        """Subscribe. Blocks, for seconds at most."""
        ...

    def publish(self, topic: str, message: bytes) -> None:
        """Send at once, so that it does not wait for anybody's transaction. Blocks, for seconds at most.

        Raises :class:`~cartaguard.errors.TransportError` when it may not have been sent.
        """
        ...

    def close(self) -> None: ...


class _Beat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="beat", tag_field="is"):
    line: str
    number: int


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="forget", tag_field="is"):
    v: Literal[1]
    sender: str
    number: int
    principal: tuple[str, str] | None = None
    group: str | None = None
    resource: tuple[str, str] | None = None


_read = msgspec.json.Decoder(_Beat | _Told)
# A group's name is a text of a kind of its own.
_encode = msgspec.json.Encoder(enc_hook=str).encode


class _Lane:
    """A sender: what it sends is numbered, and is sent in that order."""

    def __init__(self) -> None:
        self._sender = secrets.token_hex(8)
        self._number = 0

    def message(self, invalidation: Invalidation, limit: int) -> bytes:
        """The next message; about everything where it would be too long, or cannot be written."""
        self._number += 1
        try:
            message = _encode(_Told(1, self._sender, self._number, *invalidation))
        except UnicodeEncodeError:
            message = b""
        if not 0 < len(message) <= limit:
            message = _encode(_Told(1, self._sender, self._number))
        return message


class Bus(Listener):
    """Tells other processes what to forget, and hears it from them.

    :param channel: what carries the messages.
    :param namespace: processes hear each other within one.
    :param clock: seconds that only grow.
    :param pause: waits so many seconds, or until the bus is closed.
    """

    bound = COUNTS

    def __init__(
        self,
        channel: Channel,
        *,
        namespace: str = "cartaguard",
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.channel = channel
        self.namespace = namespace
        self.topic = f"{namespace}:forget"
        #: Done before anything is told that is owed; as long as it answers ``False`` nothing is.
        self.first: Callable[[], bool] = lambda: True
        #: Done before there is a lease again after a silence.
        self.distrust: Callable[[], object] = lambda: None
        super().__init__(channel.source, clock=clock, pause=pause)

    def _begin(self) -> None:
        super()._begin()
        self._sending = threading.Lock()
        self._lane = _Lane()
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[_Lane, asyncio.Lock]] = WeakKeyDictionary()
        self._breaker = Breaker(self.clock)
        #: Whether something could not be told, so that everything has to be told as soon as it can.
        self._owed = False

    def open(self) -> Line:
        return _Beating(self)

    def connected(self) -> None:
        self._breaker.success()
        self.settle()

    def resumed(self) -> None:
        self.distrust()

    def tell(self, invalidation: Invalidation) -> Steps[None]:
        """Tell the others. A failure is no fault: it is reported, and everything is told once that can be done."""
        told = False
        try:
            if not self._breaker.allow():
                yield Call(lambda: self._publish(invalidation), self._asynchronous(invalidation))
                told = True
                self._breaker.success()
        except TransportError:
            self._breaker.failure()
        finally:
            # Also where the caller was cancelled meanwhile.
            if not told:
                events.emit("invalidation_unpublished", source=self.source)
                self.owe()

    def owe(self) -> None:
        """Tell everything as soon as it can be done."""
        self._owed = True
        self.wake()

    def settle(self) -> None:
        """Tell what is owed. Raises :class:`~cartaguard.errors.TransportError` when it cannot be done yet."""
        if self._owed and self.first():
            self._owed = False
            try:
                self._publish(EVERYTHING)
            except BaseException:
                self._owed = True
                raise
            self._breaker.success()

    def close(self) -> None:
        super().close()
        self.channel.close()

    def beat(self, topic: str, message: bytes) -> None:
        """Publish a beat in the way of everything else."""
        with self._sending:
            self.channel.publish(topic, message)

    def _publish(self, invalidation: Invalidation) -> None:
        with self._sending:
            self.channel.publish(self.topic, self._lane.message(invalidation, self.channel.limit))

    def _asynchronous(self, invalidation: Invalidation) -> Callable[[], Awaitable[None]] | None:
        publish = self.channel.apublish
        if publish is None:
            return None

        async def apublish() -> None:
            lane, order = self._lanes.setdefault(asyncio.get_running_loop(), (_Lane(), asyncio.Lock()))
            async with order:
                await publish(self.topic, lane.message(invalidation, self.channel.limit))

        return apublish


class _Beating(Line):
    """A subscription that is proven by beats."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._id = secrets.token_hex(8)
        self._own = f"{bus.namespace}:{self._id}"
        self._ears = bus.channel.listen((bus.topic, self._own))
        self._next = bus.clock()
        self._number = 0
        #: When the beats were sent that were not heard yet.
        self._sent: dict[int, float] = {}
        #: The last number of each sender.
        self._last: dict[str, int] = {}

    def hear(self, seconds: float) -> Iterable[Heard]:
        now = self._bus.clock()
        if now >= self._next:
            self._bus.settle()
            self._number += 1
            self._sent[self._number] = now
            self._next = now + BEAT
            beat = _encode(_Beat(self._id, self._number))
            self._bus.beat(self._own if self._number > 1 else self._bus.topic, beat)
        for message in self._ears.receive(max(0.0, min(seconds, self._next - self._bus.clock()))):
            heard = self._read(message)
            if heard is not None:
                yield heard

    def close(self) -> None:
        self._ears.close()

    def _read(self, message: bytes) -> Heard | None:
        try:
            read = _read.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Another version's, perhaps: it may have been anything.
            return EVERYTHING
        if isinstance(read, _Told):
            follows = self._follows(read)
            return Invalidation(read.principal, read.group, read.resource) if follows else EVERYTHING
        sent = self._sent.pop(read.number, None) if read.line == self._id else None
        return None if sent is None else Alive(sent)

    def _follows(self, told: _Told) -> bool:
        """Whether this comes right after the last of its sender. Of a new sender nothing that concerns us can be missing."""
        last = self._last.pop(told.sender, None)
        if last is None and len(self._last) >= SENDERS:
            del self._last[next(iter(self._last))]
        self._last[told.sender] = told.number
        return last is None or told.number == last + 1
