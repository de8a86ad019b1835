"""Signing keys. As with Cognito, ID and access tokens have different ones, and they can be rotated."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import Connection, insert, or_, select, update

from cartaguard.devserver.schema import keys

__all__ = ["USES", "Keys", "SigningKey"]

USES = ("id", "access")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One private key, known by ``kid``."""

    kid: str
    pem: bytes = field(repr=False)

    @property
    def private(self) -> RSAPrivateKey:
        return _loaded(self.pem)

    def jwk(self) -> dict[str, Any]:
        """The public half, for the key set."""
        public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"alg": "RS256", "e": public["e"], "kid": self.kid, "kty": "RSA", "n": public["n"], "use": "sig"}


class Keys:
    """The signing keys, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rotate(self) -> None:
        """New keys sign from now on; the old ones stay in the key set until what they signed has expired."""
        self._connection.execute(update(keys).values(active=False))
        for use in USES:
            pem = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            row = {"kid": secrets.token_urlsafe(32), "use": use, "pem": pem, "active": True, "spent": 0}
            self._connection.execute(insert(keys).values(**row))

    def signing(self, use: str, *, until: int) -> SigningKey:
        """The key that signs tokens of this kind, for one that expires then (seconds since 1970)."""
        row = self._connection.execute(select(keys).where(keys.c.use == use, keys.c.active)).one()
        if row.spent < until:
            self._connection.execute(update(keys).where(keys.c.kid == row.kid).values(spent=until))
        return SigningKey(row.kid, row.pem)

    def published(self, *, now: float) -> list[SigningKey]:
        """The keys that belong into the key set."""
        found = select(keys).where(or_(keys.c.active, keys.c.spent > now)).order_by(keys.c.use, keys.c.active, keys.c.kid)
        return [SigningKey(row.kid, row.pem) for row in self._connection.execute(found)]


@lru_cache(maxsize=64)
def _loaded(pem: bytes) -> RSAPrivateKey:
    return cast("RSAPrivateKey", load_pem_private_key(pem, password=None))
