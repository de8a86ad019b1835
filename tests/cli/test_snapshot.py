"""``cartaguard snapshot``: write, show and verify signed files of facts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from cartaguard import LocalDirectory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.snapshot_export import sources_of, write_parts
from support.facts import FactTable
from support.keys import jwks, rsa_key
from support.served import Answer, serving
from support.shell import COMMAND, Shell, at_terminal, clean_environment
from support.snapshots import KEY
from support.tokens import CLIENT, ISSUER

FACTS = {
    "users": {"olga": {}},
    "groups": {"A:T": {"users": ["olga"]}},
    "resources": {"Project:p1": {"owner": "olga", "grants": [{"to": "group:A:T", "role": "Guest"}]}},
}
TABLE = {"kind": "table", "source": "LocalDirectory", "users": 1, "groups": 1, "resources": 1, "grants": 2}


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Facts and a key in the working directory."""
    monkeypatch.chdir(home)
    (home / "facts.json").write_text(json.dumps(FACTS))
    (home / "key").write_bytes(KEY)
    monkeypatch.setenv("SNAPSHOT_KEY", KEY.decode())
    return home


WRITE = ("snapshot", "write", "s", "--facts", "facts.json", "--key-file", "key")


@pytest.mark.usefixtures("folder")
def test_a_snapshot_is_written_shown_and_verified(shell: Shell) -> None:
    """For people in sentences, for scripts in JSON."""
    ran = shell(*WRITE, "--namespace", "live")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("wrote s: 2 grants, 0 remembered answers, ")
    ran = shell("snapshot", "show", "s", "--key-env", "SNAPSHOT_KEY")
    assert ran.code == 0
    assert "hmac-sha256" in ran.out
    assert ["LocalDirectory", "table", "1", "1", "1", "2"] in [line.split() for line in ran.out.splitlines()]
    ran = shell("snapshot", "verify", "s", "--key-file", "key", "--max-age", "600", "--namespace", "live")
    assert ran.code == 0
    assert "s is whole, signed with this key, and" in ran.out
    for words in (WRITE, ("snapshot", "show", "s", "--key-file", "key"), ("snapshot", "verify", "s", "--key-file", "key")):
        told = shell(*words, "--json").json
        assert (told["path"], told["signed"], told["parts"], told["keys_of"]) == ("s", "hmac-sha256", [TABLE], [])
        assert set(told) == {"path", "bytes", "created_at", "age", "signed", "namespace", "issuers", "keys_of", "parts"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("write", "s", "--key-file", "key"), "say either `--settings` or `--facts`"),
        (("write", "s", "--facts", "facts.json"), "say either `--key-env` or `--key-file`"),
        (("write", "s", "--facts", "facts.json", "--key-file", "none"), "`none` cannot be read"),
        (("write", "s", "--facts", "facts.json", "--key-env", "NONE"), "the variable `NONE` is not set"),
        (("write", "s", "--facts", "none.db", "--key-file", "key"), "`none.db` does not exist"),
        (("write", "s", "--facts", "facts.json", "--key-file", "key", "--keys"), "`--keys` are those of the issuers"),
        (("show", "none", "--key-file", "key"), "`none` cannot be read"),
        (("verify", "old", "--key-file", "key", "--max-age", "60"), "write it anew"),
        (("verify", "old", "--key-file", "key", "--namespace", "live"), "another namespace than `live`"),
        (("verify", "damaged", "--key-file", "key"), "is damaged"),
    ],
)
def test_what_cannot_be_done_is_one_line(shell: Shell, folder: Path, words: tuple[str, ...], text: str) -> None:
    """With the exit code of bad input, and nothing on standard output."""
    write_parts("old", sources_of(LocalDirectory.from_dict(FACTS)), key=KEY, clock=lambda: time.time() - 100)
    damaged = bytearray((folder / "old").read_bytes())
    damaged[100] ^= 1
    (folder / "damaged").write_bytes(damaged)
    ran = shell("snapshot", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("cartaguard: ")
    assert text in ran.err


def test_a_database_is_written_too(shell: Shell, folder: Path) -> None:
    """All of its facts."""
    directory = LocalDirectory.open(folder / "facts.db")
    directory.include(FACTS)
    directory.close()
    told = shell("snapshot", "write", "s", "--facts", "facts.db", "--key-file", "key", "--json").json
    assert told["parts"] == [TABLE]


def test_settings_are_written_with_the_keys_of_their_issuers(shell: Shell, folder: Path) -> None:
    """What is remembered of a remote directory only a running service knows, and that is said."""
    with serving() as served:
        served.answers["/keys"] = Answer.of(jwks(rsa_key()))
        (folder / "settings.toml").write_text(
            f'[[issuers]]\nkind = "jwks"\nissuer = "{ISSUER}"\nclient_ids = ["{CLIENT}"]\njwks_uri = "{served.url}/keys"\n'
            '[[directories]]\nkind = "local"\npath = "facts.json"\n[[directories]]\nkind = "carta"\n'
            f'host = "{served.url}"\n'
        )
        words = ("snapshot", "write", "s", "--settings", "settings.toml", "--key-file", "key")
        ran = shell(*words, "--keys", "--json")
    assert ran.code == 0
    assert (ran.json["keys_of"], ran.json["issuers"]) == ([ISSUER], [ISSUER])
    assert [part["kind"] for part in ran.json["parts"]] == ["table", "answers"]
    assert "only what is remembered is written" in ran.err
    told = shell("snapshot", "show", "s", "--key-file", "key").out
    assert ISSUER in told
    assert shell(*words, "--json").json["keys_of"] == []


@pytest.mark.usefixtures("folder")
def test_what_was_left_out_is_shown(shell: Shell) -> None:
    """With its name and why."""
    write_parts("s", sources_of(ChainDirectory([FactTable({}), LocalDirectory.from_dict(FACTS)])), key=KEY)
    [left_out, table] = shell("snapshot", "show", "s", "--key-file", "key", "--json").json["parts"]
    assert (left_out["kind"], left_out["source"], table) == ("left out", "FactTable", TABLE)


def test_progress_is_shown_at_a_terminal(folder: Path) -> None:
    """By stage, and apart from the result."""
    ran = at_terminal([*COMMAND, *WRITE], [], clean_environment(folder, TERM="xterm"), folder=folder)
    assert ran.code == 0
    assert "sorting grants" in ran.err
    assert ran.out.startswith("wrote s: ")
