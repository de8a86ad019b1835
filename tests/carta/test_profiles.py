"""Profiles: the file that Carta's users have, kept closed to others, whole, and shared with Carta's other tools."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

from cartaguard.carta import Profile, Profiles, profiles
from cartaguard.carta.vault import Vault
from cartaguard.errors import LoginError, ParameterError
from support.canary import CANARY

OTHERS = "[olga]\nusername = olga\nenvironment = production\naws_profile = lab\n\n[other]\nusername = otto\n\n"


class Ring(KeyringBackend):
    """A keyring of the `keyring` package, in memory."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def _unlock(self) -> None:
        if self.locked:
            raise KeyringError("locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._unlock()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._unlock()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._unlock()
        del self.kept[service, username]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "admin_tools" / "profiles.ini"


@pytest.fixture
def plain(path: Path) -> Profiles:
    """Profiles where there is no keyring."""
    return Profiles(path, vault=Vault())


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def ringed(path: Path, ring: Ring) -> Profiles:
    return Profiles(path, vault=Vault(ring))


def put(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_is_what_is_read(plain: Profiles, ringed: Profiles) -> None:
    for kept in (plain, ringed):
        profile = Profile("lab", "olga", "sandbox", CANARY, "token-1")
        kept.save(profile)
        assert kept.get("lab") == profile
        assert kept.names() == ("lab",)


def test_the_file_and_its_folder_are_closed_to_others(plain: Profiles, path: Path) -> None:
    before = os.umask(0)
    try:
        plain.save(Profile("lab", "olga", password=CANARY))
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_without_a_keyring_secrets_are_in_the_file_and_the_caller_is_told(plain: Profiles, path: Path) -> None:
    (note,) = plain.save(Profile("lab", "olga", password=CANARY, token="t1"))
    assert "keyring" in note
    assert "password and token of `lab`" in note
    assert CANARY not in note
    assert f"password = {CANARY}" in path.read_text()
    assert plain.save(Profile("lab", "olga")) == ()
    assert CANARY not in path.read_text()


def test_with_a_keyring_no_secret_is_in_the_file(ringed: Profiles, ring: Ring, path: Path) -> None:
    put(path, f"[lab]\nusername = olga\npassword = {CANARY}\n")
    assert ringed.get("lab").password == CANARY
    assert ringed.save(ringed.get("lab")) == ()
    assert CANARY not in path.read_text()
    assert list(ring.kept.values()) == [CANARY]
    assert ringed.get("lab").password == CANARY
    ringed.save(Profile("lab", "olga"))
    assert ring.kept == {}


def test_a_keyring_that_does_not_answer_is_none(ringed: Profiles, ring: Ring, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring.locked = True
    assert ringed.save(Profile("lab", "olga", password=CANARY)) != ()
    assert f"password = {CANARY}" in path.read_text()
    put(path, "[lab]\nusername = olga\n")
    assert ringed.get("lab").password == ""
    assert "KeyringError" in caplog.text


def test_the_same_name_in_another_file_is_another_profile(tmp_path: Path, ring: Ring) -> None:
    one, two = (Profiles(tmp_path / name, vault=Vault(ring)) for name in ("one.ini", "two.ini"))
    one.save(Profile("lab", password="1"))
    two.save(Profile("lab", password="2"))
    assert (one.get("lab").password, two.get("lab").password) == ("1", "2")


def test_other_profiles_and_keys_that_are_not_ours_stay(plain: Profiles, path: Path) -> None:
    put(path, OTHERS)
    plain.save(Profile("olga", "olga2", "sandbox"))
    plain.save(Profile("new", "n"))
    text = path.read_text()
    assert "aws_profile = lab" in text
    assert "[other]\nusername = otto\n" in text
    assert plain.get("olga") == Profile("olga", "olga2", "sandbox")
    assert plain.names() == ("olga", "other", "new")


def test_a_profile_is_forgotten_with_its_secrets(ringed: Profiles, ring: Ring, path: Path) -> None:
    put(path, OTHERS)
    ringed.save(Profile("lab", password=CANARY, token="t"))
    assert ringed.delete("lab") is True
    assert ringed.delete("lab") is False
    assert (ring.kept, ringed.names()) == ({}, ("olga", "other"))


def test_a_profile_that_there_is_not_is_named_with_those_that_there_are(plain: Profiles, path: Path) -> None:
    for text, known in (("", "none"), (OTHERS, "`olga`, `other`")):
        put(path, text)
        with pytest.raises(LoginError, match="no profile `lab`") as caught:
            plain.get("lab")
        assert caught.value.code == "no_profile"
        assert known in str(caught.value)


def test_a_file_that_is_not_there_has_no_profiles(plain: Profiles, path: Path) -> None:
    assert plain.names() == ()
    assert plain.delete("lab") is False
    assert not path.exists()


def test_a_file_that_others_can_read_is_closed_and_that_is_said(plain: Profiles, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(path, f"[lab]\npassword = {CANARY}\n", 0o644)
    assert plain.get("lab").password == CANARY
    assert mode(path) == 0o600
    assert "could be read by other users" in caplog.text
    caplog.clear()
    plain.get("lab")
    assert caplog.text == ""


def test_a_file_that_is_not_ours_to_close_is_told_of(
    plain: Profiles, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, OTHERS, 0o644)

    def refuse(file: int, mode: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchmod", refuse)
    assert plain.names() == ("olga", "other")
    assert "not ours to change" in caplog.text


def test_a_link_becomes_a_file_of_its_own_and_that_is_said(plain: Profiles, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.ini"
    put(target, OTHERS)
    path.parent.mkdir()
    path.symlink_to(target)
    (note,) = plain.save(Profile("lab", "olga"))
    assert str(target) in note
    assert not path.is_symlink()
    assert plain.names() == ("olga", "other", "lab")
    assert target.read_text() == OTHERS


@pytest.mark.parametrize("text", ["no section\n", "[a]\npassword canary-7Qz4vT1mB9\n", "[a]\n[a]\n", "[a]\nb=1\nb=2\n", "[a\n"])
def test_a_file_that_is_none_is_named_and_not_shown_or_changed(plain: Profiles, path: Path, text: str) -> None:
    put(path, text)
    for act in (lambda: plain.names(), lambda: plain.save(Profile("lab")), lambda: plain.delete("lab")):
        with pytest.raises(LoginError, match="no file of profiles") as caught:
            act()
        assert CANARY not in f"{caught.value}"
        assert caught.value.__suppress_context__
    assert path.read_text() == text


def test_bytes_that_are_no_text_are_no_file_of_profiles(plain: Profiles, path: Path) -> None:
    put(path, "")
    path.write_bytes(b"[a]\nb = \xff\n")
    with pytest.raises(LoginError, match="no file of profiles"):
        plain.names()


@pytest.mark.parametrize(
    "profile",
    [
        Profile(""),
        Profile("DEFAULT"),
        Profile("a]\n[b"),
        Profile("a\npassword = x\n[b"),
        Profile("a", username=" olga"),
        Profile("a", password="ends with a space "),
        Profile("a", password="line\r\nbreak"),
        Profile("a", environment="\u2028"),
    ],
)
def test_what_the_file_cannot_hold_is_refused_and_nothing_is_changed(plain: Profiles, path: Path, profile: Profile) -> None:
    put(path, OTHERS)
    with pytest.raises(ParameterError):
        plain.save(profile)
    assert path.read_text() == OTHERS


def test_a_name_that_the_file_cannot_hold_changes_no_keyring(ringed: Profiles, ring: Ring) -> None:
    with pytest.raises(ParameterError):
        ringed.save(Profile("a]b\n", password="x"))
    assert ring.kept == {}


@given(st.text(max_size=12), st.text(max_size=12))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_and_password_is_kept_as_it_is_or_refused(tmp_path: Path, name: str, password: str) -> None:
    path = tmp_path / "p.ini"
    put(path, OTHERS)
    kept = Profiles(path, vault=Vault())
    profile = Profile(name, "u", password=password)
    try:
        kept.save(profile)
    except ParameterError:
        assert path.read_text() == OTHERS
    else:
        assert kept.get(name) == profile
        assert kept.get("other") == Profile("other", "otto") or name == "other"


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder.ini"
    folder.mkdir()
    with pytest.raises(LoginError, match="cannot be read"):
        Profiles(folder, vault=Vault()).names()
    (tmp_path / "file").touch()
    with pytest.raises(LoginError, match="cannot be written"):
        Profiles(tmp_path / "file" / "p.ini", vault=Vault()).save(Profile("lab"))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(plain: Profiles, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, OTHERS)

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LoginError, match="No space left"):
        plain.save(Profile("lab", password=CANARY))
    assert path.read_text() == OTHERS
    assert {file.name for file in path.parent.iterdir()} <= {"profiles.ini", ".profiles.ini.lock"}


def test_while_another_process_writes_one_waits_and_then_says_so(plain: Profiles, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_PATIENCE", 0.05)
    plain.save(Profile("lab"))
    with sqlite3.connect(path.parent / ".profiles.ini.lock", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LoginError, match="another process"):
            plain.save(Profile("lab2"))
        other.execute("ROLLBACK")
    other.close()
    plain.save(Profile("lab2"))


def _write(path: Path, number: int) -> None:
    for count in range(5):
        Profiles(path, vault=Vault()).save(Profile(f"p{number}-{count}", "olga"))


def test_several_processes_lose_nothing(path: Path) -> None:
    context: Any = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert sorted(Profiles(path, vault=Vault()).names()) == [f"p{number}-{count}" for number in range(3) for count in range(5)]


def test_a_profile_shows_no_secret_and_goes_nowhere() -> None:
    profile = Profile("lab", "olga", password=CANARY, token=CANARY)
    assert CANARY not in repr(profile)
    with pytest.raises(TypeError):
        pickle.dumps(profile)


def test_the_usual_file_is_that_of_cartas_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Profiles(vault=Vault()).path == tmp_path / ".carta" / "admin_tools" / "profiles.ini"


def test_nothing_is_logged_of_what_is_kept(plain: Profiles, ringed: Profiles, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for kept in (plain, ringed):
        kept.save(Profile("lab", "olga", password=CANARY, token=CANARY))
        kept.get("lab")
        kept.delete("lab")
    assert CANARY not in caplog.text
