"""The step from verified claims to a Principal, which nothing outside this package makes."""

from __future__ import annotations

from cartaguard.model.principal import Credential, Principal
from cartaguard.tokens.claims import SignedClaims

__all__ = ["principal_of"]

_USERNAME = {"id": "cognito:username", "access": "username"}


def principal_of(signed: SignedClaims, token: bytes) -> Principal:
    """The caller that a verified token is about.

    :param token: the token itself, kept as the principal's credential.
    """
    claims = signed._claims
    return Principal(
        issuer=signed.issuer,
        subject=signed.subject,
        username=claims.get(_USERNAME[claims["token_use"]]),
        groups=claims.get("cognito:groups", ()),
        # RFC 6749 section 3.3: divided by spaces, and by nothing else.
        scopes=filter(None, claims.get("scope", "").split(" ")),
        claims=claims,
        credential=Credential(token.decode("ascii")),
    )
