"""The step from verified claims to a Principal, which nothing outside this package makes."""

from __future__ import annotations

from cartaguard.model.principal import Credential, Principal
from cartaguard.tokens.claims import SignedClaims

__all__ = ["principal_of"]

_NONE: frozenset[str] = frozenset()

_USERNAME = {"id": "cognito:username", "access": "username"}


def principal_of(signed: SignedClaims, token: bytes) -> Principal:
    """The caller that a verified token is about.

    :param token: the token itself, kept as the principal's credential.
    """
    claims = signed._claims
    scope = claims.get("scope")
    return Principal.verified(
        signed.issuer,
        signed.subject,
        claims.get(_USERNAME[claims["token_use"]]),
        frozenset(claims.get("cognito:groups", ())),
        # RFC 6749 section 3.3: divided by spaces, and by nothing else.
        frozenset(filter(None, scope.split(" "))) if scope else _NONE,
        claims,
        Credential(token.decode("ascii")),
    )
