"""Issuer: whose tokens are accepted, for which clients, of which kind, and with which keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError
from cartaguard.model.health import Condition
from cartaguard.tokens.jwk import FAMILIES
from cartaguard.tokens.kept import KeptKeys
from cartaguard.tokens.keys import Keys, RemoteKeys, Watcher
from cartaguard.tokens.pool import Pool

__all__ = ["Issuer"]

#: Carta's bearer token is the ID token.
_KINDS = frozenset({"id"})


class Issuer:
    """One issuer of tokens.

    :param name: exactly what stands in a token's ``iss``.
    :param client_ids: the clients whose tokens are accepted: ``aud`` of an ID token, ``client_id`` of an access token.
    :param keys: :class:`~cartaguard.StaticKeys` or :class:`~cartaguard.RemoteKeys`.
    :param token_use: the kinds of token that are accepted, ``id`` and ``access``.
    :param algorithms: the signature algorithms that are accepted; neither ``none`` nor one with a shared key.
    :raises ConfigurationError: for anything that is empty or unknown.
    """

    __slots__ = ("algorithms", "client_ids", "keys", "name", "token_use")

    def __init__(
        self,
        name: str,
        *,
        client_ids: Iterable[str],
        keys: Keys,
        token_use: Iterable[str] = _KINDS,
        algorithms: Iterable[str] = ("RS256",),
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError("an issuer has no name; give what stands in its tokens' `iss`", code="bad_issuer")
        if not isinstance(keys, Keys):
            raise ConfigurationError(f"the keys of `{name}` are none; give `StaticKeys(…)` or `RemoteKeys(…)`", code="bad_issuer")
        self.name = name
        self.keys = keys
        self.client_ids = _words("client_ids", client_ids)
        self.token_use = _words("token_use", token_use, ("id", "access"))
        self.algorithms = _words("algorithms", algorithms, FAMILIES)

    @classmethod
    def cognito(
        cls,
        *,
        region: str,
        user_pool_id: str,
        client_ids: Iterable[str],
        token_use: Iterable[str] = _KINDS,
        algorithms: Iterable[str] = ("RS256",),
        http: Any = None,
    ) -> Issuer:
        """A user pool of Amazon Cognito; its keys are fetched from AWS when they are first needed.

        :param region: for instance ``us-east-2``.
        :param user_pool_id: for instance ``us-east-2_Abc123xyz``.
        :param http: a client of your own for fetching the keys.
        :raises ConfigurationError: for a region or pool id that is none.
        """
        pool = Pool(region, user_pool_id)
        keys = RemoteKeys(pool.jwks_uri, http=http)
        return cls(pool.issuer, client_ids=client_ids, keys=keys, token_use=token_use, algorithms=algorithms)

    @classmethod
    def carta(
        cls,
        host: str,
        *,
        client_ids: Iterable[str] | None = None,
        token_use: Iterable[str] = _KINDS,
        algorithms: Iterable[str] = ("RS256",),
        http: Any = None,
    ) -> Issuer:
        """The user pool of a Carta server, which is asked for it (``GET {host}/auth``) when a token first comes.

        :param host: the server's address, such as ``https://api.carta.contextualize.us.com``.
        :param client_ids: the clients whose tokens are accepted; by default the one that the server names.
        :param http: a client of your own for asking the server and fetching the keys.
        :raises ConfigurationError: for an address that is neither https nor on this machine.
        """
        from cartaguard.tokens.carta import CartaIssuer

        return CartaIssuer(host, client_ids=client_ids, token_use=token_use, algorithms=algorithms, http=http)

    def attach(self, clock: Callable[[], float], watcher: Watcher) -> None:
        """Called by each verifier that has this issuer, with its clock."""
        self.keys.attach(clock, watcher)

    def keep(self, now: float) -> KeptKeys | None:
        """What to keep of its keys for another process.

        :param now: seconds since 1970.
        """
        return self.keys.keep(self.name, now)

    def seed(self, kept: KeptKeys, now: float) -> bool:
        """Begin with keys that another process fetched, and say whether they are used.

        :param now: seconds since 1970.
        """
        return self.keys.seed(kept, now)

    def health(self) -> Condition:
        """How its keys are, at once and without I/O."""
        return self.keys.health(self.name)

    def probe(self) -> Steps[None]:
        """Fetch its keys, for :meth:`health` to tell."""
        yield from self.keys.probe()

    def __repr__(self) -> str:
        return f"<Issuer {self.name!r}>"


def _words(what: str, given: Iterable[str], known: Collection[str] | None = None) -> frozenset[str]:
    if isinstance(given, (str, bytes)):
        raise ConfigurationError(f"`{what}` is one text; give a list", code=f"bad_{what}")
    words = list(given)
    if not words:
        raise ConfigurationError(f"`{what}` is empty, so that no token could be accepted; name at least one", code=f"bad_{what}")
    for word in words:
        if not isinstance(word, str) or not word.strip():
            raise ConfigurationError(f"`{what}` holds something blank, or no text", code=f"bad_{what}")
        if known is not None and word not in known:
            raise ConfigurationError(f"`{what}` holds `{word}`; use only {', '.join(known)}", code=f"bad_{what}")
    return frozenset(words)
