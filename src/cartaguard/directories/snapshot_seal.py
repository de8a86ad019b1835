"""What makes a snapshot the deployer's own: a secret that writer and reader share, or a private key and its public one."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cartaguard.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

__all__ = ["Seal", "seal_of"]

#: The least bytes of a shared secret.
LEAST = 32

_CURVES = {"secp256r1", "secp384r1", "secp521r1"}


class Seal(NamedTuple):
    """How snapshots are signed and looked at. ``sign`` is ``None`` where only a public key is known."""

    name: str
    verify: Callable[[bytes, bytes], bool]
    sign: Callable[[bytes], bytes] | None = None


def seal_of(key: bytes | str) -> Seal:
    """The seal of a key: a PEM text (Ed25519, RSA from 2048 bits, or EC; public or private, without a password), else a shared secret.

    :raises cartaguard.errors.ConfigurationError: a secret with less than 32 bytes, or a key that cannot be used (code
        ``bad_snapshot_key``). The message holds nothing of it.
    """
    raw = key.encode() if isinstance(key, str) else bytes(key)
    # Never a PEM text as a shared secret: a public key is nobody's secret.
    return _asymmetric(raw) if b"-----BEGIN" in raw else _shared(raw)


def _shared(secret: bytes) -> Seal:
    if len(secret) < LEAST:
        raise _bad(f"it has {len(secret)} bytes; use {LEAST} random bytes or more")

    def sign(data: bytes) -> bytes:
        return hmac.digest(secret, data, "sha256")

    return Seal("hmac-sha256", lambda data, signature: hmac.compare_digest(sign(data), signature), sign)


def _asymmetric(pem: bytes) -> Seal:
    from cryptography.hazmat.primitives import serialization

    private: PrivateKeyTypes | None = None
    try:
        if b"PRIVATE KEY-----" in pem:
            private = serialization.load_pem_private_key(pem, None)
            public: PublicKeyTypes = private.public_key()
        else:
            public = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError):
        # Without the cause: its text may hold some of the key.
        raise _bad("it is no PEM text of a key without a password") from None
    name, options = _scheme(public)
    verify, sign = _methods(public, private, options)
    return Seal(name, verify, sign)


def _scheme(public: PublicKeyTypes) -> tuple[str, tuple[Any, ...]]:
    """The name of the signature scheme of a key, and what its methods take besides data and signature."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ed25519", ()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        return "rsa-pss-sha256", (salted, hashes.SHA256())
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return f"ecdsa-{public.curve.name}-sha256", (ec.ECDSA(hashes.SHA256()),)
    raise _bad("use Ed25519, RSA with 2048 bits or more, or EC on a curve of NIST with 256 bits or more")


def _methods(public: Any, private: Any, options: tuple[Any, ...]) -> tuple[Callable[[bytes, bytes], bool], Callable[[bytes], bytes] | None]:
    from cryptography.exceptions import InvalidSignature

    def verify(data: bytes, signature: bytes) -> bool:
        try:
            public.verify(signature, data, *options)
        except InvalidSignature:
            return False
        return True

    def sign(data: bytes) -> bytes:
        signature: bytes = private.sign(data, *options)
        return signature

    return verify, None if private is None else sign


def _bad(why: str) -> ConfigurationError:
    return ConfigurationError(f"the snapshot's key cannot be used: {why}", code="bad_snapshot_key")
