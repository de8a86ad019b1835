"""The command as a whole: help, completion, and what its start costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from cartaguard.cli.main import COMMANDS, application
from support.shell import COMMAND, Shell, clean_environment

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"

#: What no help, and no completion, needs.
HEAVY = ["rich", "httpx", "httpx2", "msgspec", "jwt", "cryptography", "sqlalchemy", "starlette", "keyring", "pycognito", "boto3", "asyncio"]


def commands() -> list[list[str]]:
    """Every command that there is, as words."""
    top = get_command(application())
    found: list[list[str]] = []
    for name, command in getattr(top, "commands").items():  # noqa: B009 (typed as something narrower)
        inner = getattr(command, "commands", {})
        found += [[name, below] for below in inner] if name != "dev" and inner else [[name]]
    return found


def test_help_loads_nothing_but_typer(tmp_path: Path) -> None:
    """Everything else is loaded by the command that needs it."""
    code = f"""
import sys, json
from cartaguard.cli.main import main
try:
    main(["--help"])
except SystemExit as stopped:
    print(json.dumps([stopped.code, [name for name in {HEAVY} if name in sys.modules]]), file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert json.loads(ran.stderr) == [0, []]
    for name in COMMANDS:
        assert re.search(rf"^  {name}\b", ran.stdout, re.MULTILINE)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_and_a_place_on_the_page(shell: Shell, words: list[str]) -> None:
    ran = shell(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "Traceback" not in ran.out
    page = DOCS.read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|") and f"`{words[0]}" in line]
    assert any(re.search(rf"\b{words[-1]}\b", row) for row in rows)


def test_every_command_takes_the_common_options() -> None:
    top = get_command(application())
    for words in commands():
        if words[0] not in ("dev", "demo", "health", "snapshot", "spicedb"):
            command = top
            for word in words:
                command = getattr(command, "commands")[word]  # noqa: B009 (typed as something narrower)
            options = {option for parameter in command.params for option in parameter.opts}
            assert {"--host", "--profile", "--environment", "--json"} <= options, words


@pytest.mark.parametrize(
    ("typed", "completed"), [("cartaguard perm", "permission"), ("cartaguard permission gr", "grant"), ("cartaguard whoami --js", "--json")]
)
def test_shells_complete_commands_and_options(tmp_path: Path, typed: str, completed: str) -> None:
    environment = clean_environment(
        tmp_path, _CARTAGUARD_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(typed.split()) - 1)
    )
    ran = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=False)
    assert (ran.stdout.split(), ran.stderr) == ([completed], "")


def test_completion_is_installed_for_the_users_shell(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    ran = subprocess.run([*COMMAND, "--install-completion", "bash"], env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "bash completion installed" in ran.stdout
    assert "_CARTAGUARD_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "cartaguard.sh").read_text()
