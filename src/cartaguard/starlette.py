"""The door for Starlette: ``Middleware(GuardMiddleware, guard=guard)`` and ``requires(…)`` on endpoints.

The middleware takes an inventory of every route at start-up, decides in front of the router, and again at
dispatch on the route that the router matched and on its converted parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Router

from cartaguard._marks import requires
from cartaguard._starlette_routes import Found, Inventory
from cartaguard.asgi import GuardMiddleware as _AsgiGuard
from cartaguard.asgi import Receive, Scope, Send, deny_websocket, principal, respond
from cartaguard.drivers import aio
from cartaguard.errors import ConfigurationError
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.guard.inventory import require_declared

__all__ = ["GuardMiddleware", "principal", "requires"]


class GuardMiddleware(_AsgiGuard):
    """Guards a Starlette application: ``Starlette(routes=[…], middleware=[Middleware(GuardMiddleware, guard=guard)])``.

    A route says its requirement with :func:`requires`, or an entry of the guard's policy does; both hold
    together. Routes without one keep the application from starting.

    Put a CORS middleware before (outside of) this one, so that preflights and refusals get its headers.
    """

    #: What to write on a route that has no requirement.
    how = "`requires(…)` around its endpoint"

    def inventory(self, app: Any) -> Inventory:
        """Every route of the application; the FastAPI door knows of more kinds."""
        return Inventory(app.router)

    def make_gate(self, scope: Scope) -> Gate:
        app: Starlette = scope["app"]
        inventory = self.inventory(app)
        check(inventory, self.guard, how=self.how)
        gate = Gate(self.guard, inventory.entries, slashes=app.router.redirect_slashes)
        dispatch = _Dispatch(gate, app.router, inventory)
        dispatch.install()
        return gate

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        if not refused.refusal.concealed:
            await respond(scope, send, refused.refusal)
            return
        # The framework's own 404 has to be raised inside of it, so that the application's handlers render it.
        scope["cartaguard"] = refused
        await self.app(scope, receive, send)


def check(inventory: Inventory, guard: Guard, *, how: str) -> None:
    """Whether every route says who may use it. Raises :class:`~cartaguard.errors.UndeclaredRoutes`."""
    require_declared(inventory.entries, guard.policy, how=how)


class _Dispatch:
    """What stands between the application's exception handlers and its router, and on every route."""

    def __init__(self, gate: Gate, router: Router, inventory: Inventory) -> None:
        self._gate = gate
        self._router = router
        self._inventory = inventory
        self._stack = router.middleware_stack

    def install(self) -> None:
        self._router.middleware_stack = self.route
        self._inventory.on_change(self._wrap)
        self._wrap()

    def _wrap(self) -> None:
        for found in self._inventory.handlers():
            found.wrap(self._checked)

    async def route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In front of the router: what the outer gate settled without it is answered here, in the framework's words."""
        if scope["type"] == "lifespan":
            await self._stack(scope, receive, send)
            return
        held = scope.get("cartaguard")
        if isinstance(held, Refused):
            raise HTTPException(status_code=404)
        if not isinstance(held, Pass) or held.gate is not self._gate:
            raise ConfigurationError("a request reached the router without its guard", code="no_guard")
        if held.other_slash is not None:
            toggled = {**scope, "path": scope["path"][: len(scope["path"]) - len(held.path)] + held.other_slash}
            await RedirectResponse(url=str(URL(scope=toggled)))(scope, receive, send)
            return
        if held.allow is not None:
            raise HTTPException(status_code=405, headers={"Allow": ", ".join(sorted(held.allow))})
        self._inventory.refresh()
        await self._stack(scope, receive, send)

    def _checked(self, found: Found, handle: Any) -> Callable[[Scope, Receive, Send], Any]:
        gate = self._gate
        entries = found.entries

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            held: Pass = scope["cartaguard"]
            params: Mapping[str, Any] = scope.get("path_params") or {}
            chosen = entries if len(entries) == 1 else found.choose(scope, held.path, params)
            try:
                if not gate.confirm(held, chosen, params):
                    await aio.run(gate.confirm_steps(held, chosen, params))
            except Refused as refused:
                await _refuse_at_dispatch(refused, scope, send)
                return
            held.confirmed = chosen
            await handle(scope, receive, send)

        return checked


async def _refuse_at_dispatch(refused: Refused, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await deny_websocket(scope, send, refused.refusal)
    elif refused.refusal.concealed:
        raise HTTPException(status_code=404)
    else:
        await respond(scope, send, refused.refusal)
