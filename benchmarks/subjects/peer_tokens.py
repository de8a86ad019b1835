"""PyJWT and joserfc checking a token as their documentation says, with the rules that cartaguard has and they offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any, TypeAlias

from benchmarks.subject import Cells, Kit, Outcomes, nothing_bare

__all__ = ["Verify", "make", "verify_with"]

Verify: TypeAlias = Callable[[str], Mapping[str, Any]]


def verify_with(library: str, kit: Kit) -> tuple[Verify, type[Exception]]:
    """What verifies an ID token with a library, and what it raises for one that it refuses."""
    return {"pyjwt": _pyjwt, "joserfc": _joserfc}[library](kit)


def _pyjwt(kit: Kit) -> tuple[Verify, type[Exception]]:
    import jwt

    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(kit["jwks"]).keys}
    options: Any = {"require": ["exp", "iat", "sub"]}

    def verify(token: str) -> Mapping[str, Any]:
        key = keys.get(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise jwt.InvalidTokenError
        claims: Mapping[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], audience=kit["client"], issuer=kit["issuers"]["cognito"], leeway=30, options=options
        )
        if claims.get("token_use") != "id":
            raise jwt.InvalidTokenError
        return claims

    return verify, jwt.InvalidTokenError


def _joserfc(kit: Kit) -> tuple[Verify, type[Exception]]:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    keys = KeySet.import_key_set(kit["jwks"])
    rules: Any = {
        "iss": {"essential": True, "value": kit["issuers"]["cognito"]},
        "aud": {"essential": True, "value": kit["client"]},
        "sub": {"essential": True},
        "iat": {"essential": True},
        "exp": {"essential": True},
        "token_use": {"essential": True, "value": "id"},
    }

    def verify(token: str) -> Mapping[str, Any]:
        decoded = jwt.decode(token, keys, algorithms=["RS256"])
        # It takes the time when it is made, so that each token needs one of its own.
        jwt.JWTClaimsRegistry(leeway=30, **rules).validate(decoded.claims)
        return decoded.claims

    return verify, JoseError


def make(kit: Kit, *, library: str) -> Cells:
    verify, refused = verify_with(library, kit)
    tokens = kit["tokens"]["cognito"]
    ring = cycle(tokens["ring"])
    claimed = {"bad token": "refused", "expired token": "refused", "good": "accepted"}

    def word(token: str) -> str:
        try:
            verify(token)
        except refused:
            return "refused"
        return "accepted"

    def outcomes() -> Outcomes:
        return {question: word(tokens[question]) for question in claimed}

    # As text, as frameworks hand it over.
    return {"cold RS256": nothing_bare(verify, lambda: next(ring), outcomes=outcomes, claimed=claimed)}
