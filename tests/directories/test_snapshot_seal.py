"""Snapshots are signed with a shared secret, or with a private key and read with its public one."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

from cartaguard.directories.snapshot_seal import seal_of
from cartaguard.errors import ConfigurationError, SnapshotError
from support.canary import CANARY
from support.snapshots import KEY, opened, snapshot


def pems(private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey) -> tuple[str, str]:
    """A key's private and public text."""
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public.decode()


KEYS = {
    "ed25519": pems(ed25519.Ed25519PrivateKey.generate()),
    "rsa-pss-sha256": pems(rsa.generate_private_key(65537, 2048)),
    "ecdsa-secp256r1-sha256": pems(ec.generate_private_key(ec.SECP256R1())),
    "ecdsa-secp521r1-sha256": pems(ec.generate_private_key(ec.SECP521R1())),
    "hmac-sha256": (KEY.decode(), KEY.decode()),
}


@pytest.mark.parametrize("name", KEYS)
def test_each_kind_of_key_signs_and_is_verified(name: str, tmp_path: Path) -> None:
    """The reader needs the public half only, and no other key will do."""
    private, public = KEYS[name]
    assert snapshot(tmp_path / "s", {}, key=private).seal == name
    for key in (public, private, public.encode()):
        assert opened(tmp_path / "s", key=key).header is not None
    for other in (*(KEYS[kind][1] for kind in KEYS if kind != name), "another secret with thirty-two bytes"):
        with pytest.raises(SnapshotError, match="not signed with this key"):
            opened(tmp_path / "s", key=other)


@pytest.mark.parametrize("name", [name for name in KEYS if name != "hmac-sha256"])
def test_a_public_key_does_not_sign(name: str, tmp_path: Path) -> None:
    """Nor is its text a shared secret, which everybody would know."""
    with pytest.raises(ConfigurationError, match="this key is public") as fault:
        snapshot(tmp_path / "s", {}, key=KEYS[name][1])
    assert fault.value.code == "bad_snapshot_key"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"x" * 31,
        pems(rsa.generate_private_key(65537, 1024))[0],
        pems(ec.generate_private_key(ec.SECP192R1()))[0],
        pems(dsa.generate_private_key(1024))[0],
        ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(CANARY.encode())),
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
        f"-----BEGIN PUBLIC KEY-----\n{CANARY}\n-----END PUBLIC KEY-----",
    ],
)
def test_a_key_that_is_weak_or_none_is_refused(key: bytes | str) -> None:
    """The message says why, and nothing of the key."""
    with pytest.raises(ConfigurationError) as fault:
        seal_of(key)
    assert fault.value.code == "bad_snapshot_key"
    assert CANARY not in str(fault.value)
    assert fault.value.__cause__ is None
