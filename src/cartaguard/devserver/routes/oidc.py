"""What anybody may know: which pool to log in to, and the keys of its tokens (Carta's ``auth``, Cognito's discovery)."""

from __future__ import annotations

from starlette.requests import Request

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import anonymous, carta_of, name

__all__ = ["ROUTES"]


def _auth(request: Request) -> object:
    carta = carta_of(request)
    return {
        "region": carta.pool.region,
        "userPoolId": carta.pool.id,
        "userPoolWebClientId": carta.pool.client_id,
        # Carta leaves these to Cognito. Ours are here, and clients believe so only of a server on this machine.
        "issuer": carta.issuer,
        "jwksUri": carta.jwks_uri,
    }


def _jwks(request: Request) -> object:
    _check_pool(request)
    return carta_of(request).jwks()


def _discovery(request: Request) -> object:
    _check_pool(request)
    carta = carta_of(request)
    return {
        "issuer": carta.issuer,
        "jwks_uri": carta.jwks_uri,
        "token_endpoint": f"{carta.url}/dev/token",
        "grant_types_supported": ["password"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
    }


def _check_pool(request: Request) -> None:
    if name(request, "pool") != carta_of(request).pool.id:
        raise ApiError(404, "user pool not found")


ROUTES = [
    anonymous("/auth", _auth),
    anonymous("/cognito/{pool}/.well-known/jwks.json", _jwks),
    anonymous("/cognito/{pool}/.well-known/openid-configuration", _discovery),
]
