"""What is shown: tables that fit and steer no terminal, one JSON text, progress for terminals only."""

from __future__ import annotations

import io
import json
import sys

import pytest

from cartaguard.cli.output import Output, Row
from support.shell import COMMAND, Shell, at_terminal, clean_environment

ROWS: list[Row] = [
    {
        "id": "7b9d2c1e-8f0a-5b6c-9d3e-1a2b3c4d5e6f",
        "name": "a name of several words that is long",
        "words": ["read", "write"],
        "more": None,
    },
    {"id": "x", "name": "[red]Zoë\x1b[2J\u202e", "words": [], "more": True},
]
COLUMNS = {"id": "id", "name": "name", "words": "words", "more": "more"}


@pytest.mark.parametrize("width", ["40", "80"])
def test_a_table_fits_and_keeps_ids_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    Output(as_json=False).listing(ROWS, COLUMNS)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= int(width)
    assert ROWS[0]["id"] in out or width == "40"


def test_a_row_is_a_line_in_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its length; names are text, and neither markup nor commands to a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
    Output(as_json=False).listing([{**ROWS[0], "name": "x" * 300}, ROWS[1]], COLUMNS)
    heading, _, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "name", "words", "more"]
    assert "x" * 300 in first
    assert "read, write" in first
    assert "[red]Zoë\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in second
    assert second.rstrip().endswith("yes")


def test_details_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).details({"name": "n\n", "key_path": "", "native_id": {"a": "b", "c": False}, "uses": 3})
    assert capsys.readouterr().out == "name       n\N{REPLACEMENT CHARACTER}\nkey path\nnative id  a=b, c=no\nuses       3\n"


def test_json_is_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).listing(ROWS, COLUMNS)
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == ROWS
    Output(as_json=True).listing([], COLUMNS)
    assert capsys.readouterr().out == "[]\n"


def test_a_terminal_that_cannot_show_a_letter_gets_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", newline="\n") as file:
        monkeypatch.setattr(sys, "stdout", file)
        out = Output(as_json=False)
        out.listing([{"name": "Zoë"}], {"name": "name"})
        out.details({"name": "Zoë"})
        out.done({}, "created Zoë")
        out.value({}, "Zoë")
        file.flush()
        shown = raw.getvalue().decode("ascii")
    assert shown.count("Zo\\xeb") == 4


def test_nothing_of_progress_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=False).progress("working", 2) as advance:
        advance()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [["resource", "list"], ["user", "list"], ["group", "add", "Aurora:Research", "edda", "adam"]])
def test_progress_is_shown_at_a_terminal_and_stays_out_of_the_result(shell: Shell, arguments: list[str]) -> None:
    by = "vera" if arguments[0] == "group" else "olga"
    command = [*COMMAND, *arguments, "--json", "--profile", by]
    ran = at_terminal(command, [], clean_environment(shell.home_with(by), TERM="xterm"))
    assert ran.code == 0
    assert ran.json
    assert "━" in ran.err


def test_no_color_is_heeded(shell: Shell) -> None:
    """A table has no colours, nor has progress."""
    environment = clean_environment(shell.home_with("vera"), TERM="xterm-256color", NO_COLOR="1")
    ran = at_terminal([*COMMAND, "resource", "list", "--profile", "vera"], [], environment)
    assert ran.code == 0
    assert "\x1b[3" not in ran.out + ran.err.replace("\x1b[?25", "")


def test_what_a_service_says_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe it is passed on as it is, at a terminal only what can be seen is."""

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    for kind, shown in ((Terminal, "a\N{REPLACEMENT CHARACTER}[2J\nb\n"), (io.StringIO, "a\x1b[2J\nb\n")):
        stream = kind()
        monkeypatch.setattr(sys, "stdout", stream)
        Output(as_json=False).value({}, "a\x1b[2J\nb")
        assert stream.getvalue() == shown
