"""`cartaguard token`: the key of an API token is shown once, to whoever made it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from support.shell import Shell


def test_a_key_is_shown_once_and_logs_in(shell: Shell) -> None:
    """Standard output is the key alone, for `KEY=$(cartaguard token create …)`."""
    made = shell("token", "create", "robot", "--allow", "GET /user", by="olga")
    assert made.code == 0
    key = made.out.removesuffix("\n")
    assert len(key.split()) == 1
    assert made.err == "created the API token robot; keep its key, which is shown only now\n"
    for ran in (shell("token", "list", by="olga"), shell("token", "list", "--json", by="olga")):
        assert ran.code == 0
        assert "robot" in ran.out
        assert key not in ran.out + ran.err
    logged_in = shell("login", "--api-token", "--password-stdin", "--host", shell.carta.url, stdin=made.out.encode())
    assert (logged_in.code, logged_in.out.split(";")[0]) == (0, f"logged in at {shell.carta.url} as olga")
    assert shell.json("whoami")["name"] == "olga"
    refused = shell("user", "list")
    assert (refused.code, refused.out) in ((1, ""), (3, ""))
    assert key not in refused.err


def test_a_token_has_the_limits_that_it_was_given(shell: Shell) -> None:
    limits = ["--allow", "GET /user", "--allow", "ANY /project/**", "--uses", "2", "--expires", "30d"]
    note = "created the API token limited; keep its key, which is shown only now\n"
    made = shell.json("token", "create", "limited", *limits, by="olga", note=note)
    assert list(made) == ["name", "allowed_endpoints", "expires", "uses", "revoked", "auto_remove", "last_used", "token"]
    [listed] = [row for row in shell.json("token", "list", by="olga") if row["name"] == "limited"]
    assert list(listed) == ["name", "allowed_endpoints", "expires", "uses", "revoked", "auto_remove", "last_used"]
    assert (listed["allowed_endpoints"], listed["uses"], listed["revoked"]) == (["GET /user", "ANY /project/**"], 2, False)
    assert timedelta(days=29) < datetime.fromisoformat(listed["expires"]) - datetime.now(UTC) <= timedelta(days=30)


def test_tokens_are_revoked_and_deleted_once_that_is_confirmed(shell: Shell) -> None:
    for name in ("first", "second"):
        assert shell("token", "create", name, "--allow", "GET /user", by="greta").code == 0
    assert shell("token", "revoke", "first", by="greta").code == 2
    assert shell("token", "delete", "second", by="greta").code == 2
    assert shell.json("token", "revoke", "first", "--yes", by="greta") == {"name": "first"}
    assert shell("token", "delete", "second", "-y", by="greta").out == "deleted the API token second\n"
    left = {row["name"]: row["revoked"] for row in shell.json("token", "list", by="greta")}
    assert left in ({"first": True}, {})
    assert shell("token", "delete", "second", "--yes", by="greta").code == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["robot two", "--allow", "GET /user"], "`robot two` is not a token's name"),
        (["robot", "--allow", "everything"], "`everything` is not an endpoint"),
        (["robot"], "missing option '--allow'"),
        (["robot", "--allow", "GET /user", "--uses", "0"], "`uses` is 1 or more, not `0`"),
        (["robot", "--allow", "GET /user", "--uses", "many"], "invalid value for '--uses'"),
        (["robot", "--allow", "GET /user", "--expires", "soon"], "`soon` is no time"),
        (["robot", "--allow", "GET /user", "--expires", "2030-01-31"], "`expires` needs its time zone"),
        (["robot", "--allow", "GET /user", "--expires", "9999999999d"], "`9999999999d` is too far away"),
    ],
)
def test_a_token_that_could_not_be_meant_is_not_made(shell: Shell, arguments: list[str], told: str) -> None:
    ran = shell("token", "create", *arguments, by="edda")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err
    assert shell.json("token", "list", by="edda") == []


def test_a_name_that_is_taken_is_refused(shell: Shell) -> None:
    assert shell("token", "create", "twice", "--allow", "GET /user", by="adam").code == 0
    ran = shell("token", "create", "twice", "--allow", "GET /user", by="adam")
    assert (ran.code, ran.out) == (1, "")
    assert "duplicate" in ran.err.lower()
