"""The inventory of a Starlette application: every route, as entries of the route table."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute

from cartaguard._marks import marks_of
from cartaguard._starlette_paths import Marks, entry_of
from cartaguard._watched import watch
from cartaguard.asgi import GuardMiddleware
from cartaguard.errors import ConfigurationError
from cartaguard.http.routes import Entry
from cartaguard.model.pattern import fits
from cartaguard.model.requirement import public
from cartaguard.model.value import Value, fill

__all__ = ["Found", "Inventory", "Site", "adapter"]

_HTTP = frozenset({"http"})
_WEBSOCKET = frozenset({"websocket"})


class Site(Value):
    """One path under which a route is reached.

    ``holder`` is the object whose ``handle`` serves, ``key`` what stays the same when a framework builds that
    anew. What is not ``listed`` is decided at dispatch only: a mount whose routes stand in the table themselves.
    """

    __slots__ = __match_args__ = ("holder", "key", "entry", "listed")

    holder: Any
    key: Hashable
    entry: Entry
    listed: bool

    def __init__(self, holder: Any, key: Hashable, entry: Entry, listed: bool = True) -> None:
        fill(self, "holder", holder)
        fill(self, "key", key)
        fill(self, "entry", entry)
        fill(self, "listed", listed)


class Found:
    """One object whose ``handle`` serves requests, with the entries of the paths under which it is reached."""

    #: Gives the parameters as the route will see them, where they are converted behind the dispatch.
    convert: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None

    def __init__(self, holder: Any, entries: tuple[Entry, ...]) -> None:
        self.holder = holder
        self.entries = entries

    def choose(self, scope: Mapping[str, Any], path: str, params: Mapping[str, Any]) -> tuple[Entry, ...]:
        """The entries under which this request came: those that fit its path and have no other parameters."""
        segments = path[1:].split("/")
        fitting = (entry for entry in self.entries if fits(entry, segments))
        return tuple(e for e in fitting if (texts := e.matcher(segments, path)) is not None and texts.keys() <= params.keys())


class Inventory:
    """Every route below a router, in the order in which the router tries them.

    Raises :class:`~cartaguard.errors.ConfigurationError` for what cannot be guarded: host routing, and paths
    that no request can have.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        #: The router's routes, as long as no list of routes was changed after the inventory.
        self.current: list[BaseRoute] | None = None
        self._changes = 0
        self.entries: list[Entry] = []
        #: The applications with error pages of their own that the inventory looked into.
        self.applications: list[Starlette] = []
        self._lists: list[tuple[Any, str]] = []
        self._by_key: dict[Hashable, tuple[Entry, ...]] = {}
        # Routes are known by identity (equal ones are different routes); who is kept here keeps its identity.
        self._kept: list[Any] = []
        for site in self._walk():
            self._kept += (site.holder, site.entry.key)
            if site.listed:
                self.entries.append(site.entry)
            self._by_key[site.key] = (*self._by_key.get(site.key, ()), site.entry)

    def _note(self) -> None:
        self._changes += 1
        self.current = None

    def found(self) -> list[Found]:
        """Every object that serves requests. One that was added after the inventory has no entries.

        From here on it is noticed when a route is added.
        """
        before = self._changes
        by_holder: dict[int, tuple[Any, list[Entry]]] = {}
        for site in self._walk():
            entries = by_holder.setdefault(id(site.holder), (site.holder, []))[1]
            entries += [entry for entry in self._by_key.get(site.key, ()) if entry not in entries]
        for owner, name in self._lists:
            watch(owner, name, self._note)
        # Not before: as long as this fails, every request does.
        self.current = self._router.routes
        if self._changes != before:
            # One was added by another thread meanwhile, behind the back of the walk.
            self.current = None
        return [self.find(holder, tuple(entries)) for holder, entries in by_holder.values()]

    def known(self) -> Iterator[Entry]:
        """The entry of every site, those that are not listed too."""
        for entries in self._by_key.values():
            yield from entries

    def find(self, holder: Any, entries: tuple[Entry, ...]) -> Found:
        return Found(holder, entries)

    def _walk(self) -> Iterator[Site]:
        self._lists = []
        self.applications = []
        yield from self.inside(self._router, "", ())

    def inside(self, router: Any, prefix: str, marks: Marks) -> Iterator[Site]:
        """What a router tries, in its order."""
        self._lists.append((router, "routes"))
        yield from self.below(router.routes, prefix, marks)
        yield from self.tried_last(router, prefix, marks)
        default = router.default
        if default != router.not_found:
            entry = entry_of(prefix, (*marks, *marks_of(default)), key=router, tail=True)
            yield Site(adapter(_Default, router), (id(router), "default"), entry)

    def tried_last(self, router: Any, prefix: str, marks: Marks) -> Iterable[Site]:
        """What a router of another framework tries when no route fits."""
        return ()

    def below(self, routes: Iterable[BaseRoute], prefix: str, marks: Marks) -> Iterator[Site]:
        for route in routes:
            yield from self.one(route, id(route), prefix, marks)

    def one(self, route: Any, key: Hashable, prefix: str, marks: Marks) -> Iterator[Site]:
        """The sites of one route."""
        if isinstance(route, Host):
            raise ConfigurationError(f"host routing (`{route.host}`) is not supported: a guard decides on paths", code="host_routing")
        if isinstance(route, Mount):
            yield from self._mount(route, key, prefix, marks)
        elif isinstance(route, Route):
            # No methods are all of them, and HEAD goes with GET.
            listed = frozenset(route.methods or ())
            methods = listed - {"HEAD"} or listed or None
            entry = entry_of(prefix + route.path, (*marks, *marks_of(route.endpoint)), methods=methods, protocols=_HTTP, key=route)
            yield Site(route, key, entry)
        elif isinstance(route, WebSocketRoute):
            entry = entry_of(prefix + route.path, (*marks, *marks_of(route.endpoint)), protocols=_WEBSOCKET, key=route)
            yield Site(route, key, entry)
        else:
            raise ConfigurationError(
                f"a route of the kind `{type(route).__name__}` below `{prefix or '/'}` cannot be looked into, and so not be guarded; "
                "mount its application with a guard of its own",
                code="unknown_route",
            )

    def _mount(self, mount: Mount, key: Hashable, prefix: str, marks: Marks) -> Iterator[Site]:
        application = _unwrapped(mount)
        own = marks_of(_base(mount))
        path = prefix + mount.path
        if _guards_itself(application):
            own = own or (public("the mounted application has a guard of its own"),)
            yield Site(mount, key, entry_of(path, (*marks, *own), key=mount, tail=True))
        elif isinstance(application, (Router, Starlette)):
            if getattr(application, "root_path", ""):
                raise ConfigurationError(
                    f"the application below `{path}` reads its paths from a `root_path` of its own; leave it out where it is mounted",
                    code="mounted_root_path",
                )
            if own:
                yield Site(mount, key, entry_of(path, own, key=mount, tail=True), listed=False)
            if isinstance(application, Starlette):
                self.applications.append(application)
                application = application.router
            yield from self.inside(application, path, (*marks, *own))
        else:
            yield Site(mount, key, entry_of(path, (*marks, *own), key=mount, tail=True))


def adapter(kind: Callable[[Any], Any], target: Any) -> Any:
    """The one adapter of an object that lacks a ``handle``: a holder is known by its identity."""
    made = vars(target).get("cartaguard_adapter")
    if made is None:
        target.cartaguard_adapter = made = kind(target)
    return made


class _Default:
    """Gives what a router falls back to the ``handle`` that every route has."""

    def __init__(self, router: Any) -> None:
        self._router = router

    @property
    def handle(self) -> Any:
        return self._router.default

    @handle.setter
    def handle(self, checked: Callable[..., Any]) -> None:
        self._router.default = checked


def _base(mount: Mount) -> Any:
    """What was mounted, without the mount's own middleware."""
    return getattr(mount, "_base_app", mount.app)


def _unwrapped(mount: Mount) -> Any:
    """What was mounted, without `requires(…)` and partials around it."""
    application = _base(mount)
    while isinstance(application, partial) or marks_of(application):
        application = application.func if isinstance(application, partial) else application.app
    return application


def _guards_itself(application: Any) -> bool:
    if isinstance(application, GuardMiddleware):
        return True
    return isinstance(application, Starlette) and any(
        isinstance(middleware.cls, type) and issubclass(middleware.cls, GuardMiddleware) for middleware in application.user_middleware
    )
