"""Every error is one line on standard error with an exit code that says its kind, and never a trace or a secret."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cartaguard import errors
from cartaguard.carta.paths import UnaskableError
from cartaguard.cli.errors import Stopped, exit_code, guarded, printable, unexpected
from support.canary import CANARY, secrets_in
from support.served import Answer, serving
from support.shell import COMMAND, Shell, clean_environment

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errors.CartaForbidden("x"), 1),
        (errors.CartaInvalid("x"), 1),
        (errors.CartaDuplicate("x"), 1),
        (errors.CartaError("x"), 1),
        (errors.CartaError("x", code="carta_malformed"), 1),
        (errors.ParameterError("x"), 2),
        (errors.ConfigurationError("x"), 2),
        (UnaskableError("x"), 2),
        (errors.LoginError("x", code="profiles"), 2),
        (errors.LoginError("x", code="environment"), 2),
        (errors.LoginError("x", code="login_extra"), 2),
        (errors.LoginError("x", code="bad_credentials"), 3),
        (errors.LoginError("x", code="no_login"), 3),
        (errors.LoginError("x", code="no_profile"), 3),
        (errors.CartaUnauthorized("x"), 3),
        (errors.CartaNotFound("x"), 4),
        (errors.CartaUnavailable("x"), 5),
        (Stopped("x"), 130),
    ],
)
def test_the_exit_code_says_what_kind_of_error_it_was(fault: errors.CartaGuardError, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        raise fault

    assert exit_code(fault) == guarded(run) == code
    assert capsys.readouterr().err == "cartaguard: x\n"


def test_the_page_has_every_exit_code() -> None:
    table = DOCS.read_text(encoding="utf-8").split("## Exit codes")[1].split("##")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "130"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "/disk"), OSError("odd")])
def test_a_fault_of_the_system_is_one_line(error: OSError, capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        raise error

    assert guarded(run) == 1
    told = capsys.readouterr().err
    assert told.startswith("cartaguard: ")
    assert told.count("\n") == 1


def test_an_interruption_outside_any_command_is_one_too() -> None:
    def run() -> None:
        raise KeyboardInterrupt

    assert guarded(run) == 130


def test_what_a_command_returns_is_the_exit_code() -> None:
    assert guarded(lambda: 4) == 4
    assert guarded(lambda: None) == 0


def test_a_mistake_of_our_own_is_told_without_any_value(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of what was being worked on is shown, for it may be a secret."""
    try:
        raise KeyError(CANARY)
    except KeyError as fault:
        unexpected(type(fault), fault, fault.__traceback__)
    told = capsys.readouterr().err
    assert re.fullmatch(r"cartaguard: this is a mistake of cartaguard's own \(KeyError at test_errors\.py:\d+\); please report it\n", told)
    unexpected(KeyError, KeyError(CANARY), None)
    assert capsys.readouterr().err == "cartaguard: this is a mistake of cartaguard's own (KeyError); please report it\n"


def test_a_process_shows_a_mistake_of_our_own_in_one_line(tmp_path: Path) -> None:
    """Whatever goes wrong inside, there is no trace."""
    broken = "import cartaguard.cli.session as s, cartaguard.cli.main as m; s.Session._find = lambda self: 1 / 0; m.main()"
    command = [sys.executable, "-c", broken, "whoami"]
    ran = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert "(ZeroDivisionError at <string>:1)" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["usr"], "no such command 'usr'"),
        (["user"], "missing command; see `cartaguard user --help`"),
        (["user", "serch"], "no such command 'serch'"),
        (["user", "search"], "missing argument"),
        (["user", "search", "x", "--jsn"], "no such option: --jsn"),
        (["secret", "put", "name", CANARY], "there are more arguments than the command takes; see `cartaguard secret put --help`"),
        (["user", "search", "x", "--by"], "--by"),
        (["whoami", "--host", "ftp://example.org"], "nobody is logged in"),
    ],
)
def test_a_mistyped_command_is_one_line(shell: Shell, arguments: list[str], told: str) -> None:
    ran = shell(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3 if "nobody" in told else 2, "", 1)
    assert told in ran.err.lower()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(400, b'{"error": "what?"}'), 1),
        (Answer(401, b'{"error": "who?"}'), 3),
        (Answer(403, b'{"error": "no"}'), 1),
        (Answer(404), 4),
        (Answer(418), 1),
        (Answer(500, b"<html>"), 5),
        (Answer(200, b"[1, 2"), 1),
        (Answer(200, b'{"name": 7}'), 1),
    ],
)
def test_what_carta_answers_becomes_an_exit_code(shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: Answer, code: int) -> None:
    monkeypatch.setenv("CARTA_API_TOKEN", CANARY)
    with serving() as served:
        served.answers["/user"] = answer
        ran = shell("whoami", "--json", "--host", served.url)
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)


def test_a_carta_that_repeats_the_credential_does_not_get_it_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTA_API_TOKEN", CANARY)
    with serving() as served:
        served.answers["/user"] = Answer(403, f'{{"error": "not with {CANARY} \\u001b[2J"}}'.encode())
        ran = shell("whoami", "--host", served.url)
    assert ran.code == 1
    assert secrets_in(ran.err) == []
    assert "\x1b" not in ran.err


def test_a_carta_that_is_not_there_is_unavailable(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTA_API_TOKEN", CANARY)
    ran = shell("group", "create", "A:B", "--host", "http://127.0.0.1:1")
    assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1)


def test_names_steer_no_terminal() -> None:
    assert printable("a\x1b[2J\u202eb\n") == "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert printable("a\nb\tc\x00", kept="\n\t") == "a\nb\tc\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("arguments", "more"),
    [(["whoami"], {"PYTHONUNBUFFERED": ""}), (["whoami"], {"PYTHONUNBUFFERED": "1"})],
    ids=["at the end", "on the way"],
)
def test_a_reader_that_goes_away_ends_the_command_quietly(shell: Shell, arguments: list[str], more: dict[str, str]) -> None:
    """As in `cartaguard user list | head -1`."""
    command = [*COMMAND, *arguments, "--profile", "olga"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        environment = clean_environment(shell.home_with("olga"), **more)
        ran = subprocess.run(command, env=environment, stdout=nobody, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_control_c_ends_a_command_that_waits_without_a_trace(shell: Shell) -> None:
    with serving() as served:
        served.gate.clear()
        environment = clean_environment(shell.home_with("olga"))
        command = [*COMMAND, "whoami", "--profile", "olga", "--host", served.url]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert served.arrived.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
