"""``cartaguard project``: projects and their buckets."""

from __future__ import annotations

from typing import Annotated

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import Yes, command, group
from cartaguard.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    projects = group(app, "project", "Projects: create, delete, list.")
    command(projects, "create")(create)
    command(projects, "delete")(delete)
    command(projects, "list")(list_all)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="The project's name.")],
    bucket: Annotated[str, typer.Option(help="The bucket that its files are in.")],
) -> None:
    """Create a project, and own it."""
    from cartaguard.cli.shapes import resource

    made = session.client.projects.create(name, bucket)
    session.out.done(resource(made), f"created Project:{made.id}")


def delete(session: Session, id: Annotated[str, typer.Argument(help="The project's id.")], yes: Yes = False) -> None:
    """Delete a project."""
    asking.confirm(f"Delete the project {id}?", yes=yes)
    session.client.projects.delete(id)
    session.out.done({"type": "Project", "id": id}, f"deleted Project:{id}")


def list_all(session: Session) -> None:
    """List the projects that one can reach."""
    from cartaguard.cli.resource import list_of

    list_of(session, "Project", {"bucket": "bucketName"})
