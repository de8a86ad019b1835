"""The ``cartaguard`` command. Each sub-command, or group of them, is a module here with a function ``register(app)``.

Such a module imports what it needs within its functions, so that no command pays for the others.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["application", "main"]

COMMANDS = (
    "login",
    "user",
    "group",
    "permission",
    "resource",
    "project",
    "connection",
    "secret",
    "namespace",
    "service",
    "token",
    "spicedb",
    "health",
    "snapshot",
    "demo",
    "dev",
)

#: Commands that stand in the module of another one.
_BESIDE = {"logout": "login", "whoami": "login"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit; what the exit codes mean is in docs/cli.md.

    :param arguments: the words after the command's name; by default those of this process, which is then ours: a
        mistake in this package ends it with one line.
    """
    try:
        import typer
    except ImportError:
        sys.exit("cartaguard: the command needs `pip install cartaguard[cli,server]`")
    from cartaguard.cli.errors import guarded, unexpected

    if arguments is None:
        sys.excepthook = unexpected
    given = sys.argv[1:] if arguments is None else list(arguments)
    command = typer.main.get_command(application(*given[:1]))
    sys.exit(guarded(lambda: command.main(args=given, prog_name="cartaguard", standalone_mode=False)))


def application(word: str = "") -> typer.Typer:
    """The command with everything below it; or, since all of it takes a while, only with what begins with a word."""
    import typer

    wanted = _BESIDE.get(word, word)
    app = typer.Typer(help="Authorization in front of Python web applications on Carta, and Carta's administration.", rich_markup_mode=None)
    app.callback()(_nothing)
    for name in (wanted,) if wanted in COMMANDS else COMMANDS:
        import_module(f"cartaguard.cli.{name}").register(app)
    return app


def _nothing() -> None:
    """Without a callback a lone command would become the whole."""
