"""``cartaguard group``: groups and their members."""

from __future__ import annotations

from typing import Annotated

import typer

from cartaguard.cli.command import command, group
from cartaguard.cli.session import Session

__all__ = ["register"]

_Group = Annotated[str, typer.Argument(metavar="GROUP", help="`Organization:Name`, or `Name`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    groups = group(app, "group", "Groups: create, add members, list members.")
    command(groups, "create")(create)
    command(groups, "add")(add)
    command(groups, "members")(members)


def create(session: Session, name: _Group) -> None:
    """Create a group."""
    session.client.groups.create(name)
    session.out.done({"group": name}, f"created the group {name}")


def add(session: Session, name: _Group, users: Annotated[list[str], typer.Argument(help="Login names.")]) -> int:
    """Add users to a group. Nobody is added unless all of them exist."""
    from cartaguard.cli.addresses import user_named
    from cartaguard.cli.several import for_each, unique

    wanted = unique(users)
    for user in wanted:
        user_named(session.client, user)
    return for_each(
        session,
        wanted,
        lambda user: session.client.groups.add_member(name, user),
        about={"group": name},
        doing="adding members",
        done=lambda user: f"{user} is in {name}",
    )


def members(session: Session, name: _Group) -> None:
    """List the members of a group."""
    from cartaguard.cli.shapes import person
    from cartaguard.cli.user import COLUMNS

    with session.out.progress("asking for members"):
        found = session.client.groups.members(name)
    session.out.listing([person(user) for user in found], COLUMNS)
