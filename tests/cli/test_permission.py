"""`cartaguard permission` and `cartaguard resource`."""

from __future__ import annotations

import pytest

from support.shell import Shell


def held(shell: Shell, resource: str, *who: str) -> dict[str, list[str]]:
    rows = shell.json("permission", "show", resource, *who, by="olga")
    return {f"{row['kind']}:{row['name']}": row["permission"] for row in rows}


def test_a_role_is_granted_and_taken_away(shell: Shell) -> None:
    assert held(shell, "Project:archive", "otto") == {"user:otto": []}
    assert shell.json("permission", "grant", "Project:archive", "editor", "otto", by="olga") == {
        "resource": "Project:archive",
        "role": "Editor",
        "done": ["otto"],
        "unsure": [],
        "not_done": [],
    }
    assert held(shell, "Project:archive", "otto") == {"user:otto": ["read", "write", "execute"]}
    ran = shell("permission", "grant", "Project:archive", "Guest", "otto", by="olga")
    assert (ran.code, ran.out) == (0, "otto is Guest on Project:archive\n")
    assert held(shell, "Project:archive", "otto") == {"user:otto": ["read"]}
    ran = shell("permission", "revoke", "Project:archive", "otto", by="olga")
    assert (ran.code, ran.out) == (0, "otto no longer has a role of its own on Project:archive\n")
    assert held(shell, "Project:archive", "otto") == {"user:otto": []}


def test_users_groups_and_resources_are_granted_together(shell: Shell) -> None:
    who = ["user:otto", "group:Basalt:All", "resource:Project:alloys"]
    shell.json("permission", "grant", "Project:archive", "Guest", *who, by="olga")
    everybody = held(shell, "Project:archive", "--resources")
    assert {name: everybody[name] for name in ("user:otto", "group:Basalt:All", "resource:Project:alloys")} == {
        "user:otto": ["read"],
        "group:Basalt:All": ["read"],
        "resource:Project:alloys": ["read"],
    }
    assert "resource:Project:alloys" not in held(shell, "Project:archive")
    assert held(shell, "Project:archive", "resource:Project:alloys") == {"resource:Project:alloys": ["read"]}
    shell.json("permission", "revoke", "Project:archive", *who, by="olga")
    assert "user:otto" not in held(shell, "Project:archive")


def test_nothing_is_granted_when_one_of_them_does_not_exist(shell: Shell) -> None:
    before = held(shell, "Project:archive")
    for missing in ("nobody", "group:Aurora:Nothing"):
        ran = shell("permission", "grant", "Project:archive", "Guest", "otto", missing, by="olga")
        assert (ran.code, ran.out, ran.err.count("\n")) == (4, "", 1)
    assert held(shell, "Project:archive") == before


def test_a_service_and_a_namespace_go_by_their_names(shell: Shell) -> None:
    shell.json("permission", "grant", "Service:aurora/phase-fit", "User", "otto", by="olga")
    assert held(shell, "Service:aurora/phase-fit", "otto") == {"user:otto": ["read", "execute"]}
    shell.json("permission", "revoke", "Service:aurora/phase-fit", "otto", by="olga")
    shell.json("permission", "grant", "Namespace:aurora", "User", "otto", by="olga")
    assert held(shell, "Namespace:aurora", "otto") == {"user:otto": ["read", "execute"]}
    shell.json("permission", "revoke", "Namespace:aurora", "otto", by="olga")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["grant", "Project:alloys", "King", "otto"], "`King` is not a role; use one of None, Guest, User, Editor, Owner"),
        (["grant", "alloys", "Guest", "otto"], "`alloys` is not a resource: `Type:id` is expected"),
        (["grant", "Project:", "Guest", "otto"], "is not a resource"),
        (["grant", "Project:alloys", "Guest", "Aurora:All"], "`Aurora:All` is nobody; use `NAME`, `group:ORG:NAME` or `resource:TYPE:ID`"),
        (["grant", "Project:alloys", "Guest", "group:"], "`group:` is nobody"),
        (["grant", "Project:alloys", "Guest", "resource:File:f"], "a `File` holds nothing on others"),
        (["grant", "Project:alloys", "Guest", "resource:alloys"], "is not a resource"),
        (["grant", "Project:alloys", "Guest", ""], "`` is nobody"),
        (["grant", "Project:alloys", "Guest"], "missing argument"),
        (["show", "alloys"], "is not a resource"),
        (["show", "Project:alloys", "x:y"], "`x:y` is nobody"),
    ],
)
def test_bad_input_is_told_before_anything_is_asked(shell: Shell, arguments: list[str], told: str) -> None:
    """Even nobody who is logged in gets to hear it."""
    ran = shell("permission", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["grant", "Project:alloys", "Owner", "otto"],
        ["grant", "Project:alloys", "Editor", "otto", "group:Basalt:All"],
        ["revoke", "Project:alloys", "edda"],
        ["show", "Project:alloys"],
        ["list", "--user", "olga"],
    ],
)
def test_a_second_user_is_refused(shell: Shell, arguments: list[str]) -> None:
    ran = shell("permission", *arguments, by="otto")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert " 403" in ran.err


@pytest.mark.parametrize(
    "arguments", [["grant", "Project:moon", "Guest", "otto"], ["show", "Project:moon"], ["revoke", "Project:alloys", "nobody"]]
)
def test_what_is_not_there_is_not_found(shell: Shell, arguments: list[str]) -> None:
    assert shell("permission", *arguments, by="olga").code == 4


def test_what_one_holds_is_listed_by_type(shell: Shell) -> None:
    rows = shell.json("permission", "list", "Project", by="greta")
    assert [(row["type"], row["id"], row["permission"]) for row in rows if row["id"] == "alloys"] == [("Project", "alloys", ["read"])]
    assert list(rows[0]) == ["type", "id", "name", "permission", "fields"]
    assert {row["type"] for row in shell.json("permission", "list", by="olga")} >= {"Project", "Service", "Namespace"}


def test_an_administrator_lists_what_somebody_else_holds(shell: Shell) -> None:
    rows = shell.json("permission", "list", "Project", "--user", "greta", by="vera")
    assert "alloys" in [row["id"] for row in rows]
    assert shell("permission", "list", "--user", "nobody", by="vera").code == 4


def test_resources_are_listed_and_shown(shell: Shell) -> None:
    ran = shell("resource", "list", "Project", "Project", by="greta")
    assert ran.out.splitlines()[0].split() == ["type", "id", "name", "permission"]
    assert ran.out.count("Light alloys") == 1
    shown = shell.json("resource", "show", "Project:alloys", by="greta")
    assert shown["fields"]["bucketName"] == "aurora-alloys"
    assert (shown["name"], shown["permission"]) == ("Light alloys", ["read"])
    assert "bucketName=aurora-alloys" in shell("resource", "show", "Project:alloys", by="greta").out
    assert shell("resource", "show", "Project:moon", by="greta").code == 4
    assert shell("resource", "show", "Project:archive", by="greta").code == 1
    assert shell("resource", "show", "Project", by="greta").code == 2
