"""Carta's calls about resources and permissions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import TYPES, Stored
from cartaguard.devserver.routes.endpoint import name, signed_in
from cartaguard.devserver.routes.items import item_json, permission_text
from cartaguard.directories.graph import Grantee
from cartaguard.model.permission import Permission
from cartaguard.model.role import Role

__all__ = ["direct", "grant", "held", "items_of", "revoke", "routes"]

#: Carta's userType words that stand for a resource, and the types.
_ITEMS = {"NamespaceItem": "Namespace", "ProjectItem": "Project", "WorkflowItem": "Workflow", "WorkspaceItem": "Workspace"}


def _types(_: Request, __: Caller) -> object:
    """The types of resources."""
    return list(TYPES)


def _reachable(request: Request, caller: Caller) -> object:
    """The resources of a type on which a user holds something; by default the caller."""
    user = request.query_params.get("userId", "") or caller.person.id
    if user != caller.person.id and not caller.administers:
        raise ApiError(403, "only an administrator asks about other users")
    person = caller.tables.people.with_id(user)
    if person is None:
        raise ApiError(404, "not found")
    return items_of(caller, person.name, name(request, "type"))


def items_of(caller: Caller, user: str, type: str) -> list[object]:
    """The resources of a type on which a user holds something."""
    tables = caller.tables
    found = [(tables.permissions.stored(resource.id), held) for resource, held in tables.permissions.reached_by(user, type)]
    return [item_json(caller, stored, held) for stored, held in found if stored is not None]


def _resource(request: Request, caller: Caller) -> object:
    """A resource. It is hidden (403) from whom nothing was granted."""
    stored = _stored(request, caller)
    if stored.resource.type != name(request, "type"):
        raise ApiError(404, "not found")
    permission = caller.tables.permissions.of_user(caller.person.name, stored.resource)
    if not permission:
        raise ApiError(403, "forbidden")
    return item_json(caller, stored, permission)


def held(request: Request, caller: Caller) -> str:
    """What a user, group or resource holds on a resource, as text."""
    stored, grantee = _stored(request, caller), _grantee(request, caller)
    if grantee != Grantee("user", caller.person.name):
        _check_grants(caller, stored)
    return permission_text(caller.tables.permissions.of(grantee, stored.resource))


def _held_text(request: Request, caller: Caller) -> object:
    """What a user, group or resource holds on a resource, as bare text."""
    return PlainTextResponse(held(request, caller))


def grant(request: Request, caller: Caller) -> object:
    """Let a user, group or resource hold a role on a resource, in the place of an earlier one."""
    stored, grantee = _stored(request, caller), _grantee(request, caller)
    _check_grants(caller, stored)
    role = request.query_params.get("role", "")
    if role not in Role.names():
        raise ApiError(400, f"role is one of {', '.join(Role.names())}")
    return _settle(caller, stored, grantee, Role(role).permission)


def revoke(request: Request, caller: Caller) -> object:
    """Take back what was granted to a user, group or resource."""
    stored, grantee = _stored(request, caller), _grantee(request, caller)
    _check_grants(caller, stored)
    return _settle(caller, stored, grantee, Permission.NONE)


def _settle(caller: Caller, stored: Stored, grantee: Grantee, permission: Permission) -> object:
    caller.tables.permissions.grant(stored.resource, grantee, permission)
    return _grant_json(stored, grantee, permission)


def direct(request: Request, caller: Caller) -> object:
    """What was granted on a resource, and to whom."""
    stored = _stored(request, caller)
    _check_grants(caller, stored)
    wanted = request.query_params.get("userType", "")
    found = (_grant_json(stored, grantee, permission) for grantee, permission in caller.tables.permissions.granted(stored.resource))
    return [grant for grant in found if wanted in ("", grant["userType"])]


def _grant_json(stored: Stored, grantee: Grantee, permission: Permission) -> dict[str, str]:
    user_type, user_id = {"user": "User", "group": "UserGroup"}.get(grantee.kind, ""), grantee.name
    if not user_type:
        type_, _, user_id = grantee.name.partition(":")
        user_type = f"{type_}Item"
    return {"id": stored.resource.id, "userId": user_id, "userType": user_type, "permission": permission_text(permission)}


def _stored(request: Request, caller: Caller) -> Stored:
    stored = caller.tables.permissions.stored(name(request, "id"))
    if stored is None:
        raise ApiError(404, "not found")
    return stored


def _grantee(request: Request, caller: Caller) -> Grantee:
    """Whom the call is about: a user, a group or a resource that there is."""
    tables, text = caller.tables, name(request, "principal")
    user_type = request.query_params.get("userType", "") or "User"
    if user_type == "User" and tables.people.named(text) is not None:
        return Grantee("user", text)
    if user_type == "UserGroup" and tables.groups.creator(text) is not None:
        return Grantee("group", text)
    if user_type in _ITEMS:
        stored = tables.permissions.stored(text)
        if stored is not None and stored.resource.type == _ITEMS[user_type]:
            return Grantee.of(stored.resource)
    raise ApiError(404, "not found")


def _check_grants(caller: Caller, stored: Stored) -> None:
    """Only who owns or administers the resource, or administers the server, looks at and changes others' permissions."""
    caller.check_oversees(caller.tables.permissions.of_user(caller.person.name, stored.resource))


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "GET", "/permissions/resources", _types),
        signed_in(carta, "GET", "/permissions/resources/{type}", _reachable, query=("userId",)),
        signed_in(carta, "GET", "/permissions/resources/{type}/{id}", _resource),
        signed_in(carta, "GET", "/permissions/{id}/users", direct, query=("userType",)),
        signed_in(carta, "GET", "/permissions/{id}/{principal}", _held_text, query=("userType",)),
        signed_in(carta, "PUT", "/permissions/{id}/{principal}", grant, query=("userType", "role")),
        signed_in(carta, "DELETE", "/permissions/{id}/{principal}", revoke, query=("userType",)),
    ]
