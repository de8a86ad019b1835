"""``cartaguard secret``: one's own secrets. A value is never a word on the command line, which others could see."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import command, group
from cartaguard.cli.session import Session

__all__ = ["register"]

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and hyphens; case does not matter.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    secrets = group(app, "secret", "One's own secrets: put, get.")
    command(secrets, "put")(put)
    command(secrets, "get")(get)


def put(session: Session, name: _Name) -> None:
    """Keep a secret, in place of one of that name. Its value is asked for, or read from standard input."""
    value = asking.secret("Value", "give it on standard input") if sys.stdin.isatty() else asking.from_stdin("Value")
    session.client.secrets.put(name, value)
    session.out.done({"name": name}, f"the secret {name} is kept")


def get(session: Session, name: _Name) -> None:
    """Print a secret."""
    value = session.client.secrets.get(name)
    session.out.value({"name": name, "value": value}, value)
