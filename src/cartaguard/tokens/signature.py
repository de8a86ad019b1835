"""Signatures: one function per key and algorithm (RFC 7518 section 3, RFC 8037). Imported with the first key."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cartaguard.tokens.jwk import Check

__all__ = ["checker"]

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def checker(key: Any, alg: str) -> Check:
    """What says whether a signature over a message was made with this key and algorithm.

    :param key: a public key of the cryptography package, of the type that ``alg`` demands.
    """
    if alg == "EdDSA":
        return _accepts(key.verify)
    hash_ = _HASHES[alg[2:]]
    if alg.startswith("ES"):
        return _ecdsa(key, ec.ECDSA(hash_))
    if alg.startswith("PS"):
        # RFC 7518 section 3.5: the salt is as long as the hash.
        return _accepts(key.verify, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)
    return _accepts(key.verify, padding.PKCS1v15(), hash_)


def _accepts(verify: Any, *how: Any) -> Check:
    def check(signature: bytes, message: bytes) -> bool:
        try:
            verify(signature, message, *how)
        except InvalidSignature:
            return False
        return True

    return check


def _ecdsa(key: ec.EllipticCurvePublicKey, how: ec.ECDSA) -> Check:
    size = (key.curve.key_size + 7) // 8
    verify = _accepts(key.verify, how)

    def check(signature: bytes, message: bytes) -> bool:
        # RFC 7518 section 3.4: both numbers in full width, never DER.
        if len(signature) != 2 * size:
            return False
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        return verify(encode_dss_signature(r, s), message)

    return check
