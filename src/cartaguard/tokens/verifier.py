"""TokenVerifier: the order in which a token is checked, and the two ways to have it done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from cartaguard.drivers import blocking
from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError, KeysUnavailable
from cartaguard.model.health import Condition
from cartaguard.model.principal import Principal
from cartaguard.tokens import compact
from cartaguard.tokens.cache import Shelf, TokenCache
from cartaguard.tokens.carta import CartaIssuer
from cartaguard.tokens.claims import SignedClaims, check
from cartaguard.tokens.compact import Compact, Header
from cartaguard.tokens.credential import HeaderValue, bearer_token, octets
from cartaguard.tokens.issuer import Issuer
from cartaguard.tokens.kept import KeptKeys
from cartaguard.tokens.keys import Found, Keys
from cartaguard.tokens.principal import principal_of
from cartaguard.tokens.refusals import refuse

__all__ = ["TokenVerifier"]

#: The largest leeway, in seconds.
MAX_LEEWAY = 30.0

#: How many headers are remembered. An issuer signs with very few.
_HEADERS_BOUND = 256


#: What a token says, and for how many seconds its key is fresh.
_Verified: TypeAlias = tuple[SignedClaims, float]


class TokenVerifier:
    """Verifies tokens of some issuers.

    :param issuers: at least one :class:`~cartaguard.Issuer`, no name twice. A token's ``iss`` chooses the issuer;
        everything else is then checked against that one alone.
    :param leeway: seconds by which clocks may differ, from 0 to 30.
    :param clock: seconds since 1970.
    :param max_tokens: how many verified tokens are remembered.
    :raises ConfigurationError: when any of these is not so.

    ``cached(value)`` is the fast path of a gate: the principal for a whole ``Authorization`` value (bytes) if it
    was verified before and would be verified again now, else ``None``.
    """

    def __init__(
        self, issuers: Iterable[Issuer], *, leeway: float = 30, clock: Callable[[], float] = time.time, max_tokens: int = 10_000
    ) -> None:
        self._issuers = tuple(issuers)
        if not self._issuers:
            raise ConfigurationError("a verifier has no issuer, so that no token could be accepted; give one", code="no_issuer")
        if not 0 <= leeway <= MAX_LEEWAY:
            raise ConfigurationError(f"`leeway` is {leeway}; give 0 to {MAX_LEEWAY:g} seconds", code="bad_leeway")
        if max_tokens < 0:
            raise ConfigurationError(f"`max_tokens` is {max_tokens}; give 0 or more", code="bad_max_tokens")
        self._by_name: dict[str, Issuer] = {}
        self._cartas: list[CartaIssuer] = []
        for issuer in self._issuers:
            if issuer.name in self._by_name:
                raise ConfigurationError(f"the issuer `{issuer.name}` is given twice; give all its clients at once", code="repeated_issuer")
            self._by_name[issuer.name] = issuer
        for issuer in self._issuers:
            if isinstance(issuer, CartaIssuer):
                # It is known by its address for now, which no token may name.
                del self._by_name[issuer.name]
                self._cartas.append(issuer)
        self._leeway = leeway
        self._clock = clock
        self._headers: dict[bytes, Header] = {}
        self._cache = TokenCache(max_tokens, clock)
        self.cached: Callable[[HeaderValue], Principal | None] = self._cache.get
        for issuer in self._issuers:
            issuer.attach(clock, self)

    @property
    def issuers(self) -> tuple[str, ...]:
        """The names of the issuers; of a Carta server whose issuer is asked for later, the server's address."""
        return tuple(issuer.name for issuer in self._issuers)

    def __repr__(self) -> str:
        return f"<TokenVerifier of {', '.join(self.issuers)}>"

    # -- tokens

    def verify(self, token: str | bytes) -> SignedClaims:
        """Verify a token and return what it says.

        :param token: the compact form, as it stands behind ``Bearer``.
        :raises InvalidToken: when a rule refuses it; ``code`` says which (:data:`cartaguard.tokens.refusals.TOKEN_REFUSALS`).
        :raises InvalidRequest: when it is longer than 16 KiB.
        :raises KeysUnavailable: when the issuer's keys cannot be had.
        :raises WouldBlock: when keys have to be fetched and an event loop runs here; await :meth:`averify`.
        """
        raw = _raw(token)
        verified = self._at_hand(raw)
        if verified is None:
            verified = blocking.run(self._steps(raw), twin="averify")
        return verified[0]

    async def averify(self, token: str | bytes) -> SignedClaims:
        """:meth:`verify` for asyncio."""
        from cartaguard.drivers import aio

        raw = _raw(token)
        verified = self._at_hand(raw)
        if verified is None:
            verified = await aio.run(self._steps(raw))
        return verified[0]

    # -- callers

    def at_hand(self, values: Sequence[HeaderValue]) -> Principal | None:
        """The caller with these ``Authorization`` values, without I/O; ``None`` when keys have to be fetched.

        :raises InvalidRequest, InvalidToken, KeysUnavailable: as :meth:`authenticate_steps` does.
        """
        if len(values) == 1:
            # What is remembered was one good credential, and need not be taken apart again.
            known = self.cached(values[0])
            if known is not None:
                return known
        token = bearer_token(values)
        if token is None:
            return Principal.anonymous
        shelf = self._cache.shelf
        verified = self._at_hand(token)
        return None if verified is None else self._shelve(shelf, values[0], token, verified)

    def authenticate_steps(self, values: Sequence[HeaderValue]) -> Steps[Principal]:
        """The caller with these ``Authorization`` values.

        :param values: every value of the header, as received. Without one, or with another scheme than
            ``Bearer``, the caller is ``Principal.anonymous``.
        :raises InvalidRequest: (400) when they are not one credential.
        :raises InvalidToken: (401) when a rule refuses the token.
        :raises KeysUnavailable: (503) when the issuer's keys cannot be had.
        """
        principal = self.at_hand(values)
        if principal is not None:
            return principal
        shelf = self._cache.shelf
        token = octets(values[0]).partition(b" ")[2]
        verified = yield from self._steps(token)
        return self._shelve(shelf, values[0], token, verified)

    def forget(self) -> None:
        """Forget every verified token and every header that was read. Called when keys have changed."""
        self._headers = {}
        self._cache.clear()

    # -- keys that outlive this process

    def keep_keys(self, now: float) -> tuple[KeptKeys, ...]:
        """The public keys of the issuers, as far as they were fetched, for a snapshot.

        :param now: seconds since 1970.
        """
        return tuple(kept for issuer in self._issuers if (kept := issuer.keep(now)) is not None)

    def seed_keys(self, kept: Iterable[KeptKeys], now: float) -> tuple[str, ...]:
        """Begin with keys that another process fetched, at most an hour ago, until they can be fetched anew.

        :param kept: what :meth:`keep_keys` gave there, from where nobody could change it.
        :param now: seconds since 1970.
        :return: the issuers whose keys are used.
        """
        by_name = {keys.issuer: keys for keys in kept}
        return tuple(name for issuer in self._issuers if (name := issuer.name) in by_name and issuer.seed(by_name[name], now))

    # -- health

    def health(self) -> list[Condition]:
        """How the keys of each issuer are."""
        return [issuer.health() for issuer in self._issuers]

    def probes(self) -> list[Steps[None]]:
        """Steps that fetch the keys of each issuer."""
        return [issuer.probe() for issuer in self._issuers]

    # -- the order of things

    def _at_hand(self, token: bytes) -> _Verified | None:
        parts = compact.read(token, self._headers)
        claims = compact.members(parts.payload)
        issuer = self._issuer(claims)
        if issuer is None:
            return None
        found = _keys(issuer, parts.header).find(*parts.header)
        return None if found is None else self._finish(parts, claims, issuer, found)

    def _steps(self, token: bytes) -> Steps[_Verified]:
        parts = compact.read(token, self._headers)
        claims = compact.members(parts.payload)
        issuer = self._issuer(claims)
        if issuer is None:
            issuer = yield from self._resolve(claims)
        keys = _keys(issuer, parts.header)
        found = keys.find(*parts.header) or (yield from keys.refresh(*parts.header))
        return self._finish(parts, claims, issuer, found)

    def _issuer(self, claims: dict[str, Any]) -> Issuer | None:
        """The issuer that a token names; ``None`` when a Carta server has to be asked for its own first."""
        name = claims.get("iss")
        if not isinstance(name, str):
            raise refuse("wrong_issuer")
        if name in self._by_name:
            return self._by_name[name]
        unasked = False
        for carta in self._cartas:
            if carta.found is None:
                unasked = True
            elif carta.found.name == name:
                return carta.found
        if unasked:
            return None
        raise refuse("wrong_issuer")

    def _resolve(self, claims: dict[str, Any]) -> Steps[Issuer]:
        """:meth:`_issuer`, asking every server that was not asked yet. One that is out of order hides no other."""
        fault: KeysUnavailable | None = None
        for carta in self._cartas:
            try:
                found = yield from carta.resolve()
            except KeysUnavailable as unavailable:
                fault = unavailable
            else:
                if found.name == claims["iss"]:
                    return found
        raise fault or refuse("wrong_issuer")

    def _finish(self, parts: Compact, claims: dict[str, Any], issuer: Issuer, found: Found) -> _Verified:
        if not found.check(parts.signature, parts.message):
            raise refuse("bad_signature")
        if parts.segment not in self._headers:
            if len(self._headers) >= _HEADERS_BOUND:
                self._headers = {}
            # Only now: what nobody has signed must not fill the memory.
            self._headers[parts.segment] = parts.header
        return check(claims, issuer, self._clock(), self._leeway), found.fresh

    def _shelve(self, shelf: Shelf, value: HeaderValue, token: bytes, verified: _Verified) -> Principal:
        signed, fresh = verified
        principal = principal_of(signed, token)
        if fresh > 0:
            now = self._clock()
            # Not from before now: a clock that is set back must not bring back keys that were fresh then.
            shelf.put(value, principal, max(signed.good_from, now), min(signed.good_until, now + fresh))
        return principal


def _raw(token: str | bytes) -> bytes:
    if isinstance(token, bytes):
        return token
    # No attempt to encode: the fault of a failed one would carry the token.
    if not isinstance(token, str) or not token.isascii():
        raise refuse("malformed")
    return token.encode("ascii")


def _keys(issuer: Issuer, header: Header) -> Keys:
    if header.alg not in issuer.algorithms:
        raise refuse("alg_not_allowed")
    return issuer.keys
