"""Carta's calls about workspaces; those about their permissions are the general ones under another path."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import Stored
from cartaguard.devserver.routes import permissions
from cartaguard.devserver.routes.endpoint import name, signed_in
from cartaguard.devserver.routes.items import check_owns, item_json
from cartaguard.devserver.services import checked_name
from cartaguard.model.permission import Permission

__all__ = ["routes"]


def _create(request: Request, caller: Caller) -> object:
    """Make a workspace; who makes it owns it."""
    fields = {"name": checked_name(name(request, "name")), "archived": False}
    stored = caller.tables.permissions.create("Workspace", owner=caller.person.name, fields=fields)
    return item_json(caller, stored, Permission.ALL)


def _mine(_: Request, caller: Caller) -> object:
    """The workspaces on which the caller holds something."""
    return permissions.items_of(caller, caller.person.name, "Workspace")


def _one(request: Request, caller: Caller) -> object:
    """A workspace. It is hidden (403) from whom nothing was granted."""
    stored = _workspace(request, caller)
    permission = caller.tables.permissions.of_user(caller.person.name, stored.resource)
    if not permission:
        raise ApiError(403, "forbidden")
    return item_json(caller, stored, permission)


def _remove(request: Request, caller: Caller) -> object:
    """Remove a workspace."""
    stored = _workspace(request, caller)
    check_owns(caller, stored)
    caller.tables.permissions.remove(stored.resource)
    return True


def _workspace(request: Request, caller: Caller) -> Stored:
    stored = caller.tables.permissions.stored(name(request, "id"))
    if stored is None or stored.resource.type != "Workspace":
        raise ApiError(404, "not found")
    return stored


def _of_workspace(answer: Callable[[Request, Caller], object]) -> Callable[[Request, Caller], object]:
    """A general call, for a workspace only."""

    def checked(request: Request, caller: Caller) -> object:
        _workspace(request, caller)
        return answer(request, caller)

    checked.__doc__ = answer.__doc__
    return checked


def routes(carta: DevCarta) -> list[BaseRoute]:
    one = "/workspace/{id}/permissions/user/{principal}"
    return [
        signed_in(carta, "POST", "/workspace/{name}", _create),
        signed_in(carta, "GET", "/workspace", _mine),
        signed_in(carta, "GET", "/workspace/{id}", _one),
        signed_in(carta, "DELETE", "/workspace/{id}", _remove),
        signed_in(carta, "GET", "/workspace/{id}/permissions/users", _of_workspace(permissions.direct), query=("userType",)),
        signed_in(carta, "GET", one, _of_workspace(permissions.held), query=("userType",)),
        signed_in(carta, "PUT", one, _of_workspace(permissions.grant), query=("userType", "role")),
        signed_in(carta, "DELETE", one, _of_workspace(permissions.revoke), query=("userType",)),
    ]
