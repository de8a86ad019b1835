"""Tokens as Cognito issues them: the claims of an ID token and of an access token, signed with RS256."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

import jwt

from cartaguard.devserver.keys import SigningKey
from cartaguard.devserver.people import Person

__all__ = ["access_claims", "id_claims", "sign"]


def id_claims(person: Person, groups: Collection[str], *, issuer: str, client_id: str, now: float, lifetime: float) -> dict[str, Any]:
    """The claims of an ID token, which is what Carta takes as bearer token."""
    return {
        "aud": client_id,
        "token_use": "id",
        "cognito:username": person.name,
        "email": person.email,
        "email_verified": True,
        "given_name": person.first_name,
        "family_name": person.last_name,
        **_common(person, groups, issuer, now, lifetime),
    }


def access_claims(person: Person, groups: Collection[str], *, issuer: str, client_id: str, now: float, lifetime: float) -> dict[str, Any]:
    """The claims of an access token: ``client_id`` in place of ``aud``, and nothing of the profile."""
    return {
        "client_id": client_id,
        "token_use": "access",
        "username": person.name,
        "scope": "aws.cognito.signin.user.admin",
        "version": 2,
        **_common(person, groups, issuer, now, lifetime),
    }


def sign(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The compact form. Cognito's header has ``kid`` and ``alg`` and no ``typ``."""
    return jwt.encode(dict(claims), key.private, algorithm="RS256", headers={"kid": key.kid, "typ": None})


def _common(person: Person, groups: Collection[str], issuer: str, now: float, lifetime: float) -> dict[str, Any]:
    # A token that is to be expired already was good for an hour once: it may not expire before it was issued.
    issued = now if lifetime > 0 else now + lifetime - 3600
    common = {
        "sub": person.id,
        "iss": issuer,
        "iat": int(issued),
        "auth_time": int(issued),
        "exp": int(now + lifetime),
        "jti": str(uuid.uuid4()),
        "origin_jti": str(uuid.uuid4()),
        "event_id": str(uuid.uuid4()),
    }
    # Cognito leaves the claim out for a user without groups.
    return {**common, "cognito:groups": sorted(groups)} if groups else common
