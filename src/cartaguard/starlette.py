"""The door for Starlette: ``Middleware(GuardMiddleware, guard=guard)`` and ``requires(…)`` on endpoints.

The middleware takes an inventory of every route at start-up, decides in front of the router, and again at
dispatch on the route that the router matched and on its converted parameters.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import HTTPConnection

from cartaguard._asgi_session import ASGIApp, Receive, Scope, Send
from cartaguard._marks import requires
from cartaguard._starlette_dispatch import RouteGate
from cartaguard._starlette_routes import Inventory
from cartaguard.asgi import GuardMiddleware as _AsgiGuard
from cartaguard.asgi import chain, principal
from cartaguard.errors import ConfigurationError
from cartaguard.guard.gate import ANSWERED, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.guard.inventory import require_declared

__all__ = ["GuardMiddleware", "check", "principal", "requires"]


class GuardMiddleware(_AsgiGuard):
    """Guards a Starlette application: ``Starlette(routes=[…], middleware=[Middleware(GuardMiddleware, guard=guard)])``.

    A route says its requirement with :func:`requires`, or an entry of the guard's policy does; both hold
    together. Routes without one keep the application from starting.

    Put a CORS middleware before (outside of) this one, so that preflights and refusals get its headers.

    :param app: the next middleware of the application.
    :param guard: decides.
    :param allow_preflight: see :class:`cartaguard.asgi.GuardMiddleware`.
    """

    #: What to write on a route that has no requirement.
    how = "`requires(…)` around its endpoint"

    def __init__(self, app: ASGIApp, *, guard: Guard, allow_preflight: bool = False) -> None:
        super().__init__(app, guard=guard, allow_preflight=allow_preflight)
        #: What renders the application's error pages: it answers the refusals that routes raise, and what is hidden.
        self._pages = next((inner for inner in chain(app) if isinstance(inner, ExceptionMiddleware)), None)
        self._answered_inside = app is self._pages

    def inventory(self, app: Any) -> Inventory:
        """Every route of the application; the FastAPI door knows of more kinds."""
        return Inventory(app.router)

    def make_gate(self, scope: Scope) -> RouteGate:
        app = self._application(scope)
        inventory = self.checked(app)
        gate = RouteGate(self.guard, app.router, inventory, self._pages)
        gate.install()
        if self._pages is not None:
            answer_faults(app, self._pages)
        for inner in inventory.applications:
            # A mounted application answers its faults itself; ours are 401, 403, 404 and 503 there too.
            answer_faults(inner, inner)
        return gate

    def checked(self, app: Any) -> Inventory:
        """The inventory, when every route says who may use it."""
        inventory = self.inventory(app)
        require_declared(inventory.entries, self.guard.policy, how=self.how)
        return inventory

    def _application(self, scope: Scope) -> Starlette:
        app = scope.get("app")
        if isinstance(app, Starlette) and (_leads(self.app, app.router) or _leads(app.middleware_stack, self)):
            return app
        raise ConfigurationError(
            "this guard does not stand inside of a Starlette application; give it as "
            "`Starlette(middleware=[Middleware(GuardMiddleware, guard=guard)])`, or use cartaguard.asgi.GuardMiddleware around any other",
            code="misplaced",
        )

    # No server sees it within its application, so that it need not be a coroutine function.
    __call__ = _AsgiGuard._begin  # type: ignore[assignment]

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        gate: Any = self._ready(scope)
        await gate.refuse(refused, scope, receive, send)


def check(app: Starlette) -> None:
    """Take the inventory now, for a test: every route must have said who may use it.

    Raises :class:`~cartaguard.errors.UndeclaredRoutes` that lists those that have not, and
    :class:`~cartaguard.errors.ConfigurationError` for an application without a guard.
    """
    for middleware in app.user_middleware:
        kind: Any = middleware.cls
        if isinstance(kind, type) and issubclass(kind, GuardMiddleware):
            options: Any = middleware.kwargs
            kind(app.router, **options).checked(app)
            return
    raise ConfigurationError("this application has no guard", code="no_guard")


def answer_faults(app: Starlette, pages: Starlette | ExceptionMiddleware) -> None:
    """Let an application's error pages answer the refusals that its routes raise; handlers of its own stay."""
    for fault in ANSWERED:
        if not any(isinstance(kind, type) and kind is not Exception and issubclass(fault, kind) for kind in app.exception_handlers):
            pages.add_exception_handler(fault, _answer)


async def _answer(connection: HTTPConnection, fault: Any) -> Any:
    held = connection.scope.get("cartaguard")
    if not isinstance(held, Pass) or not isinstance(held.gate, RouteGate) or connection.scope["type"] == "websocket":
        # A WebSocket is closed by the gate, which knows how far it got.
        raise fault
    return partial(held.gate.refuse, held.gate.answer(fault, held.principal))


def _leads(start: Any, goal: object) -> bool:
    return any(inner is goal for inner in chain(start))
