"""``cartaguard user``: the people of Carta."""

from __future__ import annotations

from typing import Annotated

import typer

from cartaguard.cli.command import command, group
from cartaguard.cli.session import Session

__all__ = ["COLUMNS", "register"]

#: The columns of a table of users.
COLUMNS = {"name": "name", "e-mail": "email", "first name": "first_name", "last name": "last_name", "organization": "organization"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    users = group(app, "user", "Users: list, search, create.")
    command(users, "list")(list_all)
    command(users, "search")(search)
    command(users, "create")(create)


def list_all(session: Session) -> None:
    """List all users."""
    _show(session, "", "username", True)


def search(
    session: Session,
    value: Annotated[str, typer.Argument(help="What to look for.")],
    by: Annotated[str, typer.Option(help="username, email, first_name, last_name or id.")] = "username",
    prefix: Annotated[bool, typer.Option("--prefix", help="Find those too that only begin with it.")] = False,
) -> None:
    """Find users by one of their attributes."""
    _show(session, value, by, prefix)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="The login name.")],
    email: Annotated[str, typer.Option(help="The e-mail address.")] = "",
    first_name: Annotated[str, typer.Option(help="The first name.")] = "",
    last_name: Annotated[str, typer.Option(help="The last name.")] = "",
    organization: Annotated[str, typer.Option(help="The organization.")] = "",
) -> None:
    """Create a user."""
    from cartaguard.cli.shapes import person

    made = session.client.users.create(name, email=email, first_name=first_name, last_name=last_name, organization=organization)
    session.out.done(person(made), f"created the user {made.name}")


def _show(session: Session, value: str, by: str, prefix: bool) -> None:
    from cartaguard.cli.shapes import person

    with session.out.progress("asking for users"):
        found = session.client.users.search(value, by=by, prefix=prefix)
    session.out.listing([person(user) for user in found], COLUMNS)
