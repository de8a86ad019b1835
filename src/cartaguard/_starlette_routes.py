"""The inventory of a Starlette application: every route, as entries of the route table."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.convertors import Convertor, FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute, compile_path

from cartaguard._marks import marks_of
from cartaguard.asgi import GuardMiddleware
from cartaguard.errors import ConfigurationError, InvalidPath
from cartaguard.http.routes import Entry
from cartaguard.model.pattern import canonical
from cartaguard.model.policy import PROTOCOLS
from cartaguard.model.requirement import Requirement, all_of, public

__all__ = ["Found", "Inventory", "Marks", "entry_of", "fitting", "watch"]

_HTTP = frozenset({"http"})
_WEBSOCKET = frozenset({"websocket"})

#: Converters that stay within one segment; any other one might take a slash.
_ONE_SEGMENT = (StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor)

Marks = tuple[Requirement, ...]


class Found:
    """One object whose ``handle`` serves requests, with the entries of the paths under which it is reached."""

    def __init__(self, holder: Any, entries: tuple[Entry, ...]) -> None:
        self.holder = holder
        self.entries = entries

    def wrap(self, around: Callable[[Found, Any], Any]) -> None:
        """Put a check around the object's ``handle``, once."""
        if getattr(self.holder.handle, "cartaguard", None) is None:
            checked = around(self, self.holder.handle)
            checked.cartaguard = self
            self.holder.handle = checked

    def choose(self, scope: Mapping[str, Any], path: str, params: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Of several entries, those under which this request came: by its path and the names of its parameters."""
        return fitting(self.entries, path, params)


def fitting(entries: tuple[Entry, ...], path: str, params: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The entries that fit a path and have just these parameters."""
    segments = path[1:].split("/")
    return tuple(entry for entry in entries if (texts := entry.matcher(segments, path)) is not None and texts.keys() == params.keys())


class Inventory:
    """Every route below a router, in the order in which the router tries them.

    Raises :class:`~cartaguard.errors.ConfigurationError` for what cannot be guarded: host routing, and paths
    that no request can have.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._changed = False
        self._react: Callable[[], None] = lambda: None
        self.entries: list[Entry] = []
        self._by_key: dict[Hashable, tuple[Entry, ...]] = {}
        # Routes are known by identity (equal ones are different routes); who is kept here keeps its identity.
        self._kept: list[Any] = []
        for holder, key, entry in self.walk():
            self._kept += (holder, entry.key)
            self.entries.append(entry)
            self._by_key[key] = (*self._by_key.get(key, ()), entry)

    def on_change(self, react: Callable[[], None]) -> None:
        """Call this when routes were added after the inventory; and watch for that from now on."""
        self._react = react
        for router in self.routers():
            watch(router, self._note_change)

    def refresh(self) -> None:
        """Before a request is routed: look again at routes if some were added."""
        if self._changed:
            self._changed = False
            self._react()

    def _note_change(self) -> None:
        self._changed = True

    def handlers(self) -> Iterator[Found]:
        """Every object that serves requests. One that was added after the inventory has no entries."""
        found: dict[int, tuple[Any, list[Entry]]] = {}
        for holder, key, _ in self.walk():
            entries = found.setdefault(id(holder), (holder, []))[1]
            entries += [entry for entry in self._by_key.get(key, ()) if entry not in entries]
        for holder, known in found.values():
            yield self.found(holder, tuple(known))

    def found(self, holder: Any, entries: tuple[Entry, ...]) -> Found:
        return Found(holder, entries)

    def walk(self) -> Iterator[tuple[Any, Hashable, Entry]]:
        """(object that handles, key that survives a rebuilt route, entry) for each path under which it is reached."""
        yield from self.below(self._router.routes, "", ())

    def routers(self) -> Iterator[Any]:
        """Every object with a list ``routes`` that the router looks into."""
        yield self._router
        yield from _routers(self._router.routes)

    def below(self, routes: Iterable[BaseRoute], prefix: str, marks: Marks) -> Iterator[tuple[Any, Hashable, Entry]]:
        for route in routes:
            yield from self.one(route, id(route), prefix, marks)

    def one(self, route: Any, key: Hashable, prefix: str, marks: Marks) -> Iterator[tuple[Any, Hashable, Entry]]:
        """The entries of one route. ``key`` is what stays the same when a framework builds the route anew."""
        if isinstance(route, Host):
            raise ConfigurationError(f"host routing (`{route.host}`) is not supported: a guard decides on paths", code="host_routing")
        if isinstance(route, Mount):
            yield from self._mount(route, key, prefix, marks)
        elif isinstance(route, Route):
            methods = None if route.methods is None else frozenset(route.methods) - {"HEAD"} or frozenset(route.methods)
            yield route, key, entry_of(prefix + route.path, (*marks, *marks_of(route.endpoint)), methods=methods, protocols=_HTTP, key=route)
        elif isinstance(route, WebSocketRoute):
            yield route, key, entry_of(prefix + route.path, (*marks, *marks_of(route.endpoint)), protocols=_WEBSOCKET, key=route)
        else:
            raise ConfigurationError(
                f"a route of the kind `{type(route).__name__}` cannot be looked into, and so not be guarded", code="unknown_route"
            )

    def _mount(self, mount: Mount, key: Hashable, prefix: str, marks: Marks) -> Iterator[tuple[Any, Hashable, Entry]]:
        application = _unwrapped(mount)
        own = (*marks, *marks_of(_base(mount)))
        path = prefix + mount.path
        if _guards_itself(application):
            yield mount, key, entry_of(path, own or (public("the mounted application has a guard of its own"),), key=mount, tail=True)
        elif isinstance(application, (Router, Starlette)):
            yield from self.below(application.routes, path, own)
        else:
            yield mount, key, entry_of(path, own, key=mount, tail=True)


def entry_of(
    path: str,
    marks: Marks,
    *,
    methods: frozenset[str] | None = None,
    protocols: frozenset[str] = PROTOCOLS,
    key: object,
    tail: bool = False,
) -> Entry:
    """An entry for a path in Starlette's own notation, matched by Starlette's own expression."""
    expression, _, convertors = compile_path((path + "/{path:path}" if tail else path) or "/")
    segments: list[str | None] = []
    open_end = tail
    for part in path.split("/")[1:]:
        if "{" not in part:
            segments.append(part)
        elif _within_one_segment(part, convertors):
            segments.append(None)
        else:
            open_end = True
            break
    _require_reachable(path, segments)
    names = [name for name in convertors if not (tail and name == "path")]
    requirement = None if not marks else all_of(*marks) if len(marks) > 1 else marks[0]
    if requirement is not None:
        requirement.bind(names, path)

    def match(segments: list[str], path: str) -> Mapping[str, Any] | None:
        found = expression.match(path) or (tail and expression.match(path + "/")) or None
        if found is None:
            return None
        texts = found.groupdict()
        if tail:
            del texts["path"]
        return texts

    return Entry(
        path + "/*" if tail else path,
        tuple(segments),
        tail=open_end,
        requirement=requirement,
        methods=methods,
        protocols=protocols,
        matcher=match,
        key=key,
        marks=marks,
    )


def _within_one_segment(part: str, convertors: Mapping[str, Convertor[Any]]) -> bool:
    names = [piece.partition("}")[0].partition(":")[0] for piece in part.split("{")[1:]]
    return all(type(convertors[name]) in _ONE_SEGMENT for name in names)


def _require_reachable(path: str, segments: Sequence[str | None]) -> None:
    try:
        canonical("/" + "/".join("x" if segment is None else segment for segment in segments))
    except InvalidPath as fault:
        raise ConfigurationError(f"the route `{path}` can never be reached: {fault}", code="unreachable") from None


def _base(mount: Mount) -> Any:
    """What was mounted, without the mount's own middleware."""
    return getattr(mount, "_base_app", mount.app)


def _unwrapped(mount: Mount) -> Any:
    """What was mounted, without `requires(…)` and partials around it."""
    application = _base(mount)
    while marks_of(application) or isinstance(application, partial):
        application = application.func if isinstance(application, partial) else application.app
    return application


def _guards_itself(application: Any) -> bool:
    if isinstance(application, GuardMiddleware):
        return True
    return isinstance(application, Starlette) and any(
        isinstance(middleware.cls, type) and issubclass(middleware.cls, GuardMiddleware) for middleware in application.user_middleware
    )


def _routers(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if isinstance(route, Mount):
            application = _unwrapped(route)
            if isinstance(application, (Router, Starlette)) and not _guards_itself(application):
                router = application.router if isinstance(application, Starlette) else application
                yield router
                yield from _routers(router.routes)


class _Watched(list[Any]):
    """A list of routes that says when it changes."""

    note: Callable[[], None]


def _noting(name: str) -> Any:
    plain = getattr(list, name)

    def change(self: _Watched, *args: Any, **kwargs: Any) -> Any:
        self.note()
        return plain(self, *args, **kwargs)

    return change


for _name in ("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "__setitem__", "__delitem__", "__iadd__"):
    setattr(_Watched, _name, _noting(_name))


def watch(router: Any, note: Callable[[], None]) -> None:
    """Be told of every change of a router's list of routes."""
    routes = _Watched(router.routes)
    routes.note = note
    router.routes = routes
