"""Carta's v2 calls about permissions between nodes, in three tiers. ``self`` is the caller's own node."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.nodes import Node
from cartaguard.devserver.permissions import Tiers
from cartaguard.devserver.routes.endpoint import Body, name, posted, signed_in
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission

__all__ = ["node_in", "routes"]

#: v2's flags. It has none for cloning.
_FLAGS = ("execute", "write", "read", "admin", "owner")

_SCHEMA = {"type": "object", "properties": {flag: {"type": "boolean"} for flag in _FLAGS}, "additionalProperties": False}


def _held(request: Request, caller: Caller) -> object:
    """What a node holds on another, along every path."""
    source, target = _ends(request, caller)
    return _flags_json(caller.tables.holdings.held(source, target))


def _direct(request: Request, caller: Caller) -> object:
    """What was granted to a node on another, tier by tier."""
    source, target = _ends(request, caller)
    return _set_json(caller.tables.holdings.direct(source, target))


def _grant(request: Request, caller: Caller, sent: Body) -> object:
    """Set what a node holds directly on another, in place of what was granted before."""
    tiers = _tiers_in(sent)
    source, target = node_in(request, caller, "source"), node_in(request, caller, "target")
    caller.tables.permissions.grant_tiers(_granted_on(caller, target), source.grantee, tiers)
    return _set_json(caller.tables.holdings.direct(source, target))


def _revoke(request: Request, caller: Caller) -> object:
    """Take away what a node holds directly on another."""
    source, target = node_in(request, caller, "source"), node_in(request, caller, "target")
    caller.tables.permissions.grant_tiers(_granted_on(caller, target), source.grantee, Tiers())
    return _set_json(Tiers())


def _labels(request: Request, caller: Caller) -> object:
    """The labels of what a node can reach."""
    found = caller.tables.holdings.reached(_source(request, caller))
    return sorted({label for node, _ in found for label in node.labels})


def _resources(request: Request, caller: Caller) -> object:
    """The nodes with a label that a node can reach, with what it holds on each."""
    found, label = caller.tables.holdings.reached(_source(request, caller)), name(request, "label")
    return [{"id": node.id, "name": node.name, "permission": _flags_json(permission)} for node, permission in found if label in node.labels]


def _accessors(request: Request, caller: Caller) -> object:
    """The nodes with a label to which something was granted on a node."""
    target = node_in(request, caller, "source")
    _check_oversees(caller, target)
    found = caller.tables.holdings.accessors(target, name(request, "label"))
    return [{"id": node.id, "name": node.name, "permission": _set_json(tiers)} for node, tiers in found]


def node_in(request: Request, caller: Caller, parameter: str) -> Node:
    """The node in the path. :raises ApiError: 404 when it is not there."""
    wanted = name(request, parameter)
    node = caller.node if wanted == "self" else caller.tables.nodes.found(wanted)
    if node is None:
        raise ApiError(404, "not found")
    return node


def _ends(request: Request, caller: Caller) -> tuple[Node, Node]:
    """Both nodes of a question: callers ask about themselves, or about what they administer."""
    source, target = node_in(request, caller, "source"), node_in(request, caller, "target")
    if source.id != caller.node.id:
        _check_oversees(caller, target)
    return source, target


def _source(request: Request, caller: Caller) -> Node:
    """The node of a listing: callers list for themselves, their groups, or what they administer."""
    source = node_in(request, caller, "source")
    if not (source.id == caller.node.id or (source.grantee.kind == "group" and source.name in caller.groups)):
        _check_oversees(caller, source)
    return source


def _check_oversees(caller: Caller, target: Node) -> None:
    caller.check_oversees(caller.tables.holdings.held(caller.node, target))


def _granted_on(caller: Caller, target: Node) -> Resource:
    """The resource that the caller grants on."""
    if target.resource is None:
        raise ApiError(400, "permissions are granted on resources, not on users or groups")
    _check_oversees(caller, target)
    return target.resource


def _tiers_in(sent: Body) -> Tiers:
    if not set(sent) <= set(Tiers._fields):
        raise ApiError(400, f"the tiers are {', '.join(Tiers._fields)}")
    return Tiers(**{tier: _flags_in(flags) for tier, flags in sent.items()})


def _flags_in(sent: object) -> Permission:
    if not isinstance(sent, dict) or not set(sent) <= set(_FLAGS) or not all(isinstance(value, bool) for value in sent.values()):
        raise ApiError(400, f"the flags are {', '.join(_FLAGS)}, each true or false")
    return Permission.of(*(word for word, value in sent.items() if value))


def _flags_json(permission: Permission) -> dict[str, bool]:
    return {word: word in permission for word in _FLAGS}


def _set_json(tiers: Tiers) -> dict[str, dict[str, bool]]:
    return {tier: _flags_json(permission) for tier, permission in tiers._asdict().items()}


def routes(carta: DevCarta) -> list[BaseRoute]:
    ends = "/v2/permissions/{source}/{target}"
    return [
        signed_in(carta, "GET", "/v2/permissions/{source}/labels", _labels),
        signed_in(carta, "GET", "/v2/permissions/{source}/resources/{label}", _resources),
        signed_in(carta, "GET", "/v2/permissions/{source}/access/{label}", _accessors),
        signed_in(carta, "GET", f"{ends}/direct", _direct),
        signed_in(carta, "GET", ends, _held),
        posted(carta, "PUT", ends, _grant, optional=dict.fromkeys(Tiers._fields, _SCHEMA)),
        signed_in(carta, "DELETE", ends, _revoke),
    ]
