"""Malformed facts: an error that names them, or nothing granted and a line in the log."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard._logfmt import text
from cartaguard.directories.local import LocalDirectory
from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import STRICTEST
from cartaguard.model.role import Role
from support.heard import hearing

P1 = Resource("Project", "p1")


def caller(username: str, subject: str = "s-1", **more: Any) -> Principal:
    return Principal(issuer="https://a.example", subject=subject, username=username, **more)


def project(**fact: Any) -> dict[str, Any]:
    return {"resources": {"Project:p1": fact}}


def granting(grant: Any) -> dict[str, Any]:
    return project(owner="olga", grants=[grant, {"to": "user:eve", "role": "Guest"}])


MALFORMED: list[tuple[Any, str]] = [
    ([], "the facts"),
    ({"user": {}}, "user"),
    ({"users": []}, "users"),
    ({"users": {"adam": "s-1"}}, "users.adam"),
    ({"users": {"": {}}}, 'users.""'),
    ({"users": {7: {}}}, 'users."7"'),
    ({"users": {"adam": {"subjcet": "s-1"}}}, "users.adam.subjcet"),
    ({"users": {"adam": {"subject": 7}}}, "users.adam.subject"),
    ({"users": {"adam": {"subject": " "}}}, "users.adam.subject"),
    ({"users": {"adam": {"issuer": None}}}, "users.adam.issuer"),
    ({"users": {"adam": {"organizations": "OrgA"}}}, "users.adam.organizations"),
    ({"users": {"adam": {"organizations": ["OrgA", 7]}}}, "users.adam.organizations"),
    ({"users": {"a": {"username": "adam"}, "adam": {}}}, "users.adam"),
    ({"groups": {"OrgA:Team": ["adam"]}}, 'groups."OrgA:Team"'),
    ({"groups": {"OrgA:Team": {"members": ["adam"]}}}, 'groups."OrgA:Team".members'),
    ({"groups": {"OrgA:Team": {"users": "adam"}}}, 'groups."OrgA:Team".users'),
    ({"groups": {"OrgA:Team": {"users": [["adam"]]}}}, 'groups."OrgA:Team".users'),
    ({"resources": {"Project": {}}}, "resources.Project"),
    ({"resources": {"Project:": {}}}, 'resources."Project:"'),
    (project(owner=7), 'resources."Project:p1".owner'),
    (project(ownr="adam"), 'resources."Project:p1".ownr'),
    (project(organization=""), 'resources."Project:p1".organization'),
    (project(grants={"to": "user:adam", "role": "Owner"}), 'resources."Project:p1".grants'),
    (granting("user:adam"), 'resources."Project:p1".grants[0]'),
    (granting({"role": "Editor"}), 'resources."Project:p1".grants[0].to'),
    (granting({"to": ["user:adam"], "role": "Editor"}), 'resources."Project:p1".grants[0].to'),
    (granting({"to": "adam", "role": "Editor"}), 'resources."Project:p1".grants[0].to'),
    (granting({"to": "user:adam"}), 'resources."Project:p1".grants[0]'),
    (granting({"to": "user:adam", "role": "editor"}), 'resources."Project:p1".grants[0].role'),
    (granting({"to": "user:adam", "role": ["Editor"]}), 'resources."Project:p1".grants[0].role'),
    (granting({"to": "user:adam", "role": "Editor", "permissions": ["read"]}), 'resources."Project:p1".grants[0]'),
    (granting({"to": "user:adam", "permissions": ["read", "fly"]}), 'resources."Project:p1".grants[0].permissions'),
    (granting({"to": "user:adam", "permissions": "read"}), 'resources."Project:p1".grants[0].permissions'),
    (granting({"to": "user:adam", "permissions": [7]}), 'resources."Project:p1".grants[0].permissions'),
    (granting({"to": "user:adam", "role": "Editor", "until": "tomorrow"}), 'resources."Project:p1".grants[0].until'),
    (project(restricted="public"), 'resources."Project:p1".restricted'),
    (project(restricted={"level": "private"}), 'resources."Project:p1".restricted'),
]


@pytest.mark.parametrize(("facts", "path"), MALFORMED, ids=[path for _, path in MALFORMED])
def test_a_malformed_fact_is_an_error_that_names_it(facts: Any, path: str) -> None:
    """By default, and before anything is decided."""
    with pytest.raises(DirectoryError) as fault:
        LocalDirectory.from_dict(facts)
    assert str(fault.value).startswith(f"`{path}` ")
    assert fault.value.code == "malformed_fact"


@pytest.mark.parametrize(("facts", "path"), MALFORMED, ids=[path for _, path in MALFORMED])
def test_a_malformed_fact_grants_nothing_and_is_reported(facts: Any, path: str) -> None:
    """With ``strict=False`` nobody gains by it, and sound neighbours still hold."""
    with hearing() as heard:
        directory = LocalDirectory.from_dict(facts, strict=False)
    assert ("fact_skipped", text(path)) in [(event, fields["path"]) for event, fields in heard]
    adam = caller("adam")
    assert directory.permission(adam, P1).permission == Permission.NONE
    assert directory.groups(adam).groups == frozenset()
    assert directory.organizations(adam).names <= {"OrgA"}
    if (
        isinstance(facts, dict)
        and "grants" in facts.get("resources", {}).get("Project:p1", {})
        and "owner" in facts["resources"]["Project:p1"]
    ):
        assert directory.permission(caller("eve"), P1).permission == Permission.READ
        assert directory.permission(caller("olga"), P1).permission == Permission.ALL


@pytest.mark.parametrize("broken", [{"subject": 7}, {"subjcet": "s-1"}, "s-1", {"issuer": ""}, {"username": []}])
def test_a_user_that_cannot_be_read_is_nobody(broken: Any) -> None:
    """It may have been pinned, so that not even a caller of that name is it."""
    facts = {"users": {"adam": broken}, **project(grants=[{"to": "user:adam", "role": "Editor"}])}
    assert LocalDirectory.from_dict(facts, strict=False).permission(caller("adam"), P1).permission == Permission.NONE


def test_two_users_who_are_the_same_caller_are_nobody() -> None:
    """Which of the two is meant cannot be told."""
    facts = {"users": {"a": {"username": "adam"}, "b": {"username": "adam"}}, **project(owner="a")}
    assert LocalDirectory.from_dict(facts, strict=False).permission(caller("adam"), P1).permission == Permission.NONE


@pytest.mark.parametrize("fact", [{"owner": 7}, {"ownr": "olga"}])
def test_an_owner_that_cannot_be_read_leaves_no_place_for_another(fact: dict[str, Any]) -> None:
    """A grant of Owner then stays the second one."""
    facts = project(**fact, grants=[{"to": "user:adam", "role": "Owner"}])
    assert LocalDirectory.from_dict(facts, strict=False).permission(caller("adam"), P1).permission == Permission.NONE


@pytest.mark.parametrize("fact", [{"restricted": "{"}, {"restricted": {"level": 7}}, {"restrcted": {"level": "registered"}}, 7])
def test_a_restriction_that_cannot_be_read_is_the_strictest(fact: Any) -> None:
    """Never public, and the resource is known."""
    known = LocalDirectory.from_dict({"resources": {"Project:p1": fact}}, strict=False).restriction(Principal.anonymous, P1)
    assert known.known
    assert known.restrictions == (STRICTEST,)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("resource", "grant", "words"),
    [
        ("Project:p1", {"to": "user:adam", "role": "Owner"}, "exactly one"),
        ("Secret:k", {"to": "user:adam", "role": "Guest"}, "never shared"),
    ],
)
def test_second_owners_and_shared_secrets_are_ignored_with_a_line_in_the_log(
    strict: bool, resource: str, grant: dict[str, str], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They are no error in either mode."""
    directory = LocalDirectory.from_dict({"resources": {resource: {"owner": "olga", "grants": [grant]}}}, strict=strict)
    assert words in caplog.text
    assert directory.permission(caller("adam"), Resource.parse(resource)).permission == Permission.NONE
    assert directory.permission(caller("olga"), Resource.parse(resource)).permission == Permission.ALL


def test_the_words_of_a_grant_and_its_role_mean_the_same() -> None:
    """A role may be given as ``Role`` in a dict."""
    grants = [
        {"to": "user:adam", "role": Role.EDITOR},
        {"to": "user:eve", "permissions": ["read", "write", "execute"]},
        {"to": "user:bob", "role": "None"},
        {"to": "user:ada", "permissions": []},
        {"to": "user:max", "permissions": ["read"]},
        {"to": "user:max", "permissions": ["clone"]},
    ]
    directory = LocalDirectory.from_dict(project(grants=grants))
    held = [directory.permission(caller(name), P1).permission for name in ("adam", "eve", "bob", "ada", "max")]
    editor = Role.EDITOR.permission
    assert held == [editor, editor, Permission.NONE, Permission.NONE, Permission.READ | Permission.CLONE]


@pytest.mark.parametrize("name", ["OrgA:Team", " ", "a:b:c", "ключ", "Ключ", "e\u0301", "é", "user:x", "'\"`", "\x00", "ORGA:TEAM"])
def test_any_text_is_a_group_name_and_equal_only_to_itself(name: str) -> None:
    """Case, blanks and composed letters are not folded together."""
    facts = {"groups": {name: {"users": ["olga"]}}, **project(grants=[{"to": f"group:{name}", "role": "Guest"}])}
    directory = LocalDirectory.from_dict(facts)
    assert directory.groups(caller("olga")).groups == {name}
    assert directory.permission(caller("olga"), P1).permission == Permission.READ
    for other in {"OrgA:Team", " ", "ключ", "Ключ", "e\u0301", "é", "orga:team", name + " ", "x"} - {name}:
        assert directory.permission(caller("adam", groups=[other]), P1).permission == Permission.NONE
