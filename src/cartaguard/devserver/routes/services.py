"""Carta's calls about namespaces and services: what there is, and making, renaming and removing it.

Two generations of clients use different paths for the same; both are here. Who may register a service may write
in its namespace; who removes or renames something owns it, or for a service the namespace.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import Stored
from cartaguard.devserver.proxying import checked_base
from cartaguard.devserver.routes.endpoint import name, signed_in
from cartaguard.devserver.routes.items import check_owns, item_json
from cartaguard.model.permission import Permission

__all__ = ["routes", "wanted"]


def wanted(request: Request, caller: Caller) -> tuple[Stored, Stored]:
    """The namespace and the service (or the namespace again) in the path. :raises ApiError: 404 when it is not there."""
    services, namespace = caller.tables.services, name(request, "namespace")
    outer = services.found(namespace)
    inner = services.found(namespace, name(request, "service")) if "service" in request.path_params else outer
    if outer is None or inner is None:
        raise ApiError(404, "not found")
    return outer, inner


def _details(request: Request, caller: Caller) -> object:
    """A namespace, or a service in it. It is hidden (403) from whom nothing was granted."""
    _, stored = wanted(request, caller)
    permission = caller.tables.permissions.of_user(caller.person.name, stored.resource)
    if not (permission or caller.administers):
        raise ApiError(403, "forbidden")
    return item_json(caller, stored, permission)


def _reserve(request: Request, caller: Caller) -> object:
    """Make a namespace; who makes it owns it."""
    stored = caller.tables.services.reserve(name(request, "namespace"), owner=caller.person.name)
    return item_json(caller, stored, Permission.ALL)


def _register(carta: DevCarta, request: Request, caller: Caller) -> object:
    """Register a service in a namespace; who registers it owns it."""
    services, namespace = caller.tables.services, name(request, "namespace")
    base_url = request.query_params.get("baseUrl", "")
    if not base_url:
        raise ApiError(400, "must provide baseUrl through query")
    checked_base(base_url, carta.service_hosts)
    outer = services.found(namespace)
    if outer is None:
        raise ApiError(404, "not found")
    if not (caller.administers or caller.tables.permissions.of_user(caller.person.name, outer.resource).write):
        raise ApiError(403, "forbidden")
    stored = services.register(namespace, name(request, "service"), base_url, owner=caller.person.name)
    return item_json(caller, stored, Permission.ALL)


def _remove(request: Request, caller: Caller) -> object:
    """Remove a service, or a namespace once it is empty."""
    outer, stored = wanted(request, caller)
    check_owns(caller, outer, stored)
    if stored is outer and caller.tables.services.occupied(name(request, "namespace")):
        raise ApiError(400, "the namespace has services; remove them first")
    caller.tables.services.remove(stored)
    return True


def _rename(request: Request, caller: Caller) -> object:
    """Give a service another name in its namespace."""
    outer, stored = wanted(request, caller)
    check_owns(caller, outer, stored)
    caller.tables.services.rename(stored, name(request, "namespace"), name(request, "new"), by=caller.person.name)
    return True


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "GET", "/service/details/{namespace}", _details),
        signed_in(carta, "GET", "/service/details/{namespace}/{service}", _details),
        signed_in(carta, "POST", "/service/reserve/{namespace}", _reserve),
        signed_in(carta, "POST", "/service/register/{namespace}/{service}", partial(_register, carta), query=("baseUrl",)),
        signed_in(carta, "DELETE", "/service/remove/{namespace}", _remove),
        signed_in(carta, "DELETE", "/service/remove/{namespace}/{service}", _remove),
        signed_in(carta, "PATCH", "/service/rename/{namespace}/{service}/{new}", _rename),
        # The paths of the older clients.
        signed_in(carta, "DELETE", "/service/register/{namespace}/{service}", _remove),
        signed_in(carta, "PATCH", "/service/register/{namespace}/{service}/{new}", _rename),
    ]
