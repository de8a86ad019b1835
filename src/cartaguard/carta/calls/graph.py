"""The v2 graph: nodes, and permissions between them in three tiers. ``self`` stands for the caller's own node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import FLAGS, accessor, flags, ignored, listed, node, one, permission_set, texts
from cartaguard.carta.records import Accessor, Node, PermissionSet
from cartaguard.errors import ParameterError
from cartaguard.model.permission import Permission

__all__ = ["accessors", "create", "delete", "direct", "get", "grant", "held", "labels", "list_resources", "revoke", "update"]


def held(source: str, target: str) -> Operation[Permission]:
    """What a node holds on another, resolved along every path."""
    return Operation("GET", ("v2", "permissions", source, target), one(flags))


def direct(source: str, target: str) -> Operation[PermissionSet]:
    """What was granted to a node on another, without paths."""
    return Operation("GET", ("v2", "permissions", source, target, "direct"), one(permission_set))


def grant(source: str, target: str, permission: PermissionSet) -> Operation[PermissionSet]:
    """Set what a node holds on another, in place of what was granted before."""
    tiers = {tier: _flags(getattr(permission, tier)) for tier in ("user", "private", "shared")}
    return Operation("PUT", ("v2", "permissions", source, target), one(permission_set), json=tiers)


def revoke(source: str, target: str) -> Operation[None]:
    """Take away what was granted to a node on another."""
    return Operation("DELETE", ("v2", "permissions", source, target), ignored)


def labels(source: str) -> Operation[tuple[str, ...]]:
    """The labels of what a node can reach."""
    return Operation("GET", ("v2", "permissions", source, "labels"), texts)


def list_resources(source: str, label: str) -> Operation[tuple[Node, ...]]:
    """The nodes with a label that a node can reach, with what it holds on each."""
    return Operation("GET", ("v2", "permissions", source, "resources", label), listed(node))


def accessors(resource: str, label: str = "User") -> Operation[tuple[Accessor, ...]]:
    """Who can reach a resource: ``User`` or ``UserGroup``."""
    return Operation("GET", ("v2", "permissions", resource, "access", label), listed(accessor))


def create(name: str, labels: Sequence[str], props: Mapping[str, Any] | None = None) -> Operation[Node]:
    """Make a node; who makes it owns it."""
    body: dict[str, Any] = {"name": name, "labels": list(labels)}
    if props is not None:
        body["props"] = dict(props)
    return Operation("POST", ("v2", "resource", "generic"), one(node), json=body)


def get(id: str) -> Operation[Node]:
    """One node."""
    return Operation("GET", ("v2", "resource", id), one(node))


def update(id: str, *, name: str | None = None, props: Mapping[str, Any] | None = None) -> Operation[Node]:
    """Change a node's name or props; what is not said stays."""
    body: dict[str, Any] = {} if name is None else {"name": name}
    if props is not None:
        body["props"] = dict(props)
    if not body:
        raise ParameterError("nothing is to be changed; give `name` or `props`")
    return Operation("PUT", ("v2", "resource", id), one(node), json=body)


def delete(id: str) -> Operation[None]:
    """Remove a node."""
    return Operation("DELETE", ("v2", "resource", id), ignored)


def _flags(permission: Permission) -> dict[str, bool]:
    return {word: word in permission for word in FLAGS}
