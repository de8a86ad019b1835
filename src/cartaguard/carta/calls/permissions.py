"""Resources and permissions (v1): roles for users and groups, by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import entry, ignored, listed, one, permission_text, record, texts
from cartaguard.carta.records import Entry, Record
from cartaguard.errors import ParameterError
from cartaguard.model.permission import Permission
from cartaguard.model.role import Role

__all__ = ["UserType", "get", "grant", "held", "list_resources", "resource_types", "revoke", "show"]

UserType: TypeAlias = Literal["User", "UserGroup", "ProjectItem", "NamespaceItem", "WorkflowItem", "WorkspaceItem"]


def resource_types() -> Operation[tuple[str, ...]]:
    """The types of resources that Carta knows."""
    return Operation("GET", ("permissions", "resources"), texts)


def list_resources(type: str, *, user_id: str = "") -> Operation[tuple[Record, ...]]:
    """The resources of a type that a user (by id; empty: the one who is logged in) can reach."""
    query = {"userId": user_id} if user_id else {}
    return Operation("GET", ("permissions", "resources", type), listed(record(type)), query=query)


def get(type: str, id: str) -> Operation[Record]:
    """One resource, with the permission on it of the user who is logged in."""
    return Operation("GET", ("permissions", "resources", type, id), one(record(type, id)))


def held(id: str, name: str, *, user_type: UserType = "User") -> Operation[Permission]:
    """What a user or group, by name, holds on a resource."""
    return Operation("GET", ("permissions", id, name), permission_text, query={"userType": user_type})


def grant(id: str, name: str, role: Role | str, *, user_type: UserType = "User") -> Operation[None]:
    """Give a user or group a role on a resource, in place of the one before."""
    query = {"userType": user_type, "role": _role(role)}
    return Operation("PUT", ("permissions", id, name), ignored, query=query)


def revoke(id: str, name: str, *, user_type: UserType = "User") -> Operation[None]:
    """Take away what a user or group holds on a resource."""
    return Operation("DELETE", ("permissions", id, name), ignored, query={"userType": user_type})


def show(id: str, *, user_type: UserType = "User") -> Operation[tuple[Entry, ...]]:
    """Every user, or every group, that holds something on a resource."""
    return Operation("GET", ("permissions", id, "users"), listed(entry), query={"userType": user_type})


def _role(role: Role | str) -> str:
    try:
        return Role(role).value
    except ValueError:
        raise ParameterError(f"`{role}` is not a role; use one of {', '.join(Role.names())}") from None
