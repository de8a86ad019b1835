"""The system's keyring counts only where it is there and worth it."""

from __future__ import annotations

import sys

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as Failing
from keyring.backends.null import Keyring as Null

from cartaguard.carta.vault import Vault


class Clear(Null):
    """One that keeps secrets in the clear."""

    priority = 0.5


class Good(Null):
    """One that works."""

    priority = 5


@pytest.mark.parametrize(("backend", "works"), [(Failing, False), (Null, False), (Clear, False), (Good, True)])
def test_a_backend_that_keeps_nothing_or_in_the_clear_is_none(
    monkeypatch: pytest.MonkeyPatch, backend: type[KeyringBackend], works: bool
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", backend)
    assert Vault.of_the_system().put("name", "") is works


def test_without_the_package_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    vault = Vault.of_the_system()
    assert (vault.put("name", "secret"), vault.get("name")) == (False, "")
