"""SharedCache: what the processes of a deployment have in common. Give one to a guard.

A process remembers facts by itself, whether there is one of these or not. With it, a fact that one process has
fetched serves the others too (the *store*), and what one process is told to forget the others forget too (the *bus*).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cartaguard.caches.bus import Bus, Channel
from cartaguard.caches.invalidation import Invalidation
from cartaguard.caches.store import Store
from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError
from cartaguard.model.health import Condition

__all__ = ["NAMESPACE", "SharedCache"]

#: What keys and channels are named after unless told otherwise.
NAMESPACE = "cartaguard"

_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class SharedCache:
    """A bus, and perhaps a store. Use :meth:`redis` or :meth:`postgres`.

    :param bus: tells other processes what to forget.
    :param store: keeps facts for other processes.
    """

    def __init__(self, *, bus: Bus, store: Store | None = None) -> None:
        self.bus = bus
        self.store = store
        if store is not None:
            bus.first = store.settle
            bus.distrust = store.distrust

    @classmethod
    def redis(cls, url: str, *, namespace: str = NAMESPACE, bus: str | None = None) -> SharedCache:
        """Facts in Redis or Valkey, and its publish/subscribe as the bus.

        :param url: ``redis://[user:password@]host[:port][/database]``, or ``rediss://`` for TLS.
        :param namespace: processes share what is in one. Give each deployment its own, and its guards the same settings.
        :param bus: the address of a PostgreSQL to be the bus instead.
        :raises cartaguard.errors.ConfigurationError: for an address or a namespace that is none, or without redis-py.
        """
        from cartaguard.caches.redis import Connections, RedisChannel
        from cartaguard.caches.store import RedisStore

        name, connections = _name(namespace), Connections(url)
        channel = RedisChannel(connections) if bus is None else _postgres(bus)
        return cls(bus=Bus(channel, namespace=name), store=RedisStore(connections, namespace=name))

    @classmethod
    def postgres(cls, url: str, *, namespace: str = NAMESPACE) -> SharedCache:
        """PostgreSQL's LISTEN and NOTIFY as the bus; facts are kept in the memory of each process alone.

        :param url: ``postgresql://[user:password@]host[:port]/database``: of the server itself, or of a pooler that
            pools sessions, not transactions.
        :raises cartaguard.errors.ConfigurationError: for an address or a namespace that is none, or without psycopg.
        """
        return cls(bus=Bus(_postgres(url), namespace=_name(namespace)))

    def tell(self, invalidation: Invalidation, forget: Callable[[], object]) -> Steps[None]:
        """Make others forget. Raises nothing: what cannot be told now is told as "everything" once it can be.

        :param forget: forgets it in this process. The caller has done so already; what was read from the store
            meanwhile has to go too.
        """
        if self.store is not None:
            done = False
            try:
                done = yield from self.store.forget(invalidation)
            finally:
                if not done:
                    # Whoever is told now may read it again: all have to be told once more when it is gone.
                    self.bus.owe()
            forget()
        yield from self.bus.tell(invalidation)

    def health(self) -> list[Condition]:
        """How bus and store are, at once and without I/O."""
        bus = self.bus.health()
        if self.store is None:
            return [bus]
        store = self.store.health()
        if bus.level != "ok" and store.level == "ok":
            store = Condition("cache", store.source, "unused", "down")
        return [bus, store]

    def probe(self) -> Steps[None]:
        """Find out whether the store answers. The bus knows by itself: its messages prove it, or do not come."""
        if self.store is not None:
            yield from self.store.probe()

    def close(self) -> None:
        """End listening, and give back the connections. Facts are remembered no more by guards that still use it."""
        self.bus.close()
        if self.store is not None:
            self.store.close()

    def __repr__(self) -> str:
        return f"SharedCache({self.bus.source!r}, namespace={self.bus.namespace!r})"


def _postgres(url: str) -> Channel:
    from cartaguard.caches.postgres import PostgresChannel

    return PostgresChannel(url)


def _name(namespace: str) -> str:
    if not _NAMES.fullmatch(namespace):
        raise ConfigurationError(
            f"`{namespace}` is no namespace: it is letters, digits, dots, dashes and underscores, 32 at most", code="bad_value"
        )
    return namespace
