"""Real tokens for tests: Cognito's claims, signed with real keys, at a clock that a test sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from support.keys import SigningKey, b64, jwks, rsa_key

if TYPE_CHECKING:
    from cartaguard import TokenVerifier

__all__ = ["CLIENT", "ISSUER", "NOW", "Clock", "access_claims", "bearer", "id_claims", "mint", "raw_token", "token_for", "verifier_for"]

ISSUER = "https://cognito-idp.us-east-2.amazonaws.com/us-east-2_Abc123xyz"
CLIENT = "1example23456789client"

#: The instant that a :class:`Clock` shows at first.
NOW = 1_800_000_000.0


class Clock:
    """A clock that a test sets: ``clock()`` is its time, ``clock.now += 60`` lets a minute pass."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def id_claims(
    username: str = "olga", *, groups: Sequence[str] = (), now: float = NOW, life: float = 3600, **changes: Any
) -> dict[str, Any]:
    """The claims of an ID token. A change to ``None`` leaves that claim out (``claims={"a:b": …}`` for odd names)."""
    return _changed(
        {
            "sub": f"sub-{username}",
            "aud": CLIENT,
            "token_use": "id",
            "cognito:username": username,
            "email": f"{username}@example.org",
            "email_verified": True,
            "auth_time": int(now),
            **_common(groups, now, life),
        },
        changes,
    )


def access_claims(
    username: str = "olga",
    *,
    groups: Sequence[str] = (),
    scope: str | None = "aws.cognito.signin.user.admin",
    now: float = NOW,
    life: float = 3600,
    **changes: Any,
) -> dict[str, Any]:
    """The claims of an access token; see :func:`id_claims`."""
    return _changed(
        {
            "sub": f"sub-{username}",
            "client_id": CLIENT,
            "token_use": "access",
            "username": username,
            "scope": scope,
            **_common(groups, now, life),
        },
        changes,
    )


def _common(groups: Sequence[str], now: float, life: float) -> dict[str, Any]:
    return {"iss": ISSUER, "iat": int(now), "exp": int(now + life), **({"cognito:groups": list(groups)} if groups else {})}


def _changed(claims: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    odd: Mapping[str, Any] = changes.pop("claims", {})
    return {name: value for name, value in {**claims, **changes, **odd}.items() if value is not None}


def mint(claims: Mapping[str, Any] | bytes, key: SigningKey | None = None, *, header: Mapping[str, Any] | bytes | None = None) -> str:
    """Sign claims (a mapping, or bytes as they are).

    ``header`` is merged over ``alg`` and ``kid`` (``None`` leaves a member out), or is the header's bytes as they are.
    """
    key = rsa_key() if key is None else key
    if not isinstance(header, bytes):
        members = {"alg": key.alg, "kid": key.kid, **(header or {})}
        header = _compact({name: value for name, value in members.items() if value is not None})
    payload = claims if isinstance(claims, bytes) else _compact(claims)
    message = f"{b64(header)}.{b64(payload)}".encode("ascii")
    return raw_token(message, key.sign(message))


def _compact(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def raw_token(message: bytes, signature: bytes) -> str:
    """The compact form of signed bytes."""
    return f"{message.decode('ascii')}.{b64(signature)}"


def token_for(
    username: str = "olga", groups: Sequence[str] = (), *, key: SigningKey | None = None, now: float = NOW, **changes: Any
) -> str:
    """A good ID token of a user, as Carta's clients send it."""
    return mint(id_claims(username, groups=groups, now=now, **changes), key)


def bearer(token: str | bytes) -> list[bytes]:
    """The raw ``Authorization`` values of a request with this token."""
    return [b"Bearer " + (token.encode("ascii") if isinstance(token, str) else token)]


def verifier_for(*keys: SigningKey, clock: Clock | None = None, **options: Any) -> TokenVerifier:
    """A verifier that accepts what :func:`token_for` mints; ``options`` go to the issuer."""
    from cartaguard import Issuer, StaticKeys, TokenVerifier

    options = {"client_ids": [CLIENT], "keys": StaticKeys(jwks(*(keys or (rsa_key(),)))), **options}
    return TokenVerifier([Issuer(ISSUER, **options)], clock=clock or Clock())
