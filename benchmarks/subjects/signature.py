"""One RS256 signature check and nothing else: what no verification on this machine can be faster than."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from itertools import cycle
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from benchmarks.subject import Cells, Kit, Outcomes, nothing_bare

__all__ = ["make"]


def make(kit: Kit) -> Cells:
    key = cast("RSAPublicKey", load_pem_public_key(kit["pem"].encode()))
    tokens = kit["tokens"]["cognito"]
    padding, algorithm = PKCS1v15(), SHA256()
    ring = cycle([_parts(token) for token in tokens["ring"]])

    def check(parts: tuple[bytes, bytes]) -> None:
        key.verify(parts[1], parts[0], padding, algorithm)

    def word(token: str) -> str:
        try:
            check(_parts(token))
        except InvalidSignature:
            return "refused"
        return "accepted"

    def outcomes() -> Outcomes:
        return {question: word(tokens[question]) for question in ("bad token", "good")}

    claimed = {"bad token": "refused", "good": "accepted"}
    return {"cold RS256": nothing_bare(check, lambda: next(ring), outcomes=outcomes, claimed=claimed)}


def _parts(token: str) -> tuple[bytes, bytes]:
    """What is signed, and the signature."""
    message, _, signature = token.rpartition(".")
    return message.encode(), urlsafe_b64decode(signature + "==")
