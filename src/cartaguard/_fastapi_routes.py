"""The inventory of a FastAPI application: included routers, WebSockets, mounts, frontends and its own documentation."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

from cartaguard._starlette_paths import Marks, entry_of
from cartaguard._starlette_routes import Found, Inventory, Site, adapter
from cartaguard.errors import ParameterError
from cartaguard.http.routes import Entry
from cartaguard.model.requirement import Requirement
from cartaguard.model.template import parameter_text

__all__ = ["FastAPIInventory", "demanded"]

_HTTP = frozenset({"http"})
_WEBSOCKET = frozenset({"websocket"})


class FastAPIInventory(Inventory):
    """Like Starlette's, over FastAPI's tree of routes.

    :param said: what was said for FastAPI's own documentation routes, by path.
    """

    def __init__(self, router: APIRouter, said: Mapping[str, Requirement]) -> None:
        self._said = said
        #: The parameters of each route that FastAPI converts or checks itself, by the route's identity.
        self._typed: dict[int, list[Any]] = {}
        super().__init__(router)

    def below(self, routes: Iterable[BaseRoute], prefix: str, marks: Marks) -> Iterator[Site]:
        for route in routes:
            included = getattr(route, "original_router", None)
            if isinstance(included, APIRouter):
                self._included(included)
        for context in iter_route_contexts(list(routes)):
            yield from self._context(context, prefix, marks)

    def _included(self, router: APIRouter) -> None:
        """Watch a router that is included, and those that it includes."""
        self._lists.append((router, "routes"))
        for route in router.routes:
            included = getattr(route, "original_router", None)
            if isinstance(included, APIRouter):
                self._included(included)

    def _context(self, context: RouteContext, prefix: str, marks: Marks) -> Iterator[Site]:
        original: Any = context.original_route
        if isinstance(original, APIRoute):
            # One object serves every inclusion of its router; the path tells them apart.
            methods = frozenset(context.methods or ()) or None
            path = prefix + str(context.path)
            own = demanded(context.dependant)
            entry = entry_of(path, (*marks, *own), methods=methods, protocols=_HTTP, key=(original, context.path_format))
            self._typed[id(original)] = _typed(context.dependant)
            yield Site(original, (id(original), path), entry)
            return
        route: Any = _effective(context)
        path = prefix + str(getattr(route, "path", ""))
        key: Hashable = (id(original), path)
        if isinstance(route, APIWebSocketRoute):
            entry = entry_of(path, (*marks, *demanded(route.dependant)), protocols=_WEBSOCKET, key=original)
            self._typed[id(route)] = _typed(route.dependant)
            yield Site(route, key, entry)
            return
        said = self._said.get(path) if _is_documentation(route) else None
        yield from self.one(route, key, prefix, marks if said is None else (*marks, said))

    def tried_last(self, router: Any, prefix: str, marks: Marks) -> Iterator[Site]:
        """Frontends stand apart from the routes."""
        if not isinstance(router, APIRouter):
            return
        self._lists.append((router, "_low_priority_routes"))
        for holder, group, below, dependant in _frontends(router):
            for route in group.routes:
                path = prefix + below + route.path.rstrip("/")
                own = demanded(dependant)
                entry = entry_of(path, (*marks, *own), methods=frozenset({"GET"}), protocols=_HTTP, key=group, tail=True)
                yield Site(holder, (id(group), path), entry)

    def find(self, holder: Any, entries: tuple[Entry, ...]) -> Found:
        return _FastAPIFound(holder, entries, self._typed.get(id(holder), []))


def _frontends(router: APIRouter) -> Iterator[tuple[Any, Any, str, Dependant]]:
    for group in getattr(router, "_low_priority_routes", ()):
        yield group, group, "", group.dependant
    for route in router.routes:
        for context in getattr(route, "effective_low_priority_routes", list)():
            # Older releases hand an included frontend to the group itself.
            holder = context.original_route if getattr(context, "app", None) is None else adapter(_Frontend, context)
            yield holder, context.original_route, context.frontend_prefix, context.dependant


class _Frontend:
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
    def __init__(self, holder: Any, entries: tuple[Entry, ...], typed: list[Any]) -> None:
        super().__init__(holder, entries)
        self._typed = typed
        self.convert = self._converted if typed else None

    def choose(self, scope: Mapping[str, Any], path: str, params: Mapping[str, Any]) -> tuple[Entry, ...]:
        context = scope.get("fastapi", {}).get("effective_route_context")
        entries = super().choose(scope, path, params)
        if context is not None and context.original_route is self.holder and isinstance(self.holder, APIRoute):
            entries = tuple(entry for entry in entries if entry.key[1] == context.path_format)
        return entries

    def _converted(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """FastAPI converts behind the dispatch: with ``item_id: int``, ``/items/08`` is item 8."""
        seen = dict(params)
        for field in self._typed:
            value, faults = field.validate(params.get(field.alias), {}, loc=("path", field.alias))
            if not faults:
                try:
                    seen[field.alias] = parameter_text(field.alias, value)
                except ParameterError:
                    # A date, say: no template takes it, and the text is what was asked for.
                    continue
        return seen


def _typed(dependant: Dependant) -> list[Any]:
    """The path parameters of an endpoint and its dependencies that are more than plain text."""
    fields: list[Any] = []

    def visit(node: Dependant) -> None:
        for child in node.dependencies:
            visit(child)
        fields.extend(field for field in node.path_params if field.field_info.annotation is not str or field.field_info.metadata)

    visit(dependant)
    return fields


def demanded(dependant: Dependant) -> Marks:
    """The requirements among a route's dependencies: of the application, its routers, the route and its parameters."""
    marks: list[Requirement] = []

    def visit(node: Dependant) -> None:
        requirement = getattr(node.call, "cartaguard_requirement", None)
        if isinstance(requirement, Requirement):
            marks.append(requirement)
        for child in node.dependencies:
            visit(child)

    visit(dependant)
    return tuple(dict.fromkeys(marks))


def _effective(context: RouteContext) -> BaseRoute:
    """The route object that serves: FastAPI builds one anew for each inclusion of what is not an API route."""
    inner = context._route_context
    if inner is not None and inner.starlette_route is not None:
        return inner.starlette_route
    return context.original_route


def _is_documentation(route: Any) -> bool:
    """Whether FastAPI itself made this route: another one with the same path must speak for itself."""
    return getattr(getattr(route, "endpoint", None), "__module__", "") == "fastapi.applications"
