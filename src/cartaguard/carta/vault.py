"""The system's keyring, as far as it is there and works."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["Vault"]

#: Under which the system's keyring lists what is ours.
SERVICE = "cartaguard"

#: Keyrings of less priority keep secrets in the clear, or nothing at all (keyring's own documentation).
_WORTH = 1

_log = logging.getLogger("cartaguard.carta.vault")


class Vault:
    """Keeps secrets by name, or says that it cannot.

    :param keyring: a backend of the ``keyring`` package; ``None`` where there is none that works.
    """

    def __init__(self, keyring: Any = None) -> None:
        self._keyring = keyring

    @classmethod
    def of_the_system(cls) -> Vault:
        """The system's keyring; empty-handed where the package or a working backend is missing."""
        try:
            import keyring
        except ImportError:
            return cls()
        backend = keyring.get_keyring()
        return cls(backend if backend.priority >= _WORTH else None)

    def get(self, name: str) -> str:
        """A secret; empty when there is none, or the keyring does not give it."""
        if self._keyring is None:
            return ""
        try:
            return self._keyring.get_password(SERVICE, name) or ""
        except self._faults() as fault:
            _log.warning("the system's keyring does not answer (%s)", type(fault).__name__)
            return ""

    def put(self, name: str, secret: str) -> bool:
        """Keep a secret, or with an empty one forget it; returns whether that was done."""
        if self._keyring is None:
            return False
        try:
            if secret:
                self._keyring.set_password(SERVICE, name, secret)
            elif self._keyring.get_password(SERVICE, name) is not None:
                self._keyring.delete_password(SERVICE, name)
        except self._faults() as fault:
            _log.warning("the system's keyring does not keep anything (%s)", type(fault).__name__)
            return False
        return True

    def _faults(self) -> tuple[type[Exception], ...]:
        from keyring.errors import KeyringError

        # Backends pass on what their own libraries raise, which are faults of the system.
        return (KeyringError, OSError, RuntimeError)
