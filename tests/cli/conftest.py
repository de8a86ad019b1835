"""What the tests of the command line share: a Carta with people, and a home of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.null import Keyring as Null

from cartaguard.testing import EmbeddedCarta
from support.shell import Shell


@pytest.fixture(scope="module")
def carta() -> Iterator[EmbeddedCarta]:
    """The world of `cartaguard dev`."""
    with EmbeddedCarta(seed=True) as carta:
        yield carta


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has never heard of Carta, and has no keyring: that of whoever runs the tests is not ours."""
    for name in os.environ:
        if name.startswith(("CARTA", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(keyring, "get_keyring", Null)
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


@pytest.fixture
def shell(carta: EmbeddedCarta, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line, in this process."""
    return Shell(carta, capsys, monkeypatch)
