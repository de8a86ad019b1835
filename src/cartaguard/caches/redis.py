"""Redis or Valkey: the connections of a process, and the channel of the bus.

What is done with a server is bounded: it answers within :data:`TIMEOUT`, nothing is tried twice, and whatever
goes wrong is a :class:`~cartaguard.errors.TransportError`. A blocking client belongs to one process, an
asynchronous one to one event loop; both are made anew after a fork.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakKeyDictionary, WeakSet

from cartaguard.caches.bus import Channel, Ears
from cartaguard.caches.listener import Lost
from cartaguard.errors import ConfigurationError, TransportError

__all__ = ["TIMEOUT", "Connections", "RedisChannel", "aclose"]

T = TypeVar("T")

#: Seconds for connecting, and for one answer. What takes longer is slower than the source that a cache is to spare.
TIMEOUT = 0.3

#: What an URL may ask for beyond the address. Anything else could undo what is relied on here.
_OPTIONS = frozenset({"protocol", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})

_all: WeakSet[Connections] = WeakSet()


class Connections:
    """The connections of a process to one server.

    :param url: ``redis://[user:password@]host[:port][/database]``, or ``rediss://`` for TLS. With ``?protocol=2`` the
        older protocol is spoken; ``ssl_ca_certs``, ``ssl_certfile`` and ``ssl_keyfile`` name files.
    :param timeout: seconds for connecting, and for one answer.
    :raises cartaguard.errors.ConfigurationError: for another address or option, or without redis-py.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self.source = _checked(url)
        self._url = url
        self._timeout = timeout
        try:
            import redis
        except ImportError:
            raise ConfigurationError("Redis needs redis-py; `pip install cartaguard[redis]`", code="missing_extra") from None
        # Also what its sockets raise, and what only shows in an answer: garbage, a reply to another question.
        self._faults = (redis.RedisError, OSError, ValueError, IndexError, TypeError)
        self._lock = threading.Lock()
        self._blocking: tuple[int, Any] | None = None
        self._per_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, Any]] = WeakKeyDictionary()
        _all.add(self)

    def call(self, command: Callable[[Any], T]) -> T:
        """Do something with the blocking client."""
        try:
            return command(self.client())
        except self._faults as fault:
            raise self._fault(fault) from None

    async def acall(self, command: Callable[[Any], Awaitable[T]]) -> T:
        """Do something with the client of the running event loop."""
        try:
            # Connecting is several answers long.
            async with asyncio.timeout(4 * self._timeout):
                return await command(self._aclient())
        except self._faults as fault:
            raise self._fault(fault) from None

    def client(self) -> Any:
        """The blocking client of this process."""
        import redis

        held = self._blocking
        if held is None or held[0] != os.getpid():
            # A race makes two, and one of them is used no more.
            held = self._blocking = (os.getpid(), redis.Redis.from_url(self._url, **_options(redis, self._timeout)))
        return held[1]

    def _aclient(self) -> Any:
        import redis.asyncio

        loop, pid = asyncio.get_running_loop(), os.getpid()
        held = self._per_loop.get(loop)
        if held is None or held[0] != pid:
            held = self._per_loop[loop] = (pid, redis.asyncio.Redis.from_url(self._url, **_options(redis.asyncio, self._timeout)))
        return held[1]

    def close(self) -> None:
        """Give the blocking connections back; those of an event loop go with it."""
        held, self._blocking = self._blocking, None
        if held is not None and held[0] == os.getpid():
            held[1].close()

    async def aclose(self) -> None:
        """Give back the connections of the running event loop."""
        held = self._per_loop.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[1].aclose()

    def _fault(self, fault: Exception) -> TransportError:
        # Its own words may hold what is nobody's business.
        return TransportError(f"`{self.source}` gave no usable answer ({type(fault).__name__})")

    def __repr__(self) -> str:
        return f"Connections({self.source!r})"


class RedisChannel(Channel):
    """Pub/sub. Messages are not scoped by database number, and not kept for who is away."""

    limit = 1 << 20

    def __init__(self, connections: Connections) -> None:
        self.source = connections.source
        self._connections = connections

    def listen(self, topics: Sequence[str]) -> Ears:
        return self._connections.call(lambda client: _Subscription(client, topics))

    def publish(self, topic: str, message: bytes) -> None:
        self._connections.call(lambda client: client.publish(topic, message))

    async def apublish(self, topic: str, message: bytes) -> None:
        await self._connections.acall(lambda client: client.publish(topic, message))

    def close(self) -> None:
        self._connections.close()


class _Subscription(Ears):
    """redis-py subscribes again, without a word, when a connection was lost, and what was sent meanwhile is gone.

    The one sign of it is a ``subscribe`` message beyond those that were asked for.
    """

    def __init__(self, client: Any, topics: Sequence[str]) -> None:
        self._expected = len(topics)
        self._pubsub = client.pubsub(ignore_subscribe_messages=False)
        try:
            self._pubsub.subscribe(*topics)
        except BaseException:
            self._pubsub.close()
            raise

    def receive(self, seconds: float) -> Iterable[bytes]:
        message = self._pubsub.get_message(timeout=seconds)
        while message is not None:
            match message["type"]:
                case "message":
                    yield message["data"]
                case "subscribe" if self._expected:
                    self._expected -= 1
                case "pong":
                    pass
                case _:
                    raise Lost(code="resubscribed")
            message = self._pubsub.get_message(timeout=0)

    def close(self) -> None:
        self._pubsub.close()


async def aclose() -> None:
    """Give back every connection of the running event loop."""
    for connections in tuple(_all):
        await connections.aclose()


def _options(module: Any, timeout: float) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.maint_notifications import MaintNotificationsConfig

    retry = module.retry.Retry
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": retry(NoBackoff(), 0),
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "decode_responses": False,
    }


def _checked(url: str) -> str:
    """The address without user and password, for events."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or port == 0 or parts.fragment:
        raise ConfigurationError("an address of Redis is `redis://host:port/database`, or `rediss://` for TLS", code="bad_value")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise ConfigurationError(
                f"an address of Redis takes no option `{name}`; it takes {', '.join(sorted(_OPTIONS))}", code="bad_value"
            )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
