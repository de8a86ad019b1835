"""Every reason for which a token or a credential is refused: stable codes, one per rule.

The messages are fixed texts and names of claims that this package knows. Nothing of a token is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cartaguard.errors import InvalidRequest, InvalidToken

__all__ = ["CREDENTIAL_REFUSALS", "TOKEN_REFUSALS", "bad_credential", "refuse"]

#: 400: the credential is not one credential.
CREDENTIAL_REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "repeated_authorization": "the `Authorization` header is repeated; send it once",
        "several_credentials": "the `Authorization` header holds several credentials; send one, as `Bearer TOKEN` with one space",
        "missing_token": "the `Authorization` header has a scheme and no token; send `Bearer TOKEN`",
        "too_long": "the credential is longer than 16 KiB",
    }
)

#: 401: the token is not good here.
TOKEN_REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "malformed": "the token is not three non-empty parts divided by dots",
        "bad_base64": "a part of the token is not canonical base64url without padding",
        "bad_json": "the token's header or payload is not a strict JSON object in UTF-8",
        "bad_header": "the token's header lacks `alg`",
        "missing_kid": "the token's header lacks a `kid`",
        "unsupported_header": "the token's header has one of `crit`, `b64`, `zip`, `enc` and `cty`, which are not supported",
        "wrong_type": "the token's `typ` is neither `JWT` nor `at+jwt`",
        "alg_not_allowed": "the token's `alg` is not one that its issuer is configured with",
        "unknown_key": "the issuer has no usable key with the token's `kid` for its `alg`",
        "bad_signature": "the token's signature does not fit its issuer's key",
        "wrong_issuer": "the token's `iss` is not a configured issuer",
        "wrong_token_use": "the token's `token_use` is not one that its issuer is configured with",
        "wrong_audience": "the token's `aud` is not one configured client",
        "wrong_client": "the token's `client_id` is not one configured client",
        "wrong_azp": "the token's `azp` is not a configured client",
        "missing_claim": "a required claim is missing",
        "bad_claim": "a claim has a wrong form",
        "bad_lifetime": "the token's `exp` is not after its `iat`",
        "expired": "the token has expired; log in again",
        "not_yet_valid": "the token's `iat` or `nbf` is in the future; compare the clocks",
    }
)


def refuse(code: str, claim: str | None = None) -> InvalidToken:
    """The refusal with this code.

    :param claim: the claim in question, by a name from this package's own table and never from a token.
    """
    message = TOKEN_REFUSALS[code]
    return InvalidToken(message if claim is None else f"{message}: `{claim}`", code=code)


def bad_credential(code: str) -> InvalidRequest:
    """The refusal of a credential with this code."""
    return InvalidRequest(CREDENTIAL_REFUSALS[code], code=code)
