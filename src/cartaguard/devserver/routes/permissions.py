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
from cartaguard.directories.graph import Grantee
from cartaguard.model.permission import Permission, Role

__all__ = ["permission_text", "routes"]

#: Carta's userType words that stand for a resource, and the types.
_ITEMS = {"NamespaceItem": "Namespace", "ProjectItem": "Project", "WorkflowItem": "Workflow", "WorkspaceItem": "Workspace"}


def permission_text(permission: Permission) -> str:
    """Carta's text for a permission. It has no word for an owner, who holds all the others."""
    return ", ".join(word.capitalize() for word in permission.words if word != "owner")


def _types(_: Request, __: Caller) -> object:
    return list(TYPES)


def _reachable(request: Request, caller: Caller) -> object:
    user = request.query_params.get("userId", "") or caller.person.id
    if user != caller.person.id and not caller.administers:
        raise ApiError(403, "only an administrator asks about other users")
    person = caller.tables.people.with_id(user)
    if person is None:
        raise ApiError(404, "not found")
    found = caller.tables.permissions.reached_by(person.name, name(request, "type"))
    return [_item(caller, resource.id, permission) for resource, permission in found]


def _resource(request: Request, caller: Caller) -> object:
    stored = _stored(request, caller)
    if stored.resource.type != name(request, "type"):
        raise ApiError(404, "not found")
    permission = caller.tables.permissions.of_user(caller.person.name, stored.resource)
    if not permission:
        raise ApiError(403, "forbidden")
    return _item(caller, stored.resource.id, permission)


def _item(caller: Caller, id: str, permission: Permission) -> object:
    stored = caller.tables.permissions.stored(id)
    fields = {} if stored is None else stored.fields
    return {"id": id, "permission": permission_text(permission), **fields}


def _held(request: Request, caller: Caller) -> object:
    stored, grantee = _stored(request, caller), _grantee(request, caller)
    if grantee != Grantee("user", caller.person.name):
        _check_grants(caller, stored)
    return PlainTextResponse(permission_text(caller.tables.permissions.of(grantee, stored.resource)))


def _grant(request: Request, caller: Caller) -> object:
    stored, grantee = _stored(request, caller), _grantee(request, caller)
    _check_grants(caller, stored)
    role = request.query_params.get("role", "")
    if role not in Role.names():
        raise ApiError(400, f"role is one of {', '.join(Role.names())}")
    return _settle(caller, stored, grantee, Role(role).permission)


def _revoke(request: Request, caller: Caller) -> object:
    stored, grantee = _stored(request, caller), _grantee(request, caller)
    _check_grants(caller, stored)
    return _settle(caller, stored, grantee, Permission.NONE)


def _settle(caller: Caller, stored: Stored, grantee: Grantee, permission: Permission) -> object:
    caller.tables.permissions.grant(stored.resource, grantee, permission)
    return _grant_json(stored, grantee, permission)


def _direct(request: Request, caller: Caller) -> object:
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
    if not (caller.administers or caller.tables.permissions.of_user(caller.person.name, stored.resource).admin):
        raise ApiError(403, "forbidden")


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "GET", "/permissions/resources", _types),
        signed_in(carta, "GET", "/permissions/resources/{type}", _reachable),
        signed_in(carta, "GET", "/permissions/resources/{type}/{id}", _resource),
        signed_in(carta, "GET", "/permissions/{id}/users", _direct),
        signed_in(carta, "GET", "/permissions/{id}/{principal}", _held),
        signed_in(carta, "PUT", "/permissions/{id}/{principal}", _grant),
        signed_in(carta, "DELETE", "/permissions/{id}/{principal}", _revoke),
    ]
