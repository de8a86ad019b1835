"""Real keys for tests: made once per process, known by ``kid``, signing with the real algorithms."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import Algorithm, get_default_algorithms

__all__ = ["SigningKey", "b64", "ec_key", "ed_key", "jwks", "number", "rsa_key"]


def b64(raw: bytes) -> str:
    """Canonical base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def number(value: int, size: int | None = None) -> str:
    """A number as JWKs write it; ``size`` is a fixed width in bytes."""
    return b64(value.to_bytes((value.bit_length() + 7) // 8 if size is None else size, "big"))


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name and algorithm."""

    kid: str
    alg: str
    private: Any

    def sign(self, message: bytes, alg: str | None = None) -> bytes:
        """Sign as ``alg`` (the key's own unless said otherwise)."""
        algorithm: Algorithm = get_default_algorithms()[alg or self.alg]
        return algorithm.sign(message, self.private)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """The public JWK. A change to ``None`` leaves that member out."""
        members = {"kid": self.kid, "use": "sig", "alg": self.alg, **_public(self.private.public_key()), **changes}
        return {name: value for name, value in members.items() if value is not None}


def _public(key: Any) -> dict[str, str]:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}[key.curve.name]
        return {"kty": "EC", "crv": curve, "x": number(point.x, size), "y": number(point.y, size)}
    assert isinstance(key, ed25519.Ed25519PublicKey)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_bytes_raw())}


@cache
def rsa_key(kid: str = "rsa-1", alg: str = "RS256", *, bits: int = 2048) -> SigningKey:
    """An RSA key; the same ``kid`` gives the same key within a process."""
    return SigningKey(kid, alg, rsa.generate_private_key(65537, bits))


@cache
def ec_key(kid: str = "ec-1", alg: str = "ES256") -> SigningKey:
    """A key on the curve that ``alg`` demands."""
    curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1(), "ES256K": ec.SECP256K1()}[alg]
    return SigningKey(kid, alg, ec.generate_private_key(curve))


@cache
def ed_key(kid: str = "ed-1") -> SigningKey:
    """An Ed25519 key."""
    return SigningKey(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def jwks(*keys: SigningKey | dict[str, Any]) -> dict[str, Any]:
    """A key set of these keys, or of JWKs as they are."""
    return {"keys": [key.jwk() if isinstance(key, SigningKey) else key for key in keys]}
