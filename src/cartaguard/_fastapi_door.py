"""What stands in front of a FastAPI application and on its routes: the middleware, and requirements as dependencies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.openapi.models import SecurityBase as SecurityBaseModel
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection

from cartaguard import starlette
from cartaguard._asgi_session import POLICY_VIOLATION
from cartaguard._fastapi_routes import FastAPIInventory
from cartaguard._marks import confirmed
from cartaguard.errors import CartaGuardError
from cartaguard.guard.gate import Pass
from cartaguard.guard.guard import Guard
from cartaguard.http.refusal import TITLES, Refusal
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Public, Requirement

__all__ = ["FastAPIMiddleware", "caller", "demand"]


class FastAPIMiddleware(starlette.GuardMiddleware):
    """The gate in front of an application.

    :param said: what was said for FastAPI's own documentation routes, by path.
    """

    how = "`dependencies=[carta.requires(…)]` on it, its router or the application (`carta.install(app, docs=…)` for the documentation)"

    def __init__(self, app: Any, *, guard: Guard, said: dict[str, Requirement], allow_preflight: bool) -> None:
        super().__init__(app, guard=guard, allow_preflight=allow_preflight)
        self._said = said

    def inventory(self, app: Any) -> FastAPIInventory:
        return FastAPIInventory(app.router, self._said)


def demand(guard: Guard, requirement: Requirement, scheme_name: str, scheme: SecurityBaseModel) -> Callable[..., Any]:
    """One requirement as a dependency. Behind the gate it finds its decision made; alone it decides itself."""
    return _open(guard, requirement) if isinstance(requirement, Public) else _Requires(guard, requirement, scheme_name, scheme)


class _Requires(SecurityBase):
    def __init__(self, guard: Guard, requirement: Requirement, scheme_name: str, scheme: SecurityBaseModel) -> None:
        self.model = scheme
        self.scheme_name = scheme_name
        self.cartaguard_requirement = requirement
        self._guard = guard

    async def __call__(self, connection: HTTPConnection) -> Principal:
        held = _held(connection, self._guard)
        if held is not None and confirmed(connection.scope, self.cartaguard_requirement):
            return held.principal
        return await _decide_alone(self._guard, self.cartaguard_requirement, connection)


def _open(guard: Guard, requirement: Requirement) -> Callable[..., Any]:
    """A public route's dependency: no security scheme in OpenAPI, since none is asked for."""

    async def is_public(connection: HTTPConnection) -> Principal:
        held = _held(connection, guard)
        return await _decide_alone(guard, requirement, connection) if held is None else held.principal

    is_public.cartaguard_requirement = requirement  # type: ignore[attr-defined]
    return is_public


def caller(guard: Guard) -> Callable[..., Any]:
    """A dependency that gives who sent a request: as the gate knows him, or as the token says where there is no gate."""

    async def principal(connection: HTTPConnection) -> Principal:
        held = _held(connection, guard)
        return await _authenticated(guard, connection) if held is None else held.principal

    return principal


async def _decide_alone(guard: Guard, requirement: Requirement, connection: HTTPConnection) -> Principal:
    """Without ``install``: after body parsing, and in FastAPI's own error format."""
    principal = await _authenticated(guard, connection)
    decision = await guard.acheck(principal, requirement, connection.path_params)
    if not decision.permitted:
        raise _error(connection, guard.refusals.decision(decision, authenticated=principal.authenticated))
    return principal


async def _authenticated(guard: Guard, connection: HTTPConnection) -> Principal:
    try:
        return await guard.aauthenticate([value for name, value in connection.scope["headers"] if name == b"authorization"])
    except CartaGuardError as fault:
        raise _error(connection, guard.refusals.fault(fault)) from None


def _held(connection: HTTPConnection, guard: Guard) -> Pass | None:
    """What the gate knows of this request, if it is the gate of this very guard."""
    held = connection.scope.get("cartaguard")
    return held if isinstance(held, Pass) and held.gate.guard is guard else None


def _error(connection: HTTPConnection, refusal: Refusal) -> Exception:
    if connection.scope["type"] == "websocket":
        return WebSocketException(POLICY_VIOLATION, refusal.reason)
    headers = {name: value for name, value in refusal.headers if name != "Content-Type"}
    # A concealed refusal must not say in its text what its status hides.
    return HTTPException(refusal.status, detail=TITLES[404] if refusal.concealed else refusal.reason, headers=headers)
