"""A channel in memory that a test can break, for what is about the bus and not about what carries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from cartaguard.caches.bus import Channel, Ears
from cartaguard.errors import TransportError

__all__ = ["Wire"]


class _Ear(Ears):
    def __init__(self, wire: Wire, topics: Sequence[str]) -> None:
        self.topics = topics
        self.came: list[bytes] = []
        self._wire = wire

    def receive(self, seconds: float) -> Iterable[bytes]:
        self._wire.waited.append(seconds)
        came, self.came = self.came, []
        return came

    def close(self) -> None:
        self._wire.ears.remove(self)


class Wire(Channel):
    """Messages arrive at once, unless they are refused or lost."""

    source = "wire"
    limit = 400

    def __init__(self, *, asynchronous: bool = True) -> None:
        self.ears: list[_Ear] = []
        self.sent: list[tuple[str, bytes]] = []
        self.waited: list[float] = []
        self.refused: Exception | None = None
        self.refusals = 0
        self.loses = False
        self.closed = False
        self.apublish: Callable[[str, bytes], Awaitable[None]] | None = self._apublish if asynchronous else None

    def listen(self, topics: Sequence[str]) -> Ears:
        self.ears.append(_Ear(self, topics))
        return self.ears[-1]

    def publish(self, topic: str, message: bytes) -> None:
        if self.refused is not None:
            self.refusals += 1
            raise self.refused
        self.sent.append((topic, message))
        for ear in self.ears:
            if topic in ear.topics and not self.loses:
                ear.came.append(message)

    async def _apublish(self, topic: str, message: bytes) -> None:
        self.publish(topic, message)

    def refuse(self) -> None:
        """Publish nothing any more."""
        self.refused = TransportError("gone")

    def close(self) -> None:
        self.closed = True
