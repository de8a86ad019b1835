"""`cartaguard spicedb`: the schema, and loading facts into a real SpiceDB."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cartaguard import LocalDirectory, Permission, Principal, Resource
from cartaguard.carta.client import CartaClient
from cartaguard.carta.login import TokenLogin
from cartaguard.carta.records import Person
from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.drivers import blocking
from cartaguard.model.facts import Granted, PermissionNeed
from support.shell import Shell
from support.spicedb import SpiceDB, spicedb
from support.spicedb_stand_in import stand_in

P1 = Resource("Project", "p1")
FACTS = {
    "users": {"olga": {"organizations": ["OrgA"]}},
    "groups": {"OrgA:Team": {"users": ["bob"]}},
    "resources": {"Project:p1": {"owner": "olga", "grants": [{"to": "group:OrgA:Team", "role": "Guest"}]}},
}


@pytest.fixture(scope="module", params=["stand-in", pytest.param("spicedb", marks=pytest.mark.server)])
def running(request: pytest.FixtureRequest) -> Iterator[SpiceDB]:
    with spicedb() if request.param == "spicedb" else stand_in() as server:
        yield server


@pytest.fixture
def server(running: SpiceDB, monkeypatch: pytest.MonkeyPatch) -> SpiceDB:
    """An empty one, which the environment names."""
    running.write_schema()
    running.load({})
    monkeypatch.setenv("SPICEDB_TOKEN", running.token)
    monkeypatch.setenv("SPICEDB_ENDPOINT", running.endpoint)
    return running


@pytest.fixture
def facts(tmp_path: Path) -> str:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(FACTS))
    return str(path)


def held(server: SpiceDB, name: str, resource: Resource = P1, subject: str = "") -> Permission:
    directory = SpiceDBDirectory(server.endpoint, token=server.token, tls=False)
    need = PermissionNeed(Principal(issuer="i", subject=subject or f"sub-{name}", username=name), resource)
    fact = blocking.run(directory.fetch([need]))[need]
    directory.close()
    assert isinstance(fact, Granted)
    assert not fact.doubt
    return fact.permission


def test_the_schema_is_printed_and_what_is_printed_can_be_stored(shell: Shell, server: SpiceDB) -> None:
    """To be read, kept under version control, or written."""
    printed = shell("spicedb", "schema")
    assert printed.code == 0
    assert "definition resource {" in printed.out
    assert shell("spicedb", "schema", "--json").json == {"schema": printed.out}
    assert shell("spicedb", "schema", "--write", "--plaintext").out == f"the schema is in {server.endpoint}\n"
    assert shell("spicedb", "schema", "--write", "--plaintext").code == 0


def test_a_file_is_loaded_and_loading_it_again_writes_nothing(shell: Shell, server: SpiceDB, facts: str) -> None:
    """The counts are told, and of a dry run what they would be."""
    rehearsed = shell("spicedb", "sync", facts, "--plaintext", "--dry-run")
    assert rehearsed.out.startswith("would be: ")
    assert held(server, "olga") == Permission.NONE
    told = shell("spicedb", "sync", facts, "--plaintext", "--json").json
    assert (told["added"], told["deleted"], told["unchanged"], told["dry_run"]) == (8, 0, 0, False)
    assert told["token"]
    assert held(server, "olga") == Permission.ALL
    assert held(server, "bob") == Permission.READ
    assert shell("spicedb", "sync", facts, "--plaintext").out == "0 added, 0 deleted, 8 unchanged\n"


def test_what_the_facts_do_not_tell_of_stays_unless_it_is_to_be_pruned(shell: Shell, server: SpiceDB, facts: str, tmp_path: Path) -> None:
    """A resource of others is theirs; what is told of one resource replaces all that was stored of it."""
    shell("spicedb", "sync", facts, "--plaintext")
    other = tmp_path / "other.toml"
    other.write_text('[resources."Project:p2"]\nowner = "bob"\n')
    assert shell("spicedb", "sync", str(other), "--plaintext", "--json").json["deleted"] == 0
    assert held(server, "olga") == Permission.ALL
    assert held(server, "bob", Resource("Project", "p2")) == Permission.ALL
    assert shell("spicedb", "sync", str(other), "--plaintext", "--prune").out == "0 added, 8 deleted, 2 unchanged\n"
    assert held(server, "olga") == Permission.NONE


def test_a_database_is_loaded_too(shell: Shell, server: SpiceDB, tmp_path: Path) -> None:
    """Everything that is in it."""
    path = tmp_path / "facts.sqlite"
    directory = LocalDirectory.open(path)
    directory.include(FACTS)
    directory.close()
    assert shell("spicedb", "sync", str(path), "--plaintext", "--json").json["added"] == 8
    assert held(server, "bob") == Permission.READ


def test_what_carta_tells_an_administrator_is_loaded(shell: Shell, server: SpiceDB) -> None:
    """What each user holds in all, for exactly the accounts that there are; groups and organizations, too."""
    told = shell("spicedb", "sync", "--carta", "--plaintext", "--json", by="vera").json
    assert told["added"] > 10
    ids = {person.name: person.id for person in _people(shell)}
    alloys = Resource("Project", "alloys")
    assert held(server, "greta", alloys, ids["greta"]) == Permission.READ
    assert held(server, "edda", alloys, ids["edda"]) == Permission.of("read", "write", "execute")
    assert held(server, "greta", alloys, "another-subject") == Permission.NONE
    assert held(server, "olga", Resource("Namespace", "aurora"), ids["olga"]).admin


def _people(shell: Shell) -> Sequence[Person]:
    with CartaClient(shell.carta.url, TokenLogin(shell.carta.token("vera"))) as client:
        return client.users.search("", prefix=True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sync"], 2, "say whose facts"),
        (["sync", "facts.json", "--carta"], 2, "say whose facts"),
        (["sync", "missing.json"], 2, "cannot be read"),
        (["sync", "missing.sqlite"], 2, "is not there"),
        (["schema", "--write", "--endpoint", "spicedb.example:50051", "--plaintext"], 2, "is not this machine"),
        (["schema", "--write", "--endpoint", "nowhere"], 2, "host:port"),
        (["schema", "--write", "--endpoint", "127.0.0.1:1", "--plaintext"], 5, "spicedb gave no usable answer"),
        (["schema", "--write", "--token-env", "NOT_SET"], 2, "`NOT_SET` holds no key"),
        (["schema", "--write", "--token-file", "missing"], 1, "missing"),
    ],
)
def test_what_cannot_be_done_is_one_line(shell: Shell, server: SpiceDB, arguments: list[str], code: int, said: str) -> None:
    """Each says what is wrong, and nothing is written."""
    ran = shell("spicedb", *arguments)
    assert ran.code == code
    assert said in ran.err


def test_a_wrong_key_and_a_missing_place_are_told(shell: Shell, server: SpiceDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key from a file; the exit code is that of a login that is refused."""
    key = tmp_path / "key"
    key.write_text("another\n")
    refused = shell("spicedb", "schema", "--write", "--plaintext", "--token-file", str(key))
    assert refused.code == 3
    key.write_text(f"{server.token}\n")
    assert shell("spicedb", "schema", "--write", "--plaintext", "--token-file", str(key)).code == 0
    monkeypatch.delenv("SPICEDB_ENDPOINT")
    assert "say where SpiceDB is" in shell("spicedb", "schema", "--write", "--plaintext").err


def test_a_schema_of_others_is_not_written_over(shell: Shell, server: SpiceDB, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their definitions would be lost, and with them their relationships."""
    with stand_in() as theirs:
        calls = theirs.calls()
        blocking.run(calls.write_schema("definition document {}", calls.clock() + 10))
        calls.channels.close()
        refused = shell("spicedb", "schema", "--write", "--plaintext", "--endpoint", theirs.endpoint)
        assert refused.code == 2
        assert "`document`" in refused.err
