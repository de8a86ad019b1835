"""``cartaguard permission``: who may do what with which resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cartaguard.cli.command import command, group
from cartaguard.cli.session import Session
from cartaguard.errors import ParameterError
from cartaguard.model.names import Resource
from cartaguard.model.role import Role

if TYPE_CHECKING:
    from cartaguard.cli.addresses import Who
    from cartaguard.cli.output import Row

__all__ = ["register"]

_Resource: TypeAlias = Annotated[str, typer.Argument(metavar="RESOURCE", help="`Type:id`, or `Service:namespace/name`.")]
_Whom: TypeAlias = Annotated[list[str], typer.Argument(metavar="WHO", help="`NAME`, `group:ORG:NAME` or `resource:TYPE:ID`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    permissions = group(app, "permission", "Permissions: grant, revoke, show, list.")
    command(permissions, "grant")(grant)
    command(permissions, "revoke")(revoke)
    command(permissions, "show")(show)
    command(permissions, "list")(list_held)


def grant(
    session: Session,
    resource: _Resource,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="None, Guest, User, Editor or Owner.")],
    who: _Whom,
) -> int:
    """Give a role on a resource to users, groups or resources, in place of the one they had."""
    named = {name.lower(): name for name in Role.names()}.get(role.lower())
    if named is None:
        raise ParameterError(f"`{role}` is not a role; use one of {', '.join(Role.names())}")

    def act(id: str, one: Who) -> None:
        session.client.permissions.grant(id, one.name, named, user_type=one.user_type)

    return _for_each(session, resource, who, act, {"role": named}, f"is {named} on")


def revoke(session: Session, resource: _Resource, who: _Whom) -> int:
    """Take away what users, groups or resources were granted on a resource."""

    def act(id: str, one: Who) -> None:
        session.client.permissions.revoke(id, one.name, user_type=one.user_type)

    return _for_each(session, resource, who, act, {}, "no longer has a role of its own on")


def show(
    session: Session,
    resource: _Resource,
    who: Annotated[list[str] | None, typer.Argument(metavar="WHO", help="What these hold in all, by groups too.")] = None,
    resources: Annotated[bool, typer.Option("--resources", help="Show resources that hold something, too.")] = False,
) -> None:
    """Show what everybody was granted on a resource, or what some hold there in all."""
    from cartaguard.carta.records import Entry
    from cartaguard.cli.addresses import HOLDERS, Who, resource_id
    from cartaguard.cli.shapes import holder

    wanted = Resource.parse(resource)
    named = [Who.parse(text) for text in who or ()]
    identifier = resource_id(session.client, wanted)
    kinds = ("User", "UserGroup", *(HOLDERS.values() if resources else ()))
    found: list[Entry] = []
    with session.out.progress("asking for permissions", len(named or kinds)) as advance:
        for one in named:
            held = session.client.permissions.held(identifier, one.name, user_type=one.user_type)
            found.append(Entry(identifier, one.name, one.user_type, held))
            advance()
        for kind in () if named else kinds:
            found += session.client.permissions.show(identifier, user_type=kind)
            advance()
    session.out.listing([holder(entry) for entry in found], {"kind": "kind", "name": "name", "permission": "permission"})


def list_held(
    session: Session,
    types: Annotated[list[str] | None, typer.Argument(metavar="TYPE", help="Such as Project; all when left out.")] = None,
    user: Annotated[str, typer.Option(metavar="NAME", help="Somebody else, for an administrator.")] = "",
) -> None:
    """List what somebody, by default oneself, holds on which resources."""
    from cartaguard.cli.addresses import user_named
    from cartaguard.cli.resource import reachable

    found = reachable(session, types, user_id=user_named(session.client, user) if user else "")
    rows = [row for row in found if row["permission"]]
    session.out.listing(rows, {"type": "type", "id": "id", "name": "name", "permission": "permission"})


def _for_each(session: Session, resource: str, who: list[str], act: Callable[[str, Who], None], about: Row, became: str) -> int:
    from cartaguard.cli.addresses import Who, check_there, resource_id
    from cartaguard.cli.several import for_each, unique

    wanted = Resource.parse(resource)
    named = {text: Who.parse(text) for text in unique(who)}
    identifier = resource_id(session.client, wanted)
    if len(named) > 1:
        for one in named.values():
            check_there(session.client, one)
    return for_each(
        session,
        list(named),
        lambda text: act(identifier, named[text]),
        about={"resource": resource, **about},
        doing="changing permissions",
        done=lambda text: f"{text} {became} {resource}",
    )
