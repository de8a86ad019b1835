"""What Carta tells of a resource, whatever its type; and who may remove one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import Stored
from cartaguard.model.permission import Permission

__all__ = ["check_owns", "item_json", "permission_text"]

#: The types of which Carta tells the history.
_WITH_HISTORY = frozenset({"Namespace", "Service", "Workspace", "File"})

#: What clients insist on besides a name, for resources that were put in without it.
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "Project": {"bucketName": ""},
    "Connection": {"backend": ""},
    "Workspace": {"archived": False},
    "File": {"storageInfo": {"storageType": "Local", "container": "", "path": "", "compressed": False}},
}


def permission_text(permission: Permission) -> str:
    """Carta's text for a permission. It has no word for an owner, who holds all the others."""
    return ", ".join(word.capitalize() for word in permission.words if word != "owner")


def item_json(caller: Caller, stored: Stored, permission: Permission) -> dict[str, Any]:
    """Carta's Item: id, permission, the fields of its type, and for some types the history. Nothing in it is null."""
    resource = stored.resource
    needed = {"name": resource.id, **_NEEDED.get(resource.type, {})}
    fields = {name: value for name, value in stored.fields.items() if value is not None}
    history = {"documentHistory": _history_json(caller, resource.id)} if resource.type in _WITH_HISTORY else {}
    return {"id": resource.id, "permission": permission_text(permission), **needed, **fields, **history}


def _history_json(caller: Caller, id: str) -> dict[str, Any]:
    history = caller.tables.permissions.histories.of(id)
    return {
        "addedBy": _user_json(caller, history.added_by),
        "dateAdded": _time(history.added),
        "modifiedBy": _user_json(caller, history.modified_by),
        "dateModified": _time(history.modified),
    }


def _user_json(caller: Caller, name: str) -> dict[str, str]:
    person = caller.tables.people.named(name)
    return {"name": name} if person is None else {"id": person.id, "name": name}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_owns(caller: Caller, *resources: Stored | None) -> None:
    """Only who owns one of these, or administers the server, goes on.

    :raises ApiError: 403 for everybody else.
    """
    owned = any(stored is not None and caller.tables.permissions.of_user(caller.person.name, stored.resource).owner for stored in resources)
    if not (caller.administers or owned):
        raise ApiError(403, "forbidden")
