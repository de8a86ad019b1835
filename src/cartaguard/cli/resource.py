"""``cartaguard resource``: what there is, and lists of one kind for the other groups of commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from cartaguard.cli.command import command, group
from cartaguard.cli.output import Row
from cartaguard.cli.session import Session
from cartaguard.model.names import Resource

__all__ = ["list_of", "reachable", "register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    resources = group(app, "resource", "Resources of all types: list, show.")
    command(resources, "list")(list_all)
    command(resources, "show")(show)


def list_all(
    session: Session,
    types: Annotated[list[str] | None, typer.Argument(metavar="TYPE", help="Such as Project; all when left out.")] = None,
) -> None:
    """List the resources that one can reach."""
    session.out.listing(reachable(session, types), {"type": "type", "id": "id", "name": "name", "permission": "permission"})


def show(session: Session, resource: Annotated[str, typer.Argument(help="`Type:id`, such as `Project:alloys`.")]) -> None:
    """Show one resource, and what one holds on it."""
    from cartaguard.cli.addresses import resource_id
    from cartaguard.cli.shapes import resource as shape

    wanted = Resource.parse(resource)
    session.out.details(shape(session.client.resources.get(wanted.type, resource_id(session.client, wanted))))


def reachable(session: Session, types: Sequence[str] | None, *, user_id: str = "") -> list[Row]:
    """The resources of these types, or of all, that a user can reach."""
    from cartaguard.cli.shapes import resource as shape

    wanted = list(dict.fromkeys(types or session.client.resources.types()))
    found: list[Row] = []
    with session.out.progress("asking for resources", len(wanted)) as advance:
        for type_ in wanted:
            found += [shape(record) for record in session.client.resources.list(type_, user_id=user_id)]
            advance()
    return found


def list_of(session: Session, type: str, fields: Mapping[str, str]) -> None:
    """List the resources of one type.

    :param fields: headings, and for each the name of Carta's own field that stands below it.
    """
    rows = reachable(session, [type])
    if not session.out.as_json:
        rows = [{**row, **{key: row["fields"].get(key) for key in fields.values()}} for row in rows]
    session.out.listing(rows, {"id": "id", "name": "name", **fields, "permission": "permission"})
