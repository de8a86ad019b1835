"""The inventory of a Flask application: every rule of its map, as entries of the route table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from flask import Flask, Request
from flask.views import MethodView
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import AnyConverter, MapAdapter, PathConverter, RequestRedirect, Rule, UnicodeConverter

from cartaguard._marks import marks_of
from cartaguard.errors import ConfigurationError
from cartaguard.http.paths import below_root
from cartaguard.http.routes import Entry
from cartaguard.model.requirement import Requirement, all_of, deny

__all__ = ["ENTRY", "LATE", "Routes"]

#: Where a rule has its entry, if that is the same for each of its methods. A gate refuses one that is not its own.
ENTRY = "cartaguard_entry"

Marks = tuple[Requirement, ...]
Found = tuple[Entry | None, Mapping[str, Any], str]

_HTTP = frozenset({"http"})

#: How many redirects of the router are followed: from a slash to a default, and one to spare.
_HOPS = 3

#: Converters that hand over the text as it is.
_FAITHFUL = (UnicodeConverter, PathConverter, AnyConverter)

_VARIABLE = re.compile(r"<(?:(?P<converter>[a-zA-Z_][a-zA-Z0-9_]*)(?:\(.*?\))?:)?[a-zA-Z][a-zA-Z0-9_]*>")


class Routes:
    """The routes of an application as they are now.

    :param static: what holds for the application's own static files.
    :raises cartaguard.errors.ConfigurationError: for what cannot be guarded: routing by host or subdomain,
        WebSockets, and applications that are mounted in front of the gate.
    """

    def __init__(self, app: Flask, static: Requirement | None) -> None:
        _refuse_hosts(app)
        _refuse_mounts(app)
        self._app = app
        self._static = static
        self._by_method: dict[int, dict[str, Entry]] = {}
        self.entries: list[Entry] = []
        for rule in app.url_map.iter_rules():
            if not rule.build_only:
                self.entries += self._compile(rule)
        self._order = {entry: order for order, entry in enumerate(self.entries)}

    def entry(self, rule: Rule, method: str) -> Entry:
        """The entry of a matched rule; one that refuses everybody for a rule that is not in the inventory."""
        entry: Entry | None = vars(rule).get(ENTRY)
        # A copy of a rule takes its entry along.
        if entry is not None and entry.key is rule:
            return entry
        # An entry keeps its rule alive, so that an identity is never used twice.
        return self._by_method.get(id(rule), {}).get(method, LATE)

    def ahead(self, request: Request, path: str) -> Found:
        """The route that the router's own answer would tell of, its parameters and its path.

        That is where a redirect leads, or the first route with this path at a 405; ``None`` where there is none.
        """
        fault = request.routing_exception
        if not isinstance(fault, (MethodNotAllowed, RequestRedirect)):
            return None, {}, path
        adapter = cast("MapAdapter", self._app.create_url_adapter(request))
        return self._follow(adapter, fault, request.method, path, _HOPS)

    def _follow(self, adapter: MapAdapter, fault: HTTPException, method: str, path: str, hops: int) -> Found:
        if isinstance(fault, MethodNotAllowed):
            return self._first(adapter, fault.valid_methods or (), path)
        location = urlsplit(fault.new_url) if isinstance(fault, RequestRedirect) and hops else None
        if location is None or location.netloc != adapter.get_host(None):
            return None, {}, path
        path = below_root(unquote(location.path), adapter.script_name.rstrip("/"))
        try:
            rule, params = adapter.match(path, method, return_rule=True)
        except HTTPException as another:
            return self._follow(adapter, another, method, path, hops - 1)
        return self.entry(rule, method), params, path

    def _first(self, adapter: MapAdapter, methods: Iterable[str], path: str) -> Found:
        found: dict[int, Found] = {}
        for method in methods:
            try:
                rule, params = adapter.match(path, method, return_rule=True)
            except HTTPException:
                # That method is answered with a redirect, which tells no more than the 405 itself.
                continue
            entry = self.entry(rule, method)
            found[self._order.get(entry, -1)] = entry, params, path
        return found[min(found)] if found else (None, {}, path)

    # -- one rule --------------------------------------------------------------------------------------

    def _compile(self, rule: Rule) -> list[Entry]:
        if rule.websocket:
            raise ConfigurationError(
                f"`{rule}` is a WebSocket, which Flask cannot end with its token; serve it under ASGI", code="websocket"
            )
        view = self._app.view_functions.get(rule.endpoint)
        marks = (*self._outer(rule), *marks_of(view), *marks_of(getattr(view, "view_class", None)))
        automatic = {"OPTIONS"} if getattr(rule, "provide_automatic_options", False) else set()
        methods = None if rule.methods is None else rule.methods - automatic
        per_method = _per_method(getattr(view, "view_class", None), methods)
        if not per_method:
            entry = _entry(rule, self._app, marks, methods)
            setattr(rule, ENTRY, entry)
            return [entry]
        vars(rule).pop(ENTRY, None)
        entries = {method: _entry(rule, self._app, (*marks, *own), {method}) for method, own in per_method.items()}
        for method in automatic:
            # Flask itself answers: to whom may use the first of the methods.
            entries[method] = entries.get("GET") or entries[min(entries)]
        self._by_method[id(rule)] = entries
        return list(dict.fromkeys(entries.values()))

    def _outer(self, rule: Rule) -> Iterator[Requirement]:
        """What every enclosing blueprint demands, the outermost first."""
        names = rule.endpoint.split(".")[:-1]
        for depth in range(1, len(names) + 1):
            yield from marks_of(self._app.blueprints.get(".".join(names[:depth])))
        if rule.endpoint == "static" and self._app.has_static_folder and self._static is not None:
            yield self._static


def _entry(rule: Rule, app: Flask, marks: Marks, methods: set[str] | None) -> Entry:
    requirement = None if not marks else all_of(*marks) if len(marks) > 1 else marks[0]
    if requirement is not None:
        requirement.bind(rule.arguments, rule.rule)
    segments, tail = _segments(rule, app)
    return Entry(
        rule.rule,
        segments,
        tail=tail,
        requirement=requirement,
        # HEAD goes with GET.
        methods=None if methods is None else frozenset(methods - {"HEAD"} if "GET" in methods else methods),
        protocols=_HTTP,
        # Werkzeug matches; the table only lists.
        matcher=lambda segments, path: {},
        rebuild=_rebuilder(rule),
        key=rule,
        marks=marks,
    )


def _rebuilder(rule: Rule) -> Callable[[str, Mapping[str, Any]], str | None] | None:
    """The path that a rule's converted parameters stand for, where its converters may change texts (`08` becomes 8)."""
    if all(type(converter) in _FAITHFUL for converter in rule._converters.values()):
        return None

    def rebuild(path: str, params: Mapping[str, Any]) -> str | None:
        try:
            built = rule.build({name: params[name] for name in rule.arguments})
        except (KeyError, ValueError, TypeError):
            # What a converter made of the text, it cannot make a text of again.
            return None
        return None if built is None else unquote(built[1])

    return rebuild


def _per_method(view_class: Any, methods: set[str] | None) -> dict[str, Marks]:
    """The marks on the methods of a method view, if there are any."""
    if methods is None or not (isinstance(view_class, type) and issubclass(view_class, MethodView)):
        return {}
    marks = {method: marks_of(getattr(view_class, method.lower(), None)) for method in sorted(methods)}
    if "HEAD" in marks and "GET" in marks:
        own = getattr(view_class, "head", None)
        marks["HEAD"] = marks["GET"] + (() if own is None else marks_of(own))
    return marks if any(marks.values()) else {}


def _segments(rule: Rule, app: Flask) -> tuple[tuple[str | None, ...], bool]:
    """The shape of a rule: a variable fills one segment, or everything that follows if it may take a slash."""

    def shape(variable: re.Match[str]) -> str:
        converter = app.url_map.converters[variable["converter"] or "default"]
        return "\0" if converter.part_isolating else "\1"

    segments: list[str | None] = []
    for part in re.sub("/{2,}", "/", _VARIABLE.sub(shape, rule.rule))[1:].split("/"):
        if "\1" in part:
            return tuple(segments), True
        segments.append(None if "\0" in part else part)
    return tuple(segments), False


# -- what cannot be guarded -------------------------------------------------------------------------------


def _refuse_hosts(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if app.url_map.host_matching or app.subdomain_matching or rule.host or rule.subdomain != app.url_map.default_subdomain:
            raise ConfigurationError(
                f"`{rule}`: routing by host or subdomain is not supported, since a guard decides on paths", code="host_routing"
            )


def _refuse_mounts(app: Flask) -> None:
    """What a dispatcher mounts beside Flask never comes to Flask's gate."""
    wsgi: Any = app.wsgi_app
    while wsgi is not None and getattr(wsgi, "__self__", None) is not app:
        if isinstance(wsgi, DispatcherMiddleware) and wsgi.mounts:
            listed = ", ".join(f"`{path}`" for path in sorted(wsgi.mounts))
            raise ConfigurationError(
                f"{listed} is mounted beside Flask, where this gate does not stand; put the dispatcher around the application, "
                "not into `app.wsgi_app`, and `cartaguard.wsgi.GuardMiddleware` around what it mounts",
                code="unguarded_mount",
            )
        wsgi = getattr(wsgi, "app", None)


#: For a route that was added after the inventory.
LATE = Entry("", (), requirement=deny, protocols=_HTTP, matcher=lambda segments, path: None)
