"""Carta's calls about projects and their connections.

Whoever may write in a project connects something to it; what somebody holds on the project, they hold on the
connection. Who removes something owns it, or for a connection the project.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import Stored
from cartaguard.devserver.routes.endpoint import TEXT, Body, name, posted, signed_in
from cartaguard.devserver.routes.items import check_owns, item_json
from cartaguard.model.permission import Permission

__all__ = ["routes"]

#: The parts of a connection's nativeId.
_NATIVE = ("fileId", "bucketName", "prefix")


def _create(_: Request, caller: Caller, sent: Body) -> object:
    """Make a project; who makes it owns it."""
    fields = {"name": _text(sent, "name"), "bucketName": _text(sent, "bucketName")}
    stored = caller.tables.permissions.create("Project", owner=caller.person.name, fields=fields)
    return item_json(caller, stored, Permission.ALL)


def _remove(request: Request, caller: Caller) -> object:
    """Remove a project, and its connections with it."""
    project = _typed(request, caller, "Project")
    check_owns(caller, project)
    caller.tables.connections.remove_all(project)
    caller.tables.permissions.remove(project.resource)
    return True


def _connect(request: Request, caller: Caller, sent: Body) -> object:
    """Connect something to a project; who connects it owns the connection."""
    project = _typed(request, caller, "Project")
    if not (caller.administers or caller.tables.permissions.of_user(caller.person.name, project.resource).write):
        raise ApiError(403, "forbidden")
    fields: dict[str, Any] = {"name": _text(sent, "name"), "backend": _text(sent, "backend")}
    if sent.get("keyPath") is not None:
        fields["keyPath"] = _text(sent, "keyPath")
    native = sent.get("nativeId")
    if native is not None:
        if not isinstance(native, dict):
            raise ApiError(400, "nativeId is no object")
        fields["nativeId"] = {part: _text(native, part) for part in _NATIVE if native.get(part) is not None}
    stored = caller.tables.connections.add(project, owner=caller.person.name, fields=fields)
    return item_json(caller, stored, caller.tables.permissions.of_user(caller.person.name, stored.resource))


def _disconnect(request: Request, caller: Caller) -> object:
    """Remove a connection."""
    connection = _typed(request, caller, "Connection")
    check_owns(caller, connection, caller.tables.connections.project(connection))
    caller.tables.permissions.remove(connection.resource)
    return True


def _typed(request: Request, caller: Caller, type: str) -> Stored:
    stored = caller.tables.permissions.stored(name(request, "id"))
    if stored is None or stored.resource.type != type:
        raise ApiError(404, "not found")
    return stored


def _text(sent: Body, member: str) -> str:
    value = sent.get(member)
    if not isinstance(value, str) or not value.strip():
        raise ApiError(400, f"{member} is missing, empty or no text")
    return value


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        posted(carta, "POST", "/project", _create, required={"name": TEXT, "bucketName": TEXT}),
        signed_in(carta, "DELETE", "/project/{id}", _remove),
        posted(
            carta,
            "POST",
            "/project/connection/{id}",
            _connect,
            required={"name": TEXT, "backend": TEXT},
            optional={"keyPath": TEXT, "nativeId": {"type": "object", "properties": dict.fromkeys(_NATIVE, TEXT)}},
        ),
        signed_in(carta, "DELETE", "/project/connection/{id}", _disconnect),
    ]
