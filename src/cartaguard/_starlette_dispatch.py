"""The check at dispatch: what stands in front of a Starlette router, and on each of its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Router

from cartaguard._asgi_session import ASGIApp, Receive, Scope, Send, deny_websocket
from cartaguard._starlette_routes import Found, Inventory
from cartaguard.asgi import respond
from cartaguard.drivers import aio
from cartaguard.errors import ConfigurationError
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.guard.plan import Ahead
from cartaguard.http.paths import below_root
from cartaguard.http.routes import NO_PARAMS, Entry

__all__ = ["RouteGate"]


class RouteGate(Gate):
    """The gate of an application whose routes are known.

    Once it is installed, nothing comes to the router but what it has let through, and nothing to a route but
    what holds on that route and its converted parameters.
    """

    def __init__(self, guard: Guard, router: Router, inventory: Inventory, pages: ASGIApp | None) -> None:
        super().__init__(guard, inventory.entries, slashes=router.redirect_slashes)
        self._router = router
        self._inventory = inventory
        before = getattr(router.middleware_stack, "__self__", None)
        # An application that builds its middlewares anew, for instrumentation, gets a new gate in place of the one before.
        self._stack: ASGIApp = before._stack if isinstance(before, RouteGate) else router.middleware_stack
        #: What renders the application's error pages, if it could be found.
        self._pages = pages
        #: By the identity of the object that handles, which each of them keeps alive.
        self.found: dict[int, Found] = {}

    def install(self) -> None:
        self._wrap()
        stack: Any = self.route
        self._router.middleware_stack = stack

    def _wrap(self) -> None:
        found = {id(site.holder): site for site in self._inventory.found()}
        for site in found.values():
            _check(site.holder)
        self.found = found
        alone = {site.entries[0]: site.holder for site in found.values() if len(site.entries) == 1 and site.convert is None}
        for entry in self._inventory.known():
            entry.holder = alone.get(entry)

    async def refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request with a refusal; one that hides something looks like every other page that is not there."""
        if not refused.refusal.concealed or self._pages is None:
            await respond(scope, send, refused.refusal)
            return
        # Raised in front of the router, so that the application's own handlers render it, and nothing else of it runs.
        scope["cartaguard"] = refused
        await self._pages(scope, receive, send)

    def route(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """In front of the router: nothing passes but what this gate has decided on, as it was then."""
        try:
            held: object = scope["cartaguard"]
            # Nearly always, to the letter.
            as_decided = (
                type(held) is Pass
                and held.gate is self
                and held.path == scope["path"]
                and held.plan.method == scope["method"]
                and held.plan.ahead is None
                and not scope["root_path"]
            )
        except KeyError:
            as_decided = False
        answer = None if as_decided else self._otherwise(scope, receive, send)
        if answer is not None:
            return answer
        while self._router.routes is not self._inventory.current:
            self._wrap()
        return self._stack(scope, receive, send)

    def _otherwise(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None] | None:
        """Answer what the router is not to have, or raise; ``None``: it may have it all the same."""
        held = scope.get("cartaguard")
        if isinstance(held, Refused):
            raise HTTPException(status_code=404)
        if type(held) is not Pass or held.gate is not self:
            if scope["type"] == "lifespan":
                return self._stack(scope, receive, send)
            raise ConfigurationError("a request reached the router without its guard", code="no_guard")
        # A WebSocket has no method, and an application may be mounted below a root.
        path, root = scope["path"], scope.get("root_path")
        if held.path != (below_root(path, root) if root else path) or held.plan.method != scope.get("method", ""):
            raise ConfigurationError(
                "a middleware between guard and router changed the path or the method that was decided on; put it outside of the guard",
                code="rewritten",
            )
        return None if held.plan.ahead is None else _unserved(held.path, held.plan.ahead, scope, receive, send)


def _unserved(decided: str, ahead: Ahead, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """What the router would answer itself where no route takes the request."""
    path: str = scope["path"]
    if ahead.other_slash is not None:
        toggled = {**scope, "path": path[: len(path) - len(decided)] + ahead.other_slash}
        return RedirectResponse(url=str(URL(scope=toggled)))(scope, receive, send)
    raise HTTPException(status_code=405, headers={"Allow": ", ".join(sorted(ahead.allow or ()))})


def _check(holder: Any) -> None:
    """Put the check around the ``handle`` of an object, once; applications may share it, each with its own gate."""
    handle = holder.handle
    if getattr(handle, "holder", None) is holder:
        return
    # A copy of a route takes the check of the original along.
    unchecked = getattr(handle, "unchecked", handle)
    checked: Any = _checked(holder, unchecked)
    checked.holder = holder
    checked.unchecked = unchecked
    holder.handle = checked


def _checked(holder: Any, handle: ASGIApp) -> ASGIApp:
    """The check in front of a ``handle``. It is no coroutine itself where it has nothing to wait for."""

    def checked(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        try:
            held: Pass = scope["cartaguard"]
            params = scope["path_params"] or NO_PARAMS
        except KeyError:
            if "cartaguard" not in scope:
                # Another application has this route too, and no check at dispatch: a request of it comes by.
                return handle(scope, receive, send)
            held, params = scope["cartaguard"], NO_PARAMS
        entry = held.plan.entry
        if entry is not None and entry.holder is holder and (params is held.filling or params == held.filling):
            # Nearly always: what the gate has decided on, to the letter.
            if entry.fixed:
                return handle(scope, receive, send)
            if not held.confirmed:
                scope["cartaguard"] = held.after or held.as_decided()
                return handle(scope, receive, send)
        gate = held.gate
        if not isinstance(gate, RouteGate):
            # The same, and what stands in front of that application knows no routes.
            return handle(scope, receive, send)
        found = gate.found.get(id(holder))
        entries: Sequence[Entry] = ()
        if found is not None:
            entries = found.entries
            if len(entries) != 1 or entries[0] is not entry:
                entries = found.choose(scope, held.path, params)
            if found.convert is not None:
                params = found.convert(params)
        try:
            settled = gate.confirm(held, entries, params)
        except Refused as refused:
            return _refuse(refused, gate, scope, receive, send)
        if not settled:
            return _fetched(held, gate, entries, params, handle, scope, receive, send)
        scope["cartaguard"] = held.confirming(entries)
        return handle(scope, receive, send)

    return checked


async def _fetched(
    held: Pass,
    gate: RouteGate,
    entries: Sequence[Entry],
    params: Mapping[str, Any],
    handle: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Decide with what has to be fetched first."""
    try:
        await aio.run(gate.confirm_steps(held, entries, params))
    except Refused as refused:
        await _refuse(refused, gate, scope, receive, send)
        return
    scope["cartaguard"] = held.confirming(entries)
    await handle(scope, receive, send)


async def _refuse(refused: Refused, gate: RouteGate, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await deny_websocket(scope, send, refused.refusal)
    else:
        await gate.refuse(refused, scope, receive, send)
