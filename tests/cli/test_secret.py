"""`cartaguard secret`: a value is asked for or read, never an argument, and printed only when asked for."""

from __future__ import annotations

import pytest

from support.canary import CANARY
from support.shell import COMMAND, Shell, at_terminal, clean_environment


def test_a_secret_is_kept_from_standard_input_and_printed_when_asked_for(shell: Shell) -> None:
    kept = shell("secret", "put", "api-key", by="olga", stdin=f"{CANARY}\n".encode())
    assert (kept.code, kept.out) == (0, "the secret api-key is kept\n")
    assert shell.json("secret", "put", "Api-Key", by="olga", stdin=CANARY.encode()) == {"name": "Api-Key"}
    got = shell("secret", "get", "API-KEY", by="olga")
    assert (got.code, got.out, got.err) == (0, f"{CANARY}\n", "")
    assert shell.json("secret", "get", "api-key", by="olga") == {"name": "api-key", "value": CANARY}


def test_somebody_elses_secret_is_not_there(shell: Shell) -> None:
    shell("secret", "put", "mine", by="olga", stdin=CANARY.encode())
    ran = shell("secret", "get", "mine", by="otto")
    assert (ran.code, ran.out) == (4, "")


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["put", "key"], b""),
        (["put", "key"], f"{CANARY}\n{CANARY}".encode()),
        (["put", "key"], f" {CANARY}".encode()),
        (["put", "key"], CANARY.encode() * 100),
        (["put", "key"], CANARY.encode() + b"\xff"),
        (["put", "key", CANARY], b""),
        (["put", "no name"], CANARY.encode()),
        (["get", ""], b""),
    ],
)
def test_what_cannot_be_a_secret_is_bad_input_and_is_not_shown(shell: Shell, arguments: list[str], stdin: bytes) -> None:
    ran = shell("secret", *arguments, by="olga", stdin=stdin)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_person_at_a_terminal_types_the_value_unseen(shell: Shell) -> None:
    environment = clean_environment(shell.home_with("olga"))
    ran = at_terminal([*COMMAND, "secret", "put", "typed", "--profile", "olga"], [("Value: ", f"{CANARY}\n")], environment)
    assert (ran.code, ran.out) == (0, "the secret typed is kept\n")
    assert CANARY not in ran.err
    assert shell("secret", "get", "typed", by="olga").out == f"{CANARY}\n"
