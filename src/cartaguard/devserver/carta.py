"""The embedded Carta as such, apart from HTTP: its store, its addresses, the tokens it issues and takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.keys import USES, SigningKey
from cartaguard.devserver.store import Store, Tables
from cartaguard.devserver.tokens import access_claims, id_claims, sign
from cartaguard.devserver.vault import Vault
from cartaguard.tokens.issuer import Issuer
from cartaguard.tokens.keys import StaticKeys
from cartaguard.tokens.verifier import TokenVerifier

__all__ = ["LIFETIME", "DevCarta"]

#: Seconds that a token is good for.
LIFETIME = 3600.0


class DevCarta:
    """One embedded Carta.

    :param url: where it is reached, without trailing slash; the issuer follows from it.
    :param plain_logins: whether Cognito takes passwords as such too (USER_PASSWORD_AUTH), which Carta's does not.
    :param service_hosts: where services may be besides this machine: ``name`` for any port, or ``name:port``.
    :param clock: seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        url: str,
        *,
        plain_logins: bool = False,
        service_hosts: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.url = url
        self.plain_logins = plain_logins
        self.service_hosts = frozenset(service_hosts)
        self.now = clock
        self.pool = store.transact(lambda tables: tables.pool)
        self.cognito_url = f"{url}/cognito"
        self.issuer = f"{self.cognito_url}/{self.pool.id}"
        self.jwks_uri = f"{self.issuer}/.well-known/jwks.json"
        self._verifiers: dict[str, tuple[list[str], TokenVerifier]] = {}

    @cached_property
    def vault(self) -> Vault:
        """What secrets are sealed with. :raises ConfigurationError: when there is no key."""
        return Vault.at(self.store.key_file)

    def jwks(self) -> dict[str, Any]:
        """The public keys of every token that may still be good."""
        now = self.now()
        return {"keys": [key.jwk() for key in self.store.transact(lambda tables: tables.keys.published(now=now))]}

    def token(
        self,
        name: str,
        use: str = "id",
        *,
        lifetime: float = LIFETIME,
        client_id: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """A signed token of a user.

        :param use: ``id`` or ``access``.
        :param lifetime: seconds; negative for one that has expired.
        :param claims: claims to be set, or with ``None`` left out, whatever the token then is worth.
        :raises ApiError: 400 when there is no such user or kind.
        """
        if use not in USES:
            raise ApiError(400, "a token is of the kind id or access")
        kind, now = id_claims if use == "id" else access_claims, self.now()
        client = self.pool.client_id if client_id is None else client_id

        def made(tables: Tables) -> tuple[dict[str, Any], SigningKey]:
            person = tables.people.named(name)
            if person is None:
                raise ApiError(400, "user not found")
            made = kind(person, tables.groups.of(name), issuer=self.issuer, client_id=client, now=now, lifetime=lifetime)
            return made, tables.keys.signing(use, until=made["exp"])

        told, key = self.store.transact(made)
        return sign({name: value for name, value in {**told, **(claims or {})}.items() if value is not None}, key)

    def verifier(self, use: str = "id") -> TokenVerifier:
        """What its own tokens of one kind are verified with; made anew when the keys were rotated, by whatever process."""
        jwks = self.jwks()
        kids = [key["kid"] for key in jwks["keys"]]
        held = self._verifiers.get(use)
        if held is None or held[0] != kids:
            issuer = Issuer(self.issuer, client_ids=[self.pool.client_id], keys=StaticKeys(jwks), token_use=[use])
            held = self._verifiers[use] = (kids, TokenVerifier([issuer], clock=self.now))
        return held[1]
