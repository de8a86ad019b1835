"""Encryption of what users keep in Carta, with a key that is not kept beside it."""

from __future__ import annotations

import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cartaguard.errors import CartaGuardError, ConfigurationError

__all__ = ["VARIABLE", "Vault", "VaultError"]

#: The environment variable that holds the key, as text drawn at random.
VARIABLE = "CARTAGUARD_SECRET_KEY"

#: The shortest text that is taken for a key: 32 hexadecimal digits have 128 bits.
_SHORTEST = 32

_NONCE = 12


class VaultError(CartaGuardError):
    """This was sealed with another key, for somebody else, or not at all."""

    code = "vault"


class Vault:
    """Seals and opens with AES-256-GCM; each sealing has a nonce of its own, drawn at random.

    :param key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def at(cls, file: Path | None) -> Vault:
        """The vault with the key of ``CARTAGUARD_SECRET_KEY``, or else of a file, which is made when it is missing.

        :param file: readable by its owner only; ``None`` where there is no place for one.
        :raises ConfigurationError: when there is no key, or what there is is none.
        """
        given = os.environ.get(VARIABLE, "")
        if given:
            if len(given) < _SHORTEST:
                raise ConfigurationError(f"`{VARIABLE}` is too short; draw one with `openssl rand -hex 32`")
            return cls(sha256(given.encode(errors="surrogateescape")).digest())
        if file is None:
            raise ConfigurationError(f"there is no key for secrets; set `{VARIABLE}`, for instance to what `openssl rand -hex 32` prints")
        try:
            key = _kept(file)
        except OSError as fault:
            raise ConfigurationError(f"`{file}` cannot be used ({fault.strerror}); set `{VARIABLE}` instead") from None
        if len(key) != 32:
            raise ConfigurationError(f"`{file}` holds no key; put the right file there, or remove it and with it what was sealed")
        return cls(key)

    def seal(self, text: str, *, owner: str, name: str) -> bytes:
        """Encrypt, so that only the same owner's secret of the same name can be made of it again."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), _context(owner, name))

    def open(self, sealed: bytes, *, owner: str, name: str) -> str:
        """:raises VaultError: when it was sealed with another key, or for another owner or name."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _context(owner, name)).decode()
        except (InvalidTag, ValueError):
            raise VaultError("the secret was sealed with another key") from None

    def __repr__(self) -> str:
        return "Vault(…)"


def _context(owner: str, name: str) -> bytes:
    # The length keeps `ab` + `c` apart from `a` + `bc`.
    return f"{len(owner)}:{owner}:{name}".encode()


def _kept(file: Path) -> bytes:
    """The key in a file. Of several processes that find none, one makes it and all read that one."""
    if not file.exists():
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(secrets.token_bytes(32))
            # Unlike a renaming, a link takes no other file's place; and what is linked is whole.
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return file.read_bytes()
