"""The second level: facts that the processes of a deployment share through Redis or Valkey.

Keys, of which the namespace is the first part, and the issuer of a principal is readable:

``NAMESPACE:generation``
    Random text. Whatever was stored under another one is out of date.
``NAMESPACE:facts:ISSUER:DIGEST``
    A hash for each principal: its own generation, and a field for each fact. It begins with the first question and
    ends after :data:`LIFETIME`, however much it is used, so that it cannot grow without end.

A generation begins with the server's ``run_id``. A server that was started anew, perhaps with data of the past,
so has none that counts; a replica that was promoted neither.

*Reading* gives the principal's generation and the facts in one atomic step, and makes a generation where there is
none that counts. *Writing* has to show the generation that was read before the facts were fetched, and stores
nothing when it is not the same any more. *Forgetting* deletes: the hash of a principal, or else the
namespace's generation. What is missing, evicted or flushed equals nothing. So nothing that was fetched before an
invalidation is found after it, whatever happens meanwhile.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from cartaguard import events
from cartaguard.caches import wire
from cartaguard.caches.entry import Entry, Key
from cartaguard.caches.invalidation import Invalidation
from cartaguard.caches.redis import Connections
from cartaguard.drivers.breaker import Breaker
from cartaguard.drivers.effects import Call, Steps
from cartaguard.errors import TransportError
from cartaguard.model.health import Condition

__all__ = ["FIELDS", "LIFETIME", "Page", "RedisStore", "Store"]

#: Seconds for which the facts of a principal are kept together, from the first one on.
LIFETIME = 300.0

#: How many facts of a principal are kept.
FIELDS = 4096

#: Seconds to wait before what is owed is tried again, after the first, second, … failure in a row.
_SETTLING = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

#: How many are asked for, or stored, at once; others are not shared.
_AT_ONCE = 500

_CURRENT = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local current = redis.call('GET', KEYS[1])
if not run then return redis.error_reply('ERR no run_id') end
"""

# ARGV: random text; "1" to make everything out of date; milliseconds; the fields.
_READ = (
    _CURRENT
    + """
if ARGV[2] == '1' or not current or string.sub(current, 1, #run + 1) ~= run .. ':' then
    current = run .. ':' .. ARGV[1]
    redis.call('SET', KEYS[1], current)
end
local own = redis.call('HGET', KEYS[2], 'generation')
if own and string.sub(own, 1, #current + 1) == current .. ':' then
    return {own, redis.call('HMGET', KEYS[2], unpack(ARGV, 4))}
end
own = current .. ':' .. ARGV[1]
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'generation', own)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {own, {}}
"""
)

# ARGV: the generation that was read; how many fields there may be; fields and values in turn.
_WRITE = (
    _CURRENT
    + """
local own = redis.call('HGET', KEYS[2], 'generation')
if not current or string.sub(current, 1, #run + 1) ~= run .. ':' then return 0 end
if own ~= ARGV[1] or string.sub(own, 1, #current + 1) ~= current .. ':' then return 0 end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
return 1
"""
)


class Page(NamedTuple):
    """What was found of a principal (issuer, subject), and what has to be shown to add to it."""

    who: tuple[str, str]
    generation: bytes
    entries: Mapping[Key, Entry]


class Store(Protocol):
    """What processes share. None of its steps raises: what it cannot do is as if it were not there."""

    def read(self, source: str, keys: Iterable[Key]) -> Steps[list[Page]]:
        """What is stored, however old, for each principal; where there is no page nothing may be added.

        :param source: what gives the facts: the same where the same question has the same answer.
        """
        ...

    def write(self, source: str, pages: Iterable[Page], entries: Mapping[Key, Entry]) -> Steps[None]:
        """Add what was fetched after the pages had been read, unless something was invalidated since."""
        ...

    def forget(self, invalidation: Invalidation) -> Steps[bool]:
        """Make out of date what an invalidation may bear on; whether it is done. If not, it will be, before anything is read."""
        ...

    def settle(self) -> bool:
        """Do what is still to be forgotten, blocking; whether nothing is left."""
        ...

    def distrust(self) -> None:
        """Read nothing any more that was stored before now: what it bears on may have been invalidated where nothing could be told."""
        ...

    def health(self) -> Condition:
        """How it is, at once and without I/O."""
        ...

    def probe(self) -> Steps[None]:
        """Find out whether it answers, for :meth:`health` to tell. Raises nothing."""
        ...

    def close(self) -> None: ...


class RedisStore(Store):
    """Facts in Redis or Valkey.

    :param connections: the connections to use.
    :param namespace: what all keys begin with.
    :param lifetime: seconds for which the facts of a principal are kept together.
    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        namespace: str = "cartaguard",
        lifetime: float = LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = connections.source
        self._connections = connections
        self._namespace = namespace
        self._lifetime = str(int(lifetime * 1000))
        self._breaker = Breaker()
        self._down = False
        #: How many invalidations did not arrive, and up to which of them that was made good: until it is, nothing may be used.
        self._failures = self._settled = 0
        # Others go on reading until what is owed is done: that is tried sooner than a question that only reads.
        self._settling = Breaker(clock, waits=_SETTLING)

    def read(self, source: str, keys: Iterable[Key]) -> Steps[list[Page]]:
        asked: dict[tuple[str, str], list[Key]] = {}
        for key in keys:
            asked.setdefault((key[0], key[1]), []).append(key)
        pages = []
        for who, theirs in asked.items():
            page = yield from self._read(source, who, theirs)
            if page is not None:
                pages.append(page)
        return pages

    def write(self, source: str, pages: Iterable[Page], entries: Mapping[Key, Entry]) -> Steps[None]:
        for page in pages:
            yield from self._write(source, page, {key: entry for key, entry in entries.items() if (key[0], key[1]) == page.who})

    def _read(self, source: str, who: tuple[str, str], keys: Sequence[Key]) -> Steps[Page | None]:
        questions = {key: asked for key in keys[:_AT_ONCE] if (asked := wire.question(source, key)) is not None}
        name = self._name(who)
        if not questions or name is None:
            return None
        failures = self._failures
        fresh = (secrets.token_hex(16), "0" if failures == self._settled else "1", self._lifetime)
        answer = yield from self._run(_READ, name, (*fresh, *(asked.digest for asked in questions.values())))
        match answer:
            case [bytes() as generation, list() as values] if len(values) in (0, len(questions)):
                self._settled = failures
            case _:
                return None
        entries: dict[Key, Entry] = {}
        for (key, asked), value in zip(questions.items(), values, strict=False):
            if value is not None:
                entry = wire.read(asked, value) if isinstance(value, bytes) else None
                if entry is None:
                    events.emit("answer_malformed", source=self.source)
                else:
                    entries[key] = entry
        return Page(who, generation, entries)

    def _write(self, source: str, page: Page, entries: Mapping[Key, Entry]) -> Steps[None]:
        given: list[bytes] = []
        for key, entry in entries.items():
            asked = wire.question(source, key)
            value = None if asked is None else wire.write(asked, entry)
            if asked is not None and value is not None and len(given) < 2 * _AT_ONCE:
                given += (asked.digest, value)
        name = self._name(page.who)
        if given and name is not None:
            yield from self._run(_WRITE, name, (page.generation, str(FIELDS), *given))

    def forget(self, invalidation: Invalidation) -> Steps[bool]:
        name = None if invalidation.only is None else self._name(invalidation.only)
        key = self._generation if name is None else name
        done = False
        try:
            if not self._breaker.allow():
                yield Call(
                    lambda: self._connections.call(lambda client: client.delete(key)),
                    lambda: self._connections.acall(lambda client: client.delete(key)),
                )
                done = True
                self._answered()
        except TransportError:
            self._failed()
        finally:
            # Also where the caller was cancelled meanwhile.
            if not done:
                self._failures += 1
        return done

    def settle(self) -> bool:
        failures = self._failures
        if failures != self._settled and not self._settling.allow():
            try:
                self._connections.call(lambda client: client.delete(self._generation))
            except TransportError:
                self._failed()
                self._settling.failure()
            else:
                self._answered()
                self._settled = failures
                self._settling.success()
        return self._settled == self._failures

    def distrust(self) -> None:
        self._failures += 1

    def health(self) -> Condition:
        if self._breaker.failing:
            return Condition("cache", self.source, "left_alone", "down", retry_after=self._breaker.wait())
        return Condition("cache", self.source, "ok" if self._breaker.answered else "unknown")

    def probe(self) -> Steps[None]:
        if self._breaker.allow():
            return
        try:
            yield Call(
                lambda: self._connections.call(lambda client: client.ping()),
                lambda: self._connections.acall(lambda client: client.ping()),
            )
        except TransportError:
            self._failed()
        else:
            self._answered()

    def close(self) -> None:
        self._connections.close()

    @property
    def _generation(self) -> str:
        return f"{self._namespace}:generation"

    def _name(self, who: tuple[str, str]) -> str | None:
        """The key of a principal."""
        issuer, subject = who
        try:
            # The length tells where the issuer ends.
            digest = sha256(f"{len(issuer)}:{issuer}{subject}".encode()).hexdigest()
            return f"{self._namespace}:facts:{quote(issuer, safe='')}:{digest}"
        except UnicodeEncodeError:
            return None

    def _run(self, script: str, name: str, args: Sequence[Any]) -> Steps[Any]:
        """Run a script on a principal's key; ``None`` when it cannot be run."""
        if self._breaker.allow():
            return None
        keys = (self._generation, name)
        try:
            answer = yield Call(
                lambda: self._connections.call(lambda client: client.register_script(script)(keys=keys, args=args)),
                lambda: self._connections.acall(lambda client: client.register_script(script)(keys=keys, args=args)),
            )
        except TransportError:
            self._failed()
            return None
        self._answered()
        return answer

    def _failed(self) -> None:
        self._breaker.failure()
        if not self._down:
            self._down = True
            events.emit("cache_down", source=self.source)

    def _answered(self) -> None:
        self._breaker.success()
        if self._down:
            self._down = False
            events.emit("cache_back", source=self.source)
