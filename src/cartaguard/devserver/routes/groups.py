"""Carta's calls about groups."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import name, signed_in
from cartaguard.devserver.routes.users import user_json
from cartaguard.model.names import Group

__all__ = ["routes"]


def _create(request: Request, caller: Caller) -> object:
    """Make a group."""
    group = name(request, "group")
    # An organization's groups are made by its own people; those without one belong to the whole server.
    organization = Group(group).organization
    if not (caller.administers or (organization and organization == caller.person.organization)):
        raise ApiError(403, "only an administrator makes this group")
    caller.tables.groups.add(group, creator=caller.person.name)
    return {"name": group}


def _join(request: Request, caller: Caller) -> object:
    """Make a user a member of a group."""
    group, member = name(request, "group"), name(request, "user")
    creator = caller.tables.groups.creator(group)
    if creator is None or caller.tables.people.named(member) is None:
        raise ApiError(400, "not found")
    if not (caller.administers or creator == caller.person.name):
        raise ApiError(403, "only an administrator, or who made the group, adds to it")
    caller.tables.groups.join(group, member)
    return {"name": group, "member": member}


def _members(request: Request, caller: Caller) -> object:
    """The members of a group, through other groups too."""
    group = name(request, "group")
    if caller.tables.groups.creator(group) is None:
        raise ApiError(404, "not found")
    insider = group in caller.groups or Group(group).organization == caller.person.organization
    if not (caller.administers or insider):
        raise ApiError(403, "the group is another organization's")
    found = caller.tables.people.among(caller.tables.groups.members(group))
    return [user_json(person, caller.tables) for person in found]


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "POST", "/user/group/{group}", _create),
        signed_in(carta, "POST", "/user/group/{group}/{user}", _join),
        signed_in(carta, "GET", "/user/group/{group}", _members),
    ]
