"""Passwords as Cognito keeps them: an SRP verifier and its salt (RFC 5054 with Cognito's hashes).

With it a login proves the password without the server ever having kept or seen it: see :class:`Handshake`.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256, shake_256
from hmac import compare_digest

__all__ = ["G", "Handshake", "N", "Verifier", "pad"]

#: The 3072-bit prime of RFC 3526, group 15, and its generator.
N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is kept of a password."""

    salt: bytes
    value: bytes

    @classmethod
    def of(cls, pool_id: str, name: str, password: str, salt: bytes | None = None) -> Verifier:
        """Make it for a new password, with a salt of its own."""
        salt = secrets.token_bytes(16) if salt is None else salt
        inner = sha256(f"{pool_id.partition('_')[2]}{name}:{password}".encode(errors="surrogatepass")).digest()
        x = int.from_bytes(sha256(pad(int.from_bytes(salt, "big")) + inner).digest(), "big")
        return cls(salt, pad(pow(G, x, N)))

    @classmethod
    def made_up(cls, secret: bytes, name: str) -> Verifier:
        """One for a user who is not there: the same each time, as a real one is, and no password fits it."""
        drawn = shake_256(secret + name.encode(errors="surrogatepass")).digest(16 + 384)
        return cls(drawn[:16], pad(int.from_bytes(drawn[16:], "big") % N))

    def fits(self, pool_id: str, name: str, password: str) -> bool:
        """Whether it was made from this password."""
        return compare_digest(self.value, Verifier.of(pool_id, name, password, self.salt).value)

    def __repr__(self) -> str:
        return "Verifier(…)"


@dataclass(frozen=True, slots=True)
class Handshake:
    """The server's half of one login.

    :ivar public: what the client is sent, SRP's B.
    :ivar key: what both sides know if the client knows the password.
    """

    public: int
    key: bytes = field(repr=False)

    @classmethod
    def answer(cls, verifier: Verifier, client: int, private: int | None = None) -> Handshake:
        """Answer the client's public value A.

        :param private: SRP's b, random unless given.
        :raises ValueError: when N divides A: the key would be known without the password (RFC 5054 section 2.5.4).
        """
        if client % N == 0:
            raise ValueError("SRP_A is no public value")
        private = secrets.randbits(512) | 1 if private is None else private
        value = int.from_bytes(verifier.value, "big")
        public = (_K * value + pow(G, private, N)) % N
        mixed = _number(pad(client) + pad(public))
        shared = pow(client * pow(value, mixed, N), private, N)
        inner = hmac.digest(pad(mixed), pad(shared), "sha256")
        return cls(public, hmac.digest(inner, b"Caldera Derived Key\x01", "sha256")[:16])

    @staticmethod
    def signed(key: bytes, pool_id: str, name: str, block: bytes, timestamp: str) -> bytes:
        """What a client sends to show that it has the key."""
        said = f"{pool_id.partition('_')[2]}{name}".encode(errors="surrogatepass")
        return hmac.digest(key, said + block + timestamp.encode(), "sha256")


def _number(data: bytes) -> int:
    return int.from_bytes(sha256(data).digest(), "big")


def pad(number: int) -> bytes:
    """Big-endian bytes, with a zero byte in front when the top bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


#: SRP's k.
_K = _number(pad(N) + pad(G))
