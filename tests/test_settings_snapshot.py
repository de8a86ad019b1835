"""A snapshot in a settings file: alone, beside other directories, or behind them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cartaguard import Guard, Issuer, LocalDirectory, RemoteKeys, Settings, TokenVerifier, errors, permission
from cartaguard.directories.snapshot import SnapshotDirectory
from cartaguard.directories.snapshot_export import sources_of, write_parts
from support.canary import CANARY
from support.facts import person
from support.keys import jwks, rsa_key
from support.served import Answer, serving
from support.snapshots import KEY, snapshot
from support.tokens import CLIENT, ISSUER, bearer, token_for

FACTS = {"resources": {"Project:p1": {"owner": "olga"}}}
READ = permission("read", "Project:p1")
ENVIRON = {"SNAPSHOT_KEY": KEY.decode()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Facts, a snapshot of them, its key, and the issuer's keys."""
    snapshot(tmp_path / "s", FACTS, at=time.time())
    (tmp_path / "key").write_bytes(KEY + b"\n")
    (tmp_path / "keys.json").write_text(json.dumps(jwks(rsa_key())))
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    return tmp_path


def guard(folder: Path, *directories: dict[str, Any], environ: dict[str, str] = ENVIRON) -> Guard:
    issuer = {"kind": "jwks", "issuer": ISSUER, "client_ids": [CLIENT], "jwks_file": "keys.json"}
    return Settings.from_dict({"issuers": [issuer], "directories": list(directories)}, base=folder, environ=environ).guard()


def entry(**values: Any) -> dict[str, Any]:
    return {"kind": "snapshot", "path": "s", "max_age": 3600, **values}


@pytest.mark.parametrize("key", [{"key_env": "SNAPSHOT_KEY"}, {"key_file": "key"}])
def test_a_snapshot_is_a_directory(folder: Path, key: dict[str, str]) -> None:
    """With a shared secret from a variable or a file; a line break at its end is none of it."""
    made = guard(folder, entry(**key, check="as_read"))
    assert made.check(person(), READ).permitted
    assert not made.check(person("eve"), READ).permitted


def test_a_snapshot_is_read_with_a_public_key(folder: Path) -> None:
    """Whoever has that cannot make one; a text that is no public key is no shared secret either."""
    private = Ed25519PrivateKey.generate()
    (folder / "public").write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    snapshot(folder / "s", FACTS, at=time.time(), key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert guard(folder, entry(public_key_file="public")).check(person(), READ).permitted
    with pytest.raises(errors.SettingsError, match=r"public_key_file` names a file that holds no public key"):
        guard(folder, entry(public_key_file="key"))


def test_a_snapshot_may_stand_behind_the_other_directories(folder: Path) -> None:
    """It stands in for all of them, and may not be there yet."""
    (folder / "s").unlink()
    local = {"kind": "local", "path": "facts.json"}
    made = guard(folder, entry(key_env="SNAPSHOT_KEY", live=True), local)
    directory = made.directory
    assert isinstance(directory, SnapshotDirectory)
    assert [member.source for member in directory.live] == ["LocalDirectory"]
    assert made.check(person(), READ).permitted
    made.snapshot(folder / "s", key=KEY)
    assert guard(folder, local, entry(key_env="SNAPSHOT_KEY", live=True)).check(person(), READ).permitted
    assert guard(folder, local, entry(key_env="SNAPSHOT_KEY")).check(person(), READ).permitted


def test_the_keys_in_a_snapshot_serve_while_there_are_no_others(folder: Path) -> None:
    """Only where that is asked for."""
    with serving() as served:
        served.answers["/keys"] = Answer.of(jwks(rsa_key()))
        url = f"{served.url}/keys"
        verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(url))])
        Guard(verifier=verifier).authenticate(bearer(token_for(now=time.time())))
        write_parts(
            folder / "s", sources_of(LocalDirectory.from_dict(FACTS)), key=KEY, issuers=[ISSUER], keys=verifier.keep_keys(time.time())
        )
        served.answers["/keys"] = Answer(500)
        for keys in (False, True):
            issuer = {"kind": "jwks", "issuer": ISSUER, "client_ids": [CLIENT], "jwks_uri": url}
            local = {"kind": "local", "path": "facts.json"}
            table = {"issuers": [issuer], "directories": [local, entry(key_file="key", keys=keys)]}
            made = Settings.from_dict(table, base=folder).guard()
            if keys:
                assert made.authenticate(bearer(token_for(now=time.time()))).username == "olga"
            else:
                with pytest.raises(errors.KeysUnavailable):
                    made.authenticate(bearer(token_for(now=time.time())))


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        ({}, "missing_key", r"directories\[0\]\.key_env` is missing \(or `directories\[0\]\.key_file` or"),
        ({"key_env": "NONE"}, "missing_secret", "key_env` names the variable `NONE`"),
        ({"key_file": "none"}, "unreadable", "key_file` names a file that cannot be read"),
        ({"key_env": "SNAPSHOT_KEY", "key_file": "key"}, "contradiction", "contradict each other"),
        ({"key": CANARY}, "inline_secret", "would hold a secret"),
        ({"key_env": "SHORT"}, "bad_snapshot_key", "31 bytes"),
        ({"key_env": "SNAPSHOT_KEY", "max_age": 0}, "bad_max_age", "more than 0"),
        ({"key_env": "SNAPSHOT_KEY", "max_age": float("inf")}, "bad_max_age", "an end"),
        ({"key_env": "SNAPSHOT_KEY", "max_age": float("nan")}, "bad_max_age", "more than 0"),
        ({"key_env": "SNAPSHOT_KEY", "max_age": "1 h"}, "bad_value", "a number"),
        ({"key_env": "SNAPSHOT_KEY", "check": "never"}, "bad_value", "`whole` or `as_read`"),
        ({"key_env": "SNAPSHOT_KEY", "namespace": "live"}, "snapshot_foreign", "namespace"),
        ({"key_env": "SNAPSHOT_KEY", "path": "none"}, "snapshot_unreadable", "none"),
        ({"key_env": "SNAPSHOT_KEY", "live": True}, "contradiction", "there is none"),
    ],
)
def test_a_snapshot_that_cannot_be_used_is_said_at_start(folder: Path, values: dict[str, Any], code: str, text: str) -> None:
    """The message names the key of the settings, and no secret."""
    with pytest.raises(errors.SettingsError, match=text) as fault:
        guard(folder, entry(**values), environ={**ENVIRON, "SHORT": "x" * 31})
    assert fault.value.code == code
    assert CANARY not in str(fault.value)


def test_one_snapshot_stands_in_for_all_directories(folder: Path) -> None:
    """Not two; and the issuers have to be those that it is about."""
    local, behind = {"kind": "local", "path": "facts.json"}, entry(key_env="SNAPSHOT_KEY", live=True)
    with pytest.raises(errors.SettingsError, match=r"directories\[2\]\.live` is said by another snapshot"):
        guard(folder, local, behind, behind)
    snapshot(folder / "s", FACTS, at=time.time(), issuers=["https://another.example"])
    with pytest.raises(errors.SettingsError) as fault:
        guard(folder, entry(key_env="SNAPSHOT_KEY"))
    assert fault.value.code == "snapshot_foreign"


def test_the_environment_describes_a_snapshot_too(folder: Path) -> None:
    """The variable with its key is no setting, whatever it is called."""
    environ = {
        "CARTAGUARD_ISSUER_KIND": "jwks",
        "CARTAGUARD_ISSUER_ISSUER": ISSUER,
        "CARTAGUARD_ISSUER_CLIENT_IDS": CLIENT,
        "CARTAGUARD_ISSUER_JWKS_FILE": str(folder / "keys.json"),
        "CARTAGUARD_DIRECTORY_KIND": "snapshot",
        "CARTAGUARD_DIRECTORY_PATH": str(folder / "s"),
        "CARTAGUARD_DIRECTORY_MAX_AGE": "3600",
        "CARTAGUARD_DIRECTORY_KEY_ENV": "CARTAGUARD_SNAPSHOT",
        "CARTAGUARD_SNAPSHOT": KEY.decode(),
    }
    assert Settings.from_env(environ).guard().check(person(), READ).permitted
