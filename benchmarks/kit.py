"""Keys and tokens for a run: made anew each time, on this machine, and thrown away after it.

Every shape of token has an answer to each question that is asked before timing (see :data:`benchmarks.subject.ASKED`)
and a ring of other good ones, each with a name of its own, for verifications that nothing was remembered of.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

__all__ = ["GROUP", "ISSUERS", "keeping", "make_kit"]

Claims: TypeAlias = dict[str, Any]

#: The group that everything demands, and what other libraries call it.
GROUP = "Aurora:Research"

#: Who is said to have issued each shape of token.
ISSUERS = {
    "cognito": "https://cognito-idp.us-east-2.amazonaws.com/us-east-2_Benchmark",
    "azure": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
    "auth0": "https://benchmark.auth0.example/",
    "identity": "https://issuer.example.org/",
}

CLIENT = "1example23456789client"
_TENANT = "11111111-2222-3333-4444-555555555555"


def _cognito(name: str, *, right: bool) -> Claims:
    """An ID token as Carta's clients send it."""
    return {
        "sub": f"sub-{name}",
        "aud": CLIENT,
        "token_use": "id",
        "cognito:username": name,
        "cognito:groups": [GROUP, "Aurora:Staff"] if right else ["Aurora:Staff"],
        "email": f"{name}@example.org",
        "email_verified": True,
    }


def _azure(name: str, *, right: bool) -> Claims:
    scope = "research" if right else "staff"
    return {
        "sub": f"sub-{name}",
        "aud": CLIENT,
        "tid": _TENANT,
        "ver": "2.0",
        "scp": scope,
        "azp": CLIENT,
        "name": name,
        "oid": f"oid-{name}",
    }


def _auth0(name: str, *, right: bool) -> Claims:
    return {"sub": f"auth0|{name}", "aud": "https://api.example.org", "azp": CLIENT, "scope": "research staff" if right else "staff"}


def _identity(name: str, *, right: bool) -> Claims:
    """What flask-authz reads, which takes no audience."""
    return {"sub": f"sub-{name}", "identity": name if right else "otto"}


_SHAPES: dict[str, Callable[..., Claims]] = {"cognito": _cognito, "azure": _azure, "auth0": _auth0, "identity": _identity}


def make_kit(*, ring: int = 256) -> dict[str, Any]:
    """A kit: the key set, and by shape the tokens.

    :param ring: how many more good tokens there are of each shape.
    """
    private = rsa.generate_private_key(65537, 2048)
    jwk = {"kid": "benchmark-1", "use": "sig", "alg": "RS256", **json.loads(RSAAlgorithm.to_jwk(private.public_key()))}
    jwk.pop("key_ops", None)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    now = int(time.time())

    def mint(shape: str, name: str, *, right: bool = True, life: int = 86_400) -> str:
        claims = {"iss": ISSUERS[shape], "iat": now - 90_000, "nbf": now - 90_000, "exp": now + life, **_SHAPES[shape](name, right=right)}
        return jwt.encode(claims, private, algorithm="RS256", headers={"kid": "benchmark-1"})

    def tokens(shape: str) -> dict[str, Any]:
        good = mint(shape, "olga")
        return {
            "good": good,
            "bad token": _forged(good),
            "expired token": mint(shape, "olga", life=-3_600),
            "missing right": mint(shape, "otto", right=False),
            "ring": [mint(shape, f"user{number}") for number in range(ring)],
        }

    return {
        "jwks": {"keys": [jwk]},
        "pem": pem,
        "group": GROUP,
        "client": CLIENT,
        "tenant": _TENANT,
        "issuers": ISSUERS,
        "tokens": {shape: tokens(shape) for shape in _SHAPES},
    }


@contextmanager
def keeping(kit: dict[str, Any]) -> Iterator[Path]:
    """The kit as a file that only this user can read, for as long as the block lasts."""
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        path = Path(folder) / "kit.json"
        path.write_text(json.dumps(kit), encoding="utf-8")
        yield path


def _forged(token: str) -> str:
    """The same token with another signature."""
    message, _, signature = token.rpartition(".")
    return f"{message}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
