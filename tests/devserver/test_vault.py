"""The vault: what is sealed opens for the same owner and name with the same key, and for nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cartaguard.devserver.vault import VARIABLE, Vault, VaultError
from cartaguard.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_key_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_what_is_sealed_opens_again_and_never_looks_the_same() -> None:
    vault = Vault(b"k" * 32)
    sealed = [vault.seal("text ü", owner="o", name="n") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert [vault.open(one, owner="o", name="n") for one in sealed] == ["text ü", "text ü"]
    assert repr(vault) == "Vault(…)"


@pytest.mark.parametrize(
    ("key", "owner", "name", "cut"),
    [(b"l", "ab", "c", None), (b"k", "a", "bc", None), (b"k", "ab", "d", None), (b"k", "ab", "c", -1), (b"k", "ab", "c", 5)],
)
def test_nothing_else_opens_it(key: bytes, owner: str, name: str, cut: int | None) -> None:
    sealed = Vault(b"k" * 32).seal("text", owner="ab", name="c")
    with pytest.raises(VaultError):
        Vault(key * 32).open(sealed[:cut], owner=owner, name=name)


def test_the_key_of_a_file_is_made_once_for_all_who_ask_at_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.at(file), range(8)))
    sealed = vaults[0].seal("text", owner="o", name="n")
    assert {vault.open(sealed, owner="o", name="n") for vault in vaults} == {"text"}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_made_in_the_meantime_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever saw no file, and finds one when it would put its own there, takes that one."""
    file = tmp_path / "key"
    sealed = Vault.at(file).seal("text", owner="o", name="n")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert Vault.at(file).open(sealed, owner="o", name="n") == "text"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_is_given_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "k" * 32)
    sealed = Vault.at(None).seal("text", owner="o", name="n")
    assert Vault.at(tmp_path / "key").open(sealed, owner="o", name="n") == "text"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "content", "told"),
    [("short", None, VARIABLE), ("", None, "there is no key"), ("", b"short", "holds no key"), ("", "folder", "cannot be used")],
)
def test_what_is_no_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, content: bytes | str | None, told: str
) -> None:
    monkeypatch.setenv(VARIABLE, given)
    file = tmp_path / "key"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    with pytest.raises(ConfigurationError, match=told):
        Vault.at(None if content is None else file)
