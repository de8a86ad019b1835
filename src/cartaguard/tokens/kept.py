"""Key sets that outlive a process: what is kept of them in a snapshot, to verify tokens while they cannot be fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["LOGIN_MEMBERS", "KeptKeys", "public_members"]

#: The members of a public key. Others are not kept: what a set should not have published is not to be spread.
_PUBLIC = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y")

#: What of a Carta server's answer to `GET /auth` says which user pool is its own.
LOGIN_MEMBERS = ("region", "userPoolId", "userPoolWebClientId", "issuer", "jwksUri")


class KeptKeys(NamedTuple):
    """The keys of one issuer.

    :param issuer: its name, or the address of the Carta server that names it.
    :param fetched_at: seconds since 1970.
    :param document: the JWK set, as JSON.
    :param login: what the Carta server said of its user pool, as JSON; empty for other issuers.
    """

    issuer: str
    fetched_at: float
    document: bytes
    login: bytes = b""


def public_members(document: object, secret: frozenset[str]) -> bytes:
    """A JWK set with nothing but its public keys, as JSON. A key with a secret member is left out, as it is when it is used.

    :param secret: the members that no published key has.
    """
    entries: Any = document.get("keys") if isinstance(document, Mapping) else None
    kept = [
        {member: entry[member] for member in _PUBLIC if member in entry}
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping) and secret.isdisjoint(entry)
    ]
    return json.dumps({"keys": kept}).encode()
