"""The issuer behind a Carta server, which is asked for it when a token first comes.

The answer to an anonymous ``GET {host}/auth`` names region, user pool and client; the issuer and its key set
follow from these. What was found is kept; a pool does not change under a running server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError
from cartaguard.http.urls import is_loopback, secure_url
from cartaguard.model.health import Condition
from cartaguard.tokens import strictjson
from cartaguard.tokens.document import Document, DocumentError
from cartaguard.tokens.issuer import Issuer
from cartaguard.tokens.kept import LOGIN_MEMBERS, KeptKeys
from cartaguard.tokens.keys import Keys, RemoteKeys, Watcher
from cartaguard.tokens.pool import Pool

__all__ = ["CartaIssuer"]

_NOBODY = "not yet known"


class CartaIssuer(Issuer):
    """An issuer that is not known before :meth:`resolve` has asked for it; until then it accepts nothing.

    ``name`` is the server's address. See :meth:`cartaguard.Issuer.carta` for the parameters.
    """

    __slots__ = ("_attached", "_clock", "_document", "_http", "_login", "_named", "_seeded", "found")

    def __init__(
        self, host: str, *, client_ids: Iterable[str] | None, token_use: Iterable[str], algorithms: Iterable[str], http: Any
    ) -> None:
        base = secure_url(host, "host").rstrip("/")
        self._named = client_ids is not None
        super().__init__(
            base, client_ids=[_NOBODY] if client_ids is None else client_ids, keys=Keys(), token_use=token_use, algorithms=algorithms
        )
        self._http = http
        self._clock: Callable[[], float] | None = None
        self._attached: list[tuple[Callable[[], float], Watcher]] = []
        self._document = Document(f"{base}/auth", http=http, clock=self._now, take=self._take)
        #: What the server said of its user pool, and the issuer that another process found by it.
        self._login = b""
        self._seeded: Issuer | None = None
        #: The issuer, once it is known.
        self.found: Issuer | None = None

    def attach(self, clock: Callable[[], float], watcher: Watcher) -> None:
        if self._clock is None:
            self._clock = time.monotonic if clock is time.time else clock
        if self.found is None:
            self._attached.append((clock, watcher))
        # Not otherwise: it may have been found by another thread just now, which did not see this one.
        for known in (self.found, self._seeded):
            if known is not None:
                known.attach(clock, watcher)

    def resolve(self) -> Steps[Issuer]:
        """The issuer, asked for if need be.

        :raises KeysUnavailable: when the server does not answer, or not with what belongs there.
        """
        if self.found is None:
            yield from self._document.fetch(lambda: self.found is None)
        # In this order: whoever finds one takes the other away after that. As long as there is none the server is asked
        # again, for it may have another pool since.
        seeded, found = self._seeded, self.found
        issuer = found or seeded
        if issuer is None:
            raise self._document.unavailable()
        return issuer

    def keep(self, now: float) -> KeptKeys | None:
        kept = None if self.found is None else self.found.keep(now)
        return None if kept is None else kept._replace(issuer=self.name, login=self._login)

    def seed(self, kept: KeptKeys, now: float) -> bool:
        if self.found is not None:
            return False
        try:
            self._seeded = self._issuer_in(kept.login)
        except DocumentError:
            return False
        for clock, watcher in self._attached:
            self._seeded.attach(clock, watcher)
        if not self._seeded.seed(kept, now):
            self._seeded = None
        return self._seeded is not None

    def health(self) -> Condition:
        if self.found is not None:
            return self.found.health()
        condition, kept = self._document.health(self.name), None if self._seeded is None else self._seeded.health()
        if kept is None or kept.level == "down":
            return condition
        return condition._replace(state="stale", level="degraded", age=kept.age)

    def probe(self) -> Steps[None]:
        if self.found is None and not self._document.pause():
            yield from self._document.fetch()
        if self.found is not None:
            yield from self.found.probe()

    def _take(self, body: bytes) -> None:
        found, seeded = self._issuer_in(body), self._seeded
        same = seeded is not None and _known_as(seeded) == _known_as(found)
        if seeded is not None and same:
            # With the keys that it was seeded with.
            found = seeded
        watchers = tuple(self._attached)
        for clock, watcher in watchers:
            found.attach(clock, watcher)
        self._login = json.dumps({name: told for name, told in _object(body).items() if name in LOGIN_MEMBERS}).encode()
        self.found, self._seeded = found, None
        while self._attached:
            found.attach(*self._attached.pop())
        if seeded is not None and not same:
            # It is another pool than the one whose tokens were verified so far.
            for _, watcher in watchers:
                watcher.forget()

    def _issuer_in(self, body: bytes) -> Issuer:
        """The issuer that follows from what the server says.

        :raises DocumentError: none does.
        """
        try:
            return self._read(_object(body))
        except ConfigurationError as fault:
            # Not the fault's own words, which repeat what the server has sent.
            raise DocumentError(f"it names no issuer that can be used ({fault.code})") from None

    def _read(self, answer: dict[str, Any]) -> Issuer:
        # What is missing is `None`, which is refused where it is used as anything else is that is no text.
        told: Callable[[str], Any] = answer.get
        # An embedded Carta has an issuer and keys of its own and says so. It is believed only on this machine:
        # a server elsewhere that could name any issuer would decide who everybody is, where today a mistaken or
        # subverted answer can at worst name another pool of AWS.
        if is_loopback(urlsplit(self.name).hostname or "") and ("issuer" in answer or "jwksUri" in answer):
            issuer, jwks_uri = told("issuer"), told("jwksUri")
        else:
            pool = Pool(told("region"), told("userPoolId"))
            issuer, jwks_uri = pool.issuer, pool.jwks_uri
        clients = self.client_ids if self._named else [told("userPoolWebClientId")]
        keys = RemoteKeys(jwks_uri, http=self._http)
        return Issuer(issuer, client_ids=clients, keys=keys, token_use=self.token_use, algorithms=self.algorithms)

    def _now(self) -> float:
        return (self._clock or time.monotonic)()


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = strictjson.read(body)
    except strictjson.JsonError:
        answer = None
    if not isinstance(answer, dict):
        raise DocumentError("it is no JSON object")
    return answer


def _known_as(issuer: Issuer) -> tuple[object, ...]:
    return (issuer.name, issuer.client_ids, repr(issuer.keys))
