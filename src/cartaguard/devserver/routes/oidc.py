"""What anybody may know: which pool to log in to, and the keys of its tokens (Carta's ``auth``, Cognito's discovery)."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import anonymous, name, signed_in

__all__ = ["routes"]


def _auth(carta: DevCarta, _: Request) -> object:
    """Which user pool to log in to."""
    return {
        "region": carta.pool.region,
        "userPoolId": carta.pool.id,
        "userPoolWebClientId": carta.pool.client_id,
        # Carta leaves these to Cognito. Ours are here, and clients believe so only of a server on this machine.
        "issuer": carta.issuer,
        "jwksUri": carta.jwks_uri,
        "cognitoUrl": carta.cognito_url,
    }


#: What passwords have to have in the pool of the public Carta. Nothing here sets passwords, so nothing is held to it.
POLICY = {
    "minimumLength": 16,
    "requireLowercase": True,
    "requireUppercase": True,
    "requireNumbers": True,
    "requireSymbols": True,
}


def _pool(carta: DevCarta, request: Request, _: Caller) -> object:
    """Which user pool to log in to."""
    return _auth(carta, request)


def _policy(_: Request, __: Caller) -> object:
    """What passwords must have."""
    return POLICY


def _jwks(carta: DevCarta, request: Request) -> object:
    """The public keys of the pool's tokens."""
    _check_pool(carta, request)
    return carta.jwks()


def _discovery(carta: DevCarta, request: Request) -> object:
    """OpenID Connect's discovery document."""
    _check_pool(carta, request)
    return {
        "issuer": carta.issuer,
        "jwks_uri": carta.jwks_uri,
        "token_endpoint": f"{carta.url}/dev/token",
        "grant_types_supported": ["password"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
    }


def _check_pool(carta: DevCarta, request: Request) -> None:
    if name(request, "pool") != carta.pool.id:
        raise ApiError(404, "user pool not found")


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        anonymous(carta, "/auth", _auth),
        # v2 tells the same to who is logged in already.
        signed_in(carta, "GET", "/v2/auth/cognito/user-pool", partial(_pool, carta)),
        signed_in(carta, "GET", "/v2/auth/cognito/password-policy", _policy),
        anonymous(carta, "/cognito/{pool}/.well-known/jwks.json", _jwks),
        anonymous(carta, "/cognito/{pool}/.well-known/openid-configuration", _discovery),
    ]
