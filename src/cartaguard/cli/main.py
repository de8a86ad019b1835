"""The ``cartaguard`` command. Each sub-command is a module here with a function ``register(app)``.

Such a module imports what it needs within its functions, so that no command pays for the others.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from cartaguard.errors import CartaGuardError

__all__ = ["main"]

COMMANDS = ("demo", "dev")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 when all went well, 2 with one line on standard error when the input was bad.

    :param arguments: the words after the command's name; by default those of this process.
    """
    try:
        import typer
    except ImportError:
        sys.exit("cartaguard: the command needs `pip install cartaguard[cli,server]`")
    app = typer.Typer(help="Authorization in front of Python web applications on Carta.", add_completion=False, rich_markup_mode=None)
    app.callback()(_nothing)
    for name in COMMANDS:
        import_module(f"cartaguard.cli.{name}").register(app)
    # Typer brings the class of its usage errors along with one that it shows.
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        code = app(args=None if arguments is None else list(arguments), prog_name="cartaguard", standalone_mode=False)
    except CartaGuardError as fault:
        _refuse(str(fault))
    except usage_error as fault:
        _refuse(fault.format_message())
    sys.exit(code if isinstance(code, int) else 0)


def _nothing() -> None:
    """Without a callback a lone sub-command would become the command itself."""


def _refuse(message: str) -> None:
    print(f"cartaguard: {message}", file=sys.stderr)
    sys.exit(2)
