"""Key sets: where an issuer's public keys come from. Keys are found by their exact ``kid`` and never otherwise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, Protocol
from weakref import WeakValueDictionary

from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError
from cartaguard.events import emit
from cartaguard.http.urls import secure_url
from cartaguard.model.health import Condition
from cartaguard.tokens import strictjson
from cartaguard.tokens.document import Document, DocumentError
from cartaguard.tokens.jwk import SECRET, Check, Jwk, read_keys
from cartaguard.tokens.kept import KeptKeys, public_members
from cartaguard.tokens.refusals import refuse

__all__ = ["Found", "KeySet", "Keys", "RemoteKeys", "StaticKeys", "Watcher"]

#: Seconds for which a fetched key set is fresh.
TTL = 300.0

#: Seconds after the last good fetch until which a key set is used when it cannot be fetched anew.
STALE_IF_ERROR = 3600.0

#: Seconds between two fetches that an unknown ``kid`` causes.
UNKNOWN_KID_PAUSE = 30.0

#: How many unknown ``kid`` are remembered.
_UNKNOWN_BOUND = 256


class Watcher(Protocol):
    """Who remembers what was verified with a key set."""

    def forget(self) -> None:
        """The keys have changed: what was verified with the former ones is to be verified again."""


class Found(NamedTuple):
    """A key: what checks a signature, and for how many seconds the outcome may be remembered."""

    check: Check
    fresh: float


class KeySet:
    """The usable keys of one JWK set, by ``kid``."""

    __slots__ = ("_by_kid", "_checks", "document")

    def __init__(self, document: object, keys: list[Jwk]) -> None:
        self.document = document
        self._by_kid: dict[str, list[Jwk]] = {}
        for key in keys:
            self._by_kid.setdefault(key.kid, []).append(key)
        self._checks: dict[tuple[str, str], Check] = {}

    def check(self, kid: str, alg: str) -> Check | None:
        """What checks a signature by the one key with this ``kid`` that is for ``alg``. Two of them are none."""
        known = self._checks.get((kid, alg))
        if known is None:
            fitting = [key for key in self._by_kid.get(kid, ()) if alg in key.algorithms]
            if len(fitting) == 1:
                known = self._checks[kid, alg] = fitting[0].check(alg)
        return known


class Keys:
    """The base of every source of keys. Out of the box it knows none."""

    def find(self, kid: str, alg: str) -> Found | None:
        """The key at hand; ``None`` when it has to be looked for elsewhere first (:meth:`refresh`).

        :raises InvalidToken: ``unknown_key``, when there is no such key.
        :raises KeysUnavailable: when that cannot be known now.
        """
        raise refuse("unknown_key")

    def refresh(self, kid: str, alg: str) -> Steps[Found]:
        """Look for a key elsewhere. Raises what :meth:`find` raises."""
        raise refuse("unknown_key")

    def attach(self, clock: Callable[[], float], watcher: Watcher) -> None:
        """Called by each verifier that uses these keys, with its clock."""

    def keep(self, issuer: str, now: float) -> KeptKeys | None:
        """What to keep of them for another process; ``None`` where there is nothing to keep.

        :param now: seconds since 1970.
        """
        return None

    def seed(self, kept: KeptKeys, now: float) -> bool:
        """Begin with keys that another process fetched, at most an hour ago. They are fetched anew as if they were this one's.

        :param now: seconds since 1970.
        :return: whether they are used.
        """
        return False

    def health(self, issuer: str) -> Condition:
        """How the keys of an issuer are, at once and without I/O."""
        return Condition("keys", issuer, "unknown")

    def probe(self) -> Steps[None]:
        """Fetch them, for :meth:`health` to tell. Raises nothing for an outage."""
        yield from ()


class StaticKeys(Keys):
    """Keys that are given and never change.

    :param jwks: a JWK set (RFC 7517 section 5): a mapping with a list ``keys``, or JSON text of it. A key that
        breaks a rule of :func:`cartaguard.tokens.jwk.read_key` is skipped, and logged.
    :raises ConfigurationError: when it is no JWK set.
    """

    def __init__(self, jwks: Mapping[str, Any] | str | bytes) -> None:
        document: object = jwks
        if isinstance(jwks, (str, bytes)):
            document = _read(jwks.encode(errors="surrogatepass") if isinstance(jwks, str) else jwks)
        keys = read_keys(document, "static keys")
        if keys is None:
            raise ConfigurationError('the key set is no JWK set; give a mapping with a list, `{"keys": […]}`', code="bad_key_set")
        self._keyset = KeySet(document, keys)
        self._found: dict[tuple[str, str], Found] = {}

    def find(self, kid: str, alg: str) -> Found:
        found = self._found.get((kid, alg))
        if found is None:
            check = self._keyset.check(kid, alg)
            if check is None:
                raise refuse("unknown_key")
            found = self._found[kid, alg] = Found(check, math.inf)
        return found

    def health(self, issuer: str) -> Condition:
        return Condition("keys", issuer, "fresh")


class RemoteKeys(Keys):
    """Keys that an issuer publishes, fetched when they are needed.

    A set is fresh for ``ttl`` seconds; when it cannot be fetched anew it is used for at most an hour from its
    fetch. An unknown ``kid`` causes at most one fetch in 30 s, whoever sends it.

    :param url: the address of the JWK set: https, or http on this machine.
    :param http: a client of your own (httpx, httpx2 or anything with their ``get``); by default one is made.
    :param ttl: seconds, more than 0 and at most an hour.
    :param clock: seconds that only grow; by default the verifier's clock, or the monotonic one if that is
        ``time.time``, which may be set back.
    :raises ConfigurationError: for an address that is not secure, or a ``ttl`` out of range.
    """

    def __init__(self, url: str, *, http: Any = None, ttl: float = TTL, clock: Callable[[], float] | None = None) -> None:
        if not 0 < ttl <= STALE_IF_ERROR:
            raise ConfigurationError(f"`ttl` is {ttl}; give more than 0 and at most {STALE_IF_ERROR:g} seconds", code="bad_ttl")
        self.url = secure_url(url, "jwks_uri")
        self._document = Document(self.url, http=http, clock=self._now, take=self._take, usable=lambda: self._is_within(STALE_IF_ERROR))
        self._ttl = ttl
        self._clock = clock
        self._current: tuple[KeySet, float] | None = None
        self._unknown: dict[tuple[str, str], float] = {}
        self._asked_for_unknown = -math.inf
        # By identity, since this can be gone through while another thread adds to it.
        self._watchers: WeakValueDictionary[int, Watcher] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"RemoteKeys({self.url!r})"

    def attach(self, clock: Callable[[], float], watcher: Watcher) -> None:
        if self._clock is None:
            self._clock = time.monotonic if clock is time.time else clock
        self._watchers[id(watcher)] = watcher

    def find(self, kid: str, alg: str) -> Found | None:
        found = self._known(kid, alg)
        if found is not None and found.fresh > 0:
            return found
        if self._is_wanted(kid, alg):
            return None
        if found is not None:
            return found
        if self._document.failed or not self._is_within(STALE_IF_ERROR):
            self._doubt()
        emit("unknown_key_suppressed", source=self.url)
        raise refuse("unknown_key")

    def refresh(self, kid: str, alg: str) -> Steps[Found]:
        late = self._document.under_way
        anew = yield from self._fetch(kid, alg)
        if late and anew and self._known(kid, alg) is None and self._may_ask_for(kid, alg):
            # The key may have been published after the fetch that this call waited for had begun.
            anew = yield from self._fetch(kid, alg)
        found = self._known(kid, alg)
        if found is None and not anew:
            # Who came too late for another's fetch takes its outcome; a failed or interrupted one is in doubt.
            found = self.find(kid, alg) or self._doubt()
        if found is not None:
            return found
        if len(self._unknown) >= _UNKNOWN_BOUND:
            self._unknown.clear()
        self._unknown[kid, alg] = self._now()
        raise refuse("unknown_key")

    def _doubt(self) -> NoReturn:
        raise self._document.unavailable()

    def _fetch(self, kid: str, alg: str) -> Steps[bool]:
        return self._document.fetch(lambda: self._is_wanted(kid, alg), self._unknown_asked if self._is_within(self._ttl) else None)

    def _is_wanted(self, kid: str, alg: str) -> bool:
        """Whether a fetch is what this key needs now: it is not at hand and fresh, and may be asked for."""
        found = self._known(kid, alg)
        if found is not None and found.fresh > 0:
            return False
        return not self._document.pause() and (not self._is_within(self._ttl) or self._may_ask_for(kid, alg))

    def health(self, issuer: str) -> Condition:
        if self._current is None:
            return self._document.health(issuer)
        age = self._now() - self._current[1]
        if 0 <= age < self._ttl:
            return Condition("keys", issuer, "fresh", age=age)
        if not self._document.failed:
            # No token has come for a while, and the next one has it fetched.
            return Condition("keys", issuer, "idle", age=age)
        usable = 0 <= age <= STALE_IF_ERROR
        state, retry_after = ("stale" if usable else "unavailable"), self._document.pause()
        return Condition("keys", issuer, state, "degraded" if usable else "down", age, retry_after)

    def probe(self) -> Steps[None]:
        if not self._document.pause():
            yield from self._document.fetch()

    def keep(self, issuer: str, now: float) -> KeptKeys | None:
        if self._current is None or not self._is_within(STALE_IF_ERROR):
            return None
        keyset, fetched_at = self._current
        return KeptKeys(issuer, now - (self._now() - fetched_at), public_members(keyset.document, SECRET))

    def seed(self, kept: KeptKeys, now: float) -> bool:
        # A clock that was set back tells no age.
        age = now - kept.fetched_at
        document = _read(kept.document)
        keys = read_keys(document, self.url)
        if self._current is not None or not 0 <= age <= STALE_IF_ERROR or not keys:
            return False
        self._current = (KeySet(document, keys), self._now() - age)
        return True

    def _known(self, kid: str, alg: str) -> Found | None:
        """The key in the current set, unless that is too old even for an emergency. A stale one is fresh for no time."""
        current = self._current
        if current is None:
            return None
        keyset, fetched_at = current
        age = self._now() - fetched_at
        # Of a clock that was set back nobody knows what it would show by now: the set is to be fetched anew.
        check = keyset.check(kid, alg) if 0 <= age <= STALE_IF_ERROR else None
        return None if check is None else Found(check, max(self._ttl - age, 0.0))

    def _is_within(self, age: float) -> bool:
        current = self._current
        return current is not None and 0 <= self._now() - current[1] < age

    def _may_ask_for(self, kid: str, alg: str) -> bool:
        """Whether an unknown ``kid`` is worth a fetch: nobody asked for one lately, and this one was not missing lately."""
        now = self._now()
        asked, missing = now - self._asked_for_unknown, now - self._unknown.get((kid, alg), -math.inf)
        return not 0 <= asked < UNKNOWN_KID_PAUSE and not 0 <= missing < self._ttl

    def _unknown_asked(self) -> None:
        self._asked_for_unknown = self._now()

    def _take(self, body: bytes) -> None:
        document = _read(body)
        current = self._current
        if current is not None and document == current[0].document:
            self._current = (current[0], self._now())
            return
        keys = read_keys(document, self.url)
        if keys is None:
            raise DocumentError("it is no JWK set in strict JSON")
        if current is not None:
            emit("keys_changed", source=self.url, keys=len(keys))
        self._current = (KeySet(document, keys), self._now())
        for watcher in [watcher for reference in self._watchers.valuerefs() if (watcher := reference()) is not None]:
            watcher.forget()

    def _now(self) -> float:
        return (self._clock or time.monotonic)()


def _read(text: bytes) -> object:
    """The value of a strict JSON text; ``None`` for any other."""
    try:
        return strictjson.read(text)
    except strictjson.JsonError:
        return None
