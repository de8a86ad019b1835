"""`cartaguard login`, `logout` and `whoami`: a login is proved before it is kept, and kept where only its user can read it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cartaguard.carta.profiles import Profiles
from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY, secrets_in
from support.served import Answer, serving
from support.shell import COMMAND, Shell, at_terminal, clean_environment

PASSWORD = b"olga-develops-1\n"


def test_a_password_that_is_right_is_kept_and_counts_from_then_on(shell: Shell, home: Path) -> None:
    """After a login nobody needs to be named; the file is its owner's alone."""
    ran = shell("login", "--host", shell.carta.url, "--username", "olga", "--password-stdin", stdin=PASSWORD)
    assert (ran.code, ran.out) == (0, f"logged in at {shell.carta.url} as olga; this is the profile `default` from now on\n")
    assert "no system keyring works here" in ran.err
    assert "develops" not in ran.out + ran.err
    who = shell.json("whoami")
    assert who["host"] == shell.carta.url
    assert who["source"] == "the profile `default`"
    assert (who["name"], who["organization"], who["groups"]) == ("olga", "Aurora", ["AllUsers", "Aurora:All", "Aurora:Research"])
    assert list(who) == ["host", "source", "name", "id", "email", "first_name", "last_name", "organization", "groups"]
    file = home / ".carta" / "admin_tools" / "profiles.ini"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_profile_of_another_name_stands_beside_the_default(shell: Shell) -> None:
    ran = shell("login", "--host", shell.carta.url, "--username", "olga", "--password-stdin", "--profile", "lab", "--json", stdin=PASSWORD)
    assert (ran.code, ran.json) == (0, {"profile": "lab", "host": shell.carta.url, "name": "olga"})
    assert shell("whoami").code == 3
    assert shell("whoami", "--profile", "lab").code == 0


def test_a_password_that_is_wrong_changes_nothing(shell: Shell, home: Path) -> None:
    ran = shell("login", "--host", shell.carta.url, "--username", "olga", "--password-stdin", stdin=CANARY.encode())
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("cartaguard: cognito does not take this user name and password")
    assert ran.err.count("\n") == 1
    assert not (home / ".carta").exists()


def test_a_person_at_a_terminal_is_asked_for_what_is_missing(carta: EmbeddedCarta, home: Path) -> None:
    """The password is not shown, and the result is all that standard output holds."""
    environment = clean_environment(home, CARTA_HOST=carta.url)
    ran = at_terminal([*COMMAND, "login", "--json"], [("User name: ", "olga\n"), ("Password: ", "olga-develops-1\n")], environment)
    assert (ran.code, ran.json["name"]) == (0, "olga")
    assert "olga-develops-1" not in ran.err
    assert Profiles(home / ".carta" / "admin_tools" / "profiles.ini").get("default").environment == carta.url


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        ([], b"", "the user name is missing and there is nobody to ask; give `--username`"),
        (
            ["--username", "olga"],
            b"",
            "the password is missing and there is nobody to ask; give it on standard input, with `--password-stdin`",
        ),
        (["--api-token"], b"", "the key is missing and there is nobody to ask; give it on standard input, with `--password-stdin`"),
        (["--username", "olga", "--password-stdin"], b"\n", "the password is empty"),
        (["--username", "olga", "--password-stdin"], b"\xff\n", "the password on standard input is no UTF-8"),
        (["--username", "olga", "--api-token"], b"", "an API token needs no user name; leave out `--username`"),
        (["--environment", "moon"], b"", "`moon` is no environment; use production, sandbox or an address"),
        (["--username", "olga", "--password-stdin", "--host", "http://example.org"], b"x", "`host` is neither https nor on this machine"),
        (["--username", "olga", "--password", CANARY], b"", "no such option: --password"),
        (["--username", "olga", f"--password={CANARY}"], b"", "no such option: --password"),
        (["olga", CANARY], b"", "there are more arguments than the command takes; see `cartaguard login --help`"),
    ],
)
def test_what_cannot_be_a_login_is_bad_input(shell: Shell, home: Path, arguments: list[str], stdin: bytes, told: str) -> None:
    """One line, the code 2, nothing kept, and no word of what might be a secret."""
    ran = shell("login", *arguments, stdin=stdin)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err
    assert not (home / ".carta").exists()


def test_logout_forgets_a_profile_and_only_that(shell: Shell, home: Path) -> None:
    for profile in ("default", "lab"):
        shell("login", "--host", shell.carta.url, "--username", "olga", "--password-stdin", "--profile", profile, stdin=PASSWORD)
    assert shell.json("logout") == {"profile": "default"}
    assert Profiles().names() == ("lab",)
    again = shell("logout")
    assert (again.code, again.err) == (3, "cartaguard: there is no profile `default`\n")
    assert shell("logout", "--profile", "lab").out == "the profile `lab` is forgotten\n"
    assert "develops" not in (home / ".carta" / "admin_tools" / "profiles.ini").read_text()


def test_who_is_not_logged_in_is_told_what_to_do(shell: Shell) -> None:
    ran = shell("whoami")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("cartaguard: nobody is logged in; run `cartaguard login`, or set CARTA_PROFILE")


def test_a_profile_that_is_not_there_is_no_login(shell: Shell) -> None:
    assert shell("whoami", "--profile", "moon").code == 3


def test_a_file_of_profiles_that_cannot_be_read_is_bad_input(shell: Shell, home: Path) -> None:
    """No line of it is shown."""
    file = home / ".carta" / "admin_tools" / "profiles.ini"
    file.parent.mkdir(parents=True)
    file.write_text(f"password = {CANARY}\n")
    file.chmod(0o600)
    ran = shell("whoami")
    assert (ran.code, ran.out) == (2, "")
    assert "is no file of profiles" in ran.err


def test_the_environment_logs_in_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTA_HOST", shell.carta.url)
    monkeypatch.setenv("CARTA_USERNAME", "greta")
    monkeypatch.setenv("CARTA_PASSWORD", "greta-develops-1")
    assert shell.json("whoami")["source"] == "CARTA_USERNAME and CARTA_PASSWORD"
    monkeypatch.delenv("CARTA_PASSWORD")
    half = shell("whoami")
    assert half.code == 3
    assert "only one is there" in half.err


def test_old_variables_work_with_a_word_about_the_new_ones(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTA_HOST", shell.carta.url)
    monkeypatch.setenv("CARTA_USER", "greta")
    monkeypatch.setenv("CARTA_PASS", "greta-develops-1")
    ran = shell("whoami", "--json")
    assert (ran.code, ran.json["name"]) == (0, "greta")
    assert ran.err == "cartaguard: CARTA_USER and CARTA_PASS are deprecated; use CARTA_USERNAME and CARTA_PASSWORD\n"


def test_a_default_profile_does_not_stand_in_for_one_that_is_named_by_halves(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets CARTA_USERNAME and forgets the password does not act as somebody else."""
    shell("login", "--host", shell.carta.url, "--username", "olga", "--password-stdin", stdin=PASSWORD)
    monkeypatch.setenv("CARTA_USERNAME", "greta")
    assert shell("whoami").code == 3


def test_the_key_of_an_api_token_logs_in(shell: Shell) -> None:
    """It is sent as Carta wants it, and kept as a profile like a password."""
    with serving() as served:
        served.answers["/user"] = Answer.of({"name": "robot"})
        ran = shell("login", "--api-token", "--password-stdin", "--host", served.url, stdin=CANARY.encode())
        assert (ran.code, secrets_in(ran.out)) == (0, [])
        assert ran.out.startswith(f"logged in at {served.url} as robot")
        assert shell.json("whoami")["name"] == "robot"
        assert {headers["authorization"].split()[0] for _, headers in served.requests} == {"Basic"}


def test_an_api_token_need_not_be_allowed_to_ask_who_it_is(shell: Shell) -> None:
    with serving() as served:
        served.answers["/user"] = Answer(403)
        ran = shell("login", "--api-token", "--password-stdin", "--host", served.url, stdin=CANARY.encode())
        assert (ran.code, ran.out) == (
            0,
            f"logged in at {served.url} as the owner of the API token; this is the profile `default` from now on\n",
        )
        served.answers["/user"] = Answer(401)
        assert shell("login", "--api-token", "--password-stdin", "--host", served.url, stdin=CANARY.encode()).code == 3
