"""``cartaguard namespace``: the namespaces of services."""

from __future__ import annotations

from typing import Annotated

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import Yes, command, group
from cartaguard.cli.session import Session

__all__ = ["register"]

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The namespace.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    namespaces = group(app, "namespace", "Namespaces of services: reserve, show, remove, list.")
    command(namespaces, "reserve")(reserve)
    command(namespaces, "show")(show)
    command(namespaces, "remove")(remove)
    command(namespaces, "list")(list_all)


def reserve(session: Session, name: _Name) -> None:
    """Reserve a namespace, and own it."""
    session.client.namespaces.reserve(name)
    session.out.done({"namespace": name}, f"reserved the namespace {name}")


def show(session: Session, name: _Name) -> None:
    """Show a namespace."""
    from cartaguard.cli.shapes import resource

    session.out.details(resource(session.client.namespaces.get(name)))


def remove(session: Session, name: _Name, yes: Yes = False) -> None:
    """Remove a namespace."""
    asking.confirm(f"Remove the namespace {name}?", yes=yes)
    session.client.namespaces.remove(name)
    session.out.done({"namespace": name}, f"removed the namespace {name}")


def list_all(session: Session) -> None:
    """List the namespaces that one can reach."""
    from cartaguard.cli.resource import list_of

    list_of(session, "Namespace", {})
