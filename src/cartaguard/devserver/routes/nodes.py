"""Carta's v2 calls about nodes: anything can be looked at, and generic resources be made, changed and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.nodes import Node
from cartaguard.devserver.routes.endpoint import TEXT, TEXTS, Body, posted, signed_in
from cartaguard.devserver.routes.graph import node_in
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission

__all__ = ["routes"]


def _create(_: Request, caller: Caller, sent: Body) -> object:
    """Make a generic resource; who makes it owns it."""
    labels = sent.get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ApiError(400, "labels is a list of texts")
    title, props = _title_in(sent), _props_in(sent)
    if title is None:
        raise ApiError(400, "a resource needs a name")
    return _node_json(caller.tables.nodes.create(title, labels, props or {}, owner=caller.person.name))


def _get(request: Request, caller: Caller) -> object:
    """A node. It is hidden (403) from whom nothing was granted."""
    node = node_in(request, caller, "id")
    _check(caller.administers or bool(_held(caller, node)))
    return _node_json(node)


def _update(request: Request, caller: Caller, sent: Body) -> object:
    """Give a generic resource another name or other props."""
    node = _generic(request, caller)
    _check(_held(caller, node).write)
    title, props = _title_in(sent), _props_in(sent)
    if title is None and props is None:
        raise ApiError(400, "nothing is to be changed; give name or props")
    return _node_json(caller.tables.nodes.update(node, by=caller.person.name, name=title, props=props))


def _delete(request: Request, caller: Caller) -> object:
    """Remove a generic resource."""
    node = _generic(request, caller)
    _check(caller.administers or _held(caller, node).owner)
    caller.tables.permissions.remove(Resource.parse(node.grantee.name))
    return True


def _generic(request: Request, caller: Caller) -> Node:
    node = node_in(request, caller, "id")
    _check(caller.administers or bool(_held(caller, node)))
    if not node.generic:
        raise ApiError(400, "only generic resources are changed as nodes; use the calls for its type")
    return node


def _held(caller: Caller, node: Node) -> Permission:
    return caller.tables.holdings.held(caller.node, node)


def _check(allowed: bool) -> None:
    if not allowed:
        raise ApiError(403, "forbidden")


def _title_in(sent: Body) -> str | None:
    title = sent.get("name")
    if title is not None and (not isinstance(title, str) or not title.strip()):
        raise ApiError(400, "name is a text that is not blank")
    return title


def _props_in(sent: Body) -> Mapping[str, Any] | None:
    props = sent.get("props")
    if props is not None and not isinstance(props, dict):
        raise ApiError(400, "props is an object")
    return props


def _node_json(node: Node) -> dict[str, Any]:
    return {"id": node.id, "name": node.name, "labels": list(node.labels), "props": dict(node.props)}


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        posted(
            carta, "POST", "/v2/resource/generic", _create, required={"name": TEXT, "labels": TEXTS}, optional={"props": {"type": "object"}}
        ),
        signed_in(carta, "GET", "/v2/resource/{id}", _get),
        posted(carta, "PUT", "/v2/resource/{id}", _update, optional={"name": TEXT, "props": {"type": "object"}}),
        signed_in(carta, "DELETE", "/v2/resource/{id}", _delete),
    ]
