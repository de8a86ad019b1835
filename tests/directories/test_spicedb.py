"""SpiceDB as a directory, on a stand-in that follows groups and owners: how it is set up, and what it is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Settings
from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.errors import ConfigurationError, SettingsError
from cartaguard.model.facts import GroupsNeed, ListingNeed, Need, OrganizationsNeed, PermissionNeed, RestrictionNeed
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import Restriction
from support.canary import CANARY
from support.colours import COLOURS, Run
from support.spicedb import SpiceDB
from support.spicedb_stand_in import stand_in

FACTS: dict[str, Any] = {
    "users": {"olga": {"subject": "s-1", "organizations": ["OrgA"]}, "eve": {"subject": "s-2"}},
    "groups": {"G": {"users": ["olga"]}, "H": {"groups": ["G"]}},
    "resources": {
        "Project:p": {"owner": "olga", "restricted": {"level": "same_organization", "allowed_users": "eve"}, "organization": "OrgA"},
        "Project:q": {"grants": [{"to": "group:H", "role": "Guest"}, {"to": "user:bob", "permissions": ["admin"]}]},
        "Secret:s": {"owner": "olga"},
    },
}
P, Q, S = map(Resource.parse, FACTS["resources"])


def caller(name: str, subject: str, *groups: str) -> Principal:
    return Principal(issuer="https://a.example", subject=subject, username=name, groups=groups)


@pytest.fixture(scope="module")
def server() -> Iterator[SpiceDB]:
    with stand_in() as running:
        running.write_schema()
        running.load(FACTS)
        yield running


@pytest.fixture
def directory(server: SpiceDB) -> Iterator[SpiceDBDirectory]:
    directory = SpiceDBDirectory(server.endpoint, token=server.token, tls=False)
    yield directory
    directory.close()


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize(
    ("principal", "groups", "organizations", "held"),
    [
        (caller("olga", "s-1"), {"G", "H"}, {"OrgA"}, {P: Permission.ALL, Q: Permission.READ, S: Permission.ALL}),
        (caller("olga", "another"), set(), set(), {}),
        (caller("eve", "s-2", "G"), {"G", "H"}, set(), {Q: Permission.READ}),
        (caller("bob", "s-3"), set(), set(), {Q: Permission.ADMIN}),
        (caller("bob", "s-3", "H"), {"H"}, set(), {Q: Permission.ADMIN | Permission.READ}),
    ],
)
def test_a_caller_holds_what_the_facts_say(
    directory: SpiceDBDirectory, run: Run, principal: Principal, groups: set[str], organizations: set[str], held: dict[Resource, Permission]
) -> None:
    """By name where the pins fit, by the token's groups in any case."""
    wanted = frozenset({"G", "H", "I"})
    needs: dict[str, Need] = {
        **{str(resource): PermissionNeed(principal, resource) for resource in (P, Q, S)},
        "all": GroupsNeed(principal),
        "some": GroupsNeed(principal, wanted),
        "organizations": OrganizationsNeed(principal),
        **{type_: ListingNeed(principal, type_) for type_ in ("Project", "Secret")},
    }
    answers: Mapping[Need, Any] = run(directory.fetch(list(needs.values())))
    assert {
        resource: answers[needs[str(resource)]].permission for resource in (P, Q, S) if answers[needs[str(resource)]].permission
    } == held
    assert answers[needs["all"]].groups == groups
    assert answers[needs["some"]].groups == groups
    assert answers[needs["organizations"]].names == organizations
    listed = [item for type_ in ("Project", "Secret") for item in answers[needs[type_]].resources]
    assert dict(listed) == held


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_a_record_tells_whether_a_resource_is_known_and_restricted(directory: SpiceDBDirectory, run: Run) -> None:
    """It is the same for whoever asks, the anonymous too."""
    needs = {name: RestrictionNeed(Principal.anonymous, Resource.parse(name)) for name in (*FACTS["resources"], "Project:unknown")}
    answers: Mapping[Need, Any] = run(directory.fetch(list(needs.values())))
    assert answers[needs["Project:p"]].restrictions == (Restriction("same_organization", frozenset({"eve"}), "OrgA"),)
    assert [answers[need].known for need in needs.values()] == [True, True, True, False]
    assert answers[needs["Project:q"]].restrictions == ()


def test_nothing_is_asked_about_the_anonymous(directory: SpiceDBDirectory) -> None:
    nobody = Principal.anonymous
    at_hand = (
        directory.permission(nobody, P),
        directory.groups(nobody),
        directory.organizations(nobody),
        directory.listing(nobody, "Project"),
    )
    assert all(fact is not None for fact in at_hand)
    assert directory.restriction(nobody, P) is None


# -- set-up ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"endpoint": "spicedb.example"}, "bad_endpoint"),
        ({"endpoint": "https://spicedb.example:50051"}, "bad_endpoint"),
        ({"endpoint": "spicedb.example:0"}, "bad_endpoint"),
        ({"endpoint": "unix:///run/spicedb"}, "bad_endpoint"),
        ({"endpoint": 50051}, "bad_endpoint"),
        ({"endpoint": "spicedb.example:50051", "tls": False}, "insecure_endpoint"),
        ({"endpoint": "10.0.0.1:50051", "tls": False}, "insecure_endpoint"),
        ({"token": ""}, "bad_key"),
        ({"token": "two words"}, "bad_key"),
        ({"token": "line\nbreak"}, "bad_key"),
        ({"timeout": 0}, "bad_value"),
        ({"timeout": 11}, "bad_value"),
        ({"ca_file": "missing.pem"}, "unreadable"),
    ],
)
def test_what_cannot_be_meant_is_an_error_at_start(options: dict[str, Any], code: str) -> None:
    """A key in the clear to another machine above all."""
    given: dict[str, Any] = {"endpoint": "127.0.0.1:50051", "token": CANARY, **options}
    with pytest.raises(ConfigurationError) as fault:
        SpiceDBDirectory(given.pop("endpoint"), **given)
    assert fault.value.code == code
    assert CANARY not in str(fault.value)


@pytest.mark.parametrize("endpoint", ["localhost:50051", "127.0.0.1:50051", "[::1]:50051"])
def test_this_machine_needs_no_tls(endpoint: str) -> None:
    """Its name, and its addresses in either form; nothing secret is shown."""
    directory = SpiceDBDirectory(endpoint, token=CANARY, tls=False)
    assert repr(directory) == f"SpiceDBDirectory({endpoint!r})"
    directory.close()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(ConfigurationError, match=r"pip install cartaguard\[spicedb\]"):
        SpiceDBDirectory("127.0.0.1:50051", token="key", tls=False)


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_a_server_that_does_not_speak_tls_is_in_doubt(server: SpiceDB, run: Run, tmp_path: Path) -> None:
    """Encrypted is the default, and the key is not sent before it is."""
    authorities = tmp_path / "ca.pem"
    authorities.write_text("")
    directory = SpiceDBDirectory(server.endpoint, token=server.token, ca_file=authorities, timeout=2.0)
    need = RestrictionNeed(Principal.anonymous, P)
    answers: Mapping[Need, Any] = run(directory.fetch([need]))
    assert answers[need].doubt in ("spicedb_unavailable", "spicedb_timeout")
    directory.close()


def settings(**keys: Any) -> Settings:
    issuer = {"kind": "jwks", "issuer": "https://a.example", "client_ids": ["c"], "jwks_uri": "https://a.example/keys"}
    directory = {"kind": "spicedb", "endpoint": "127.0.0.1:50051", "tls": False, **keys}
    return Settings.from_dict({"issuers": [issuer], "directories": [directory]}, environ={"KEY": CANARY})


def test_settings_name_the_key_and_never_hold_it(tmp_path: Path) -> None:
    """From a variable, or from a file that is read whenever it is needed."""
    key = tmp_path / "key"
    key.write_text(f"{CANARY}\n")
    for keys in ({"token_env": "KEY"}, {"token_file": str(key), "watch": False, "timeout": 5}):
        guard = settings(**keys).guard()
        assert "spicedb" in str(guard.directory.health()) or guard.directory.source == "127.0.0.1:50051"
        guard.close()


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({}, "missing_key"),
        ({"token_env": "OTHER"}, "missing_secret"),
        ({"token_env": "KEY", "token_file": "key"}, "contradiction"),
        ({"token": "key"}, "inline_secret"),
        ({"token_env": "KEY", "endpoint": "spicedb.example:1"}, "insecure_endpoint"),
        ({"token_env": "KEY", "ca_file": "missing.pem"}, "unreadable"),
    ],
)
def test_settings_that_cannot_be_are_errors_that_name_the_key(keys: dict[str, Any], code: str) -> None:
    with pytest.raises(SettingsError) as fault:
        settings(**keys).guard()
    assert fault.value.code == code
