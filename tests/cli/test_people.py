"""`cartaguard user` and `cartaguard group`."""

from __future__ import annotations

import pytest

from support.shell import Shell


def test_users_are_listed_for_scripts_and_for_people(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list and the table hold the same people; 80 columns are enough."""
    users = shell.json("user", "list", by="olga")
    assert list(users[0]) == ["name", "id", "email", "first_name", "last_name", "organization", "groups"]
    names = [user["name"] for user in users]
    assert {"adam", "edda", "greta", "olga", "otto", "vera"} <= set(names)
    monkeypatch.setenv("COLUMNS", "80")
    ran = shell("user", "list", by="olga")
    heading, _, *lines = ran.out.splitlines()
    assert heading.split() == ["name", "e-mail", "first", "name", "last", "name", "organization"]
    assert [line.split()[0] for line in lines] == names
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["greta"], ["greta"]),
        (["gret"], []),
        (["gret", "--prefix"], ["greta"]),
        (["olga@example.org", "--by", "email"], ["olga"]),
        (["Owner", "--by", "last_name"], ["olga"]),
    ],
)
def test_users_are_found_by_their_attributes(shell: Shell, arguments: list[str], found: list[str]) -> None:
    assert [user["name"] for user in shell.json("user", "search", *arguments, by="olga")] == found


def test_nobody_found_is_said_to_people_and_is_no_failure(shell: Shell) -> None:
    ran = shell("user", "search", "nobody", by="olga")
    assert (ran.code, ran.out, ran.err) == (0, "", "there are none\n")


def test_users_are_not_searched_by_what_they_do_not_have(shell: Shell) -> None:
    ran = shell("user", "search", "x", "--by", "shoe", by="olga")
    assert (ran.code, ran.out) == (2, "")
    assert "not by `shoe`" in ran.err


def test_an_administrator_creates_a_user_and_a_group_with_members(shell: Shell) -> None:
    made = shell.json("user", "create", "nora", "--email", "nora@example.org", "--organization", "Aurora", by="vera")
    assert (made["name"], made["email"], made["organization"]) == ("nora", "nora@example.org", "Aurora")
    assert shell.json("group", "create", "Aurora:Casting", by="vera") == {"group": "Aurora:Casting"}
    added = shell.json("group", "add", "Aurora:Casting", "nora", "edda", "nora", by="vera")
    assert added == {"group": "Aurora:Casting", "done": ["nora", "edda"], "unsure": [], "not_done": []}
    members = shell.json("group", "members", "Aurora:Casting", by="vera")
    assert sorted(user["name"] for user in members) == ["edda", "nora"]
    assert "nora@example.org" in shell("group", "members", "Aurora:Casting", by="vera").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["user", "create", "olga"], 1, "user already exists"),
        (["group", "create", "Aurora:Research"], 1, "duplicate record"),
        (["group", "members", "Aurora:Nothing"], 4, "not found"),
        (["group", "add", "Aurora:Nothing", "olga"], 4, "not found"),
        (["user", "create"], 2, "missing argument"),
        (["group", "add", "Aurora:Research"], 2, "missing argument"),
        (["group", "create", ".."], 2, "dot segment"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(shell: Shell, arguments: list[str], code: int, told: str) -> None:
    ran = shell(*arguments, by="vera")
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert told in ran.err.lower()


@pytest.mark.parametrize(
    "arguments", [["user", "create", "mole"], ["group", "create", "Aurora:Moles"], ["group", "add", "Aurora:All", "otto"]]
)
def test_a_second_user_may_not_administer(shell: Shell, arguments: list[str]) -> None:
    ran = shell(*arguments, by="otto")
    assert (ran.code, ran.out) == (1, "")
    assert " 403" in ran.err


def test_nobody_is_added_when_one_of_them_does_not_exist(shell: Shell) -> None:
    before = shell.json("group", "members", "Aurora:Interns", by="vera")
    ran = shell("group", "add", "Aurora:Interns", "edda", "nobody", by="vera")
    assert (ran.code, ran.out, ran.err) == (4, "", "cartaguard: carta knows no user `nobody`\n")
    assert shell.json("group", "members", "Aurora:Interns", by="vera") == before
