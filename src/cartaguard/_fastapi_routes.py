"""The inventory of a FastAPI application: included routers, WebSockets, mounts, frontends and its own documentation."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

from cartaguard._starlette_routes import Found, Inventory, Marks, entry_of, fitting
from cartaguard.http.routes import Entry
from cartaguard.model.requirement import Requirement

__all__ = ["FastAPIInventory", "demanded"]

_HTTP = frozenset({"http"})
_WEBSOCKET = frozenset({"websocket"})


class FastAPIInventory(Inventory):
    """Like Starlette's, over FastAPI's tree of routes.

    :param said: what was said for FastAPI's own documentation routes, by path.
    """

    def __init__(self, router: APIRouter, said: Mapping[str, Requirement]) -> None:
        self._said = said
        super().__init__(router)

    def walk(self) -> Iterator[tuple[Any, Hashable, Entry]]:
        for context in iter_route_contexts(self._router.routes):
            yield from self._context(context)
        for holder, group, prefix, dependant in self._frontends():
            marks = demanded(dependant)
            for route in group.routes:
                path = prefix + route.path.rstrip("/")
                yield holder, (id(group), path), entry_of(path, marks, methods=frozenset({"GET"}), protocols=_HTTP, key=group, tail=True)

    def _context(self, context: RouteContext) -> Iterator[tuple[Any, Hashable, Entry]]:
        original: Any = context.original_route
        if isinstance(original, APIRoute):
            # One object serves every inclusion of its router; the path tells them apart.
            marks = demanded(context.dependant)
            methods = frozenset(context.methods or ()) or None
            key = (original, context.path_format)
            entry = entry_of(str(context.path), marks, methods=methods, protocols=_HTTP, key=key)
            yield original, (id(original), context.path_format), entry
            return
        route: Any = _effective(context)
        if isinstance(route, APIWebSocketRoute):
            path = str(context.path)
            yield route, (id(original), path), entry_of(path, demanded(route.dependant), protocols=_WEBSOCKET, key=original)
            return
        said = self._said.get(getattr(route, "path", ""))
        path = getattr(route, "path", "")
        yield from self.one(route, (id(original), path), "", () if said is None else (said,))

    def routers(self) -> Iterator[Any]:
        yield from super().routers()
        yield from _included(self._router.routes)

    def found(self, holder: Any, entries: tuple[Entry, ...]) -> Found:
        return _FastAPIFound(holder, entries)

    def _frontends(self) -> Iterator[tuple[Any, Any, str, Dependant | None]]:
        """Frontends stand apart from the routes: tried last, and only there."""
        for group in getattr(self._router, "_low_priority_routes", ()):
            yield group, group, "", group.dependant
        for route in self._router.routes:
            for context in getattr(route, "effective_low_priority_routes", list)():
                yield _AppHolder(context), context.original_route, context.frontend_prefix, context.dependant


class _AppHolder:
    """Gives FastAPI's context of an included frontend the ``handle`` that every other route has."""

    def __init__(self, context: Any) -> None:
        self._context = context

    @property
    def handle(self) -> Any:
        return self._context.app

    @handle.setter
    def handle(self, checked: Any) -> None:
        self._context.app = checked


class _FastAPIFound(Found):
    def choose(self, scope: Mapping[str, Any], path: str, params: Mapping[str, Any]) -> tuple[Entry, ...]:
        context = scope.get("fastapi", {}).get("effective_route_context")
        entries = self.entries
        if context is not None and context.original_route is self.holder:
            entries = tuple(entry for entry in entries if entry.key[1] == context.path_format)
        return fitting(entries, path, params)


def demanded(dependant: Dependant | None) -> Marks:
    """The requirements among a route's dependencies: of the application, its routers, the route and its parameters."""
    marks: list[Requirement] = []

    def visit(node: Dependant) -> None:
        requirement = getattr(node.call, "cartaguard_requirement", None)
        if isinstance(requirement, Requirement):
            marks.append(requirement)
        for child in node.dependencies:
            visit(child)

    if dependant is not None:
        visit(dependant)
    return tuple(dict.fromkeys(marks))


def _effective(context: RouteContext) -> BaseRoute:
    """The route object that serves: FastAPI builds one anew for each inclusion of what is not an API route."""
    inner = context._route_context
    if inner is not None and inner.starlette_route is not None:
        return inner.starlette_route
    return context.original_route


def _included(routes: Any) -> Iterator[APIRouter]:
    for route in routes:
        router = getattr(route, "original_router", None)
        if isinstance(router, APIRouter):
            yield router
            yield from _included(router.routes)
