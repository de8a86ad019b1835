"""``cartaguard connection``: where the files of projects are."""

from __future__ import annotations

from typing import Annotated

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import Yes, command, group
from cartaguard.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    connections = group(app, "connection", "Connections of projects to their files: create, delete, list.")
    command(connections, "create")(create)
    command(connections, "delete")(delete)
    command(connections, "list")(list_all)


def create(
    session: Session,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")],
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    backend: Annotated[str, typer.Option(help="What it connects to.")] = "",
    key_path: Annotated[str, typer.Option(help="The path below which the files are.")] = "",
    native_id: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Such as bucketName=…; may be repeated.")] = None,
) -> None:
    """Create a connection of a project."""
    from cartaguard.carta.records import Connection
    from cartaguard.cli.pairs import pairs
    from cartaguard.cli.shapes import connection

    described = Connection(name, backend=backend, key_path=key_path, native_id=pairs(native_id, "="))
    made = session.client.connections.create(project, described)
    session.out.done(connection(made), f"created Connection:{made.id}")


def delete(session: Session, id: Annotated[str, typer.Argument(help="The connection's id.")], yes: Yes = False) -> None:
    """Delete a connection."""
    asking.confirm(f"Delete the connection {id}?", yes=yes)
    session.client.connections.delete(id)
    session.out.done({"type": "Connection", "id": id}, f"deleted Connection:{id}")


def list_all(session: Session) -> None:
    """List the connections that one can reach."""
    from cartaguard.cli.resource import list_of

    list_of(session, "Connection", {"backend": "backend", "key path": "keyPath"})
