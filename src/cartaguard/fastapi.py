"""The door for FastAPI: ``carta = FastAPIGuard(guard)``, ``carta.install(app)``, ``carta.requires(…)``, ``carta.principal``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.openapi.models import SecurityBase as SecurityBaseModel
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException, WebSocketException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from cartaguard import starlette
from cartaguard._asgi_session import POLICY_VIOLATION
from cartaguard._fastapi_routes import FastAPIInventory
from cartaguard._marks import confirmed
from cartaguard.errors import CartaGuardError, ConfigurationError
from cartaguard.guard.gate import Pass
from cartaguard.guard.guard import Guard
from cartaguard.http.refusal import TITLES, Refusal
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Public, Requirement

__all__ = ["FastAPIGuard"]

#: In Swagger UI's Authorize dialog: a field for a token, without the word Bearer.
_SCHEME = HTTPBearerModel(bearerFormat="JWT", description="Carta's bearer token: the Cognito ID token")


class FastAPIGuard:
    """Guards FastAPI applications.

    :param guard: decides.
    :param scheme_name: the name of the security scheme in OpenAPI.
    """

    def __init__(self, guard: Guard, *, scheme_name: str = "Carta") -> None:
        self.guard = guard
        self.scheme_name = scheme_name
        #: A dependency that gives the caller: ``caller: Annotated[Principal, carta.principal]``.
        self.principal: Any = Depends(self._principal)

    def install(self, app: FastAPI, *, docs: Requirement | None = None, allow_preflight: bool = False) -> None:
        """Put the gate in front of an application, and its parts into OpenAPI.

        :param docs: who may see FastAPI's own documentation (``/docs``, ``/redoc``, ``/openapi.json`` and the
            OAuth2 redirect page), such as ``public("API documentation")``. Left out, these count as undeclared.
        :param allow_preflight: see :class:`cartaguard.asgi.GuardMiddleware`; a CORS middleware needs it not.
        :raises cartaguard.errors.ConfigurationError: it is installed, or the application has started, already.

        The gate stands outside of every middleware added so far but for CORS, whose headers refusals need too.
        """
        from cartaguard._fastapi_openapi import describe

        if app.middleware_stack is not None:
            raise ConfigurationError("the application has started already; call `carta.install(app)` before", code="started")
        classes: list[Any] = [middleware.cls for middleware in app.user_middleware]
        if _Middleware in classes:
            raise ConfigurationError("this application has its guard already", code="installed_twice")
        gate = Middleware(_Middleware, guard=self.guard, said=_said(app, docs), allow_preflight=allow_preflight)
        app.user_middleware.insert(max((index + 1 for index, kind in enumerate(classes) if _is_cors(kind)), default=0), gate)
        starlette.answer_faults(app, app)
        describe(app, self.guard.policy, (self.scheme_name, _SCHEME.model_dump(by_alias=True, exclude_none=True, mode="json")))

    def check(self, app: FastAPI) -> None:
        """Take the inventory now, for a test: every route must have said who may use it.

        Raises :class:`~cartaguard.errors.UndeclaredRoutes` that lists those that have not.
        """
        starlette.check(app)

    def requires(self, requirement: Requirement) -> Any:
        """A dependency that demands a requirement: ``dependencies=[carta.requires(permission("read", "Project:{project_id}"))]``.

        For a route, a router, an application, or as a parameter's default, where it gives the caller.
        """
        self.guard.accept(requirement)
        return Depends(
            _open(self.guard, requirement) if isinstance(requirement, Public) else _Requires(self.guard, requirement, self.scheme_name)
        )

    async def _principal(self, connection: HTTPConnection) -> Principal:
        held = _held(connection, self.guard)
        if held is not None:
            return held.principal
        try:
            return await self.guard.aauthenticate(_credentials(connection))
        except CartaGuardError as fault:
            raise _error(connection, self.guard.refusals.fault(fault)) from None


class _Middleware(starlette.GuardMiddleware):
    how = "`dependencies=[carta.requires(…)]` on it, its router or the application (`carta.install(app, docs=…)` for the documentation)"

    def __init__(self, app: Any, *, guard: Guard, said: dict[str, Requirement], allow_preflight: bool) -> None:
        super().__init__(app, guard=guard, allow_preflight=allow_preflight)
        self._said = said

    def inventory(self, app: Any) -> FastAPIInventory:
        return FastAPIInventory(app.router, self._said)


class _Requires(SecurityBase):
    """One requirement as a dependency. Behind the gate it finds its decision made; alone it decides itself."""

    def __init__(self, guard: Guard, requirement: Requirement, scheme_name: str) -> None:
        self.model: SecurityBaseModel = _SCHEME
        self.scheme_name = scheme_name
        self.cartaguard_requirement = requirement
        self._guard = guard

    async def __call__(self, connection: HTTPConnection) -> Principal:
        held = _held(connection, self._guard)
        if held is not None and confirmed(held, self.cartaguard_requirement):
            return held.principal
        return await _decide_alone(self._guard, self.cartaguard_requirement, connection)


def _open(guard: Guard, requirement: Requirement) -> Callable[..., Any]:
    """A public route's dependency: no security scheme in OpenAPI, since none is asked for."""

    async def is_public(connection: HTTPConnection) -> Principal:
        held = _held(connection, guard)
        return await _decide_alone(guard, requirement, connection) if held is None else held.principal

    is_public.cartaguard_requirement = requirement  # type: ignore[attr-defined]
    return is_public


async def _decide_alone(guard: Guard, requirement: Requirement, connection: HTTPConnection) -> Principal:
    """Without ``install``: after body parsing, and in FastAPI's own error format."""
    try:
        principal = await guard.aauthenticate(_credentials(connection))
    except CartaGuardError as fault:
        raise _error(connection, guard.refusals.fault(fault)) from None
    decision = await guard.acheck(principal, requirement, connection.path_params)
    if not decision.permitted:
        raise _error(connection, guard.refusals.decision(decision, authenticated=principal.authenticated))
    return principal


def _held(connection: HTTPConnection, guard: Guard) -> Pass | None:
    """What the gate knows of this request, if it is the gate of this very guard."""
    held = connection.scope.get("cartaguard")
    return held if isinstance(held, Pass) and held.gate.guard is guard else None


def _is_cors(kind: Any) -> bool:
    from starlette.middleware.cors import CORSMiddleware

    return isinstance(kind, type) and issubclass(kind, CORSMiddleware)


def _credentials(connection: HTTPConnection) -> list[bytes]:
    return [value for name, value in connection.scope["headers"] if name == b"authorization"]


def _error(connection: HTTPConnection, refusal: Refusal) -> Exception:
    if connection.scope["type"] == "websocket":
        return WebSocketException(POLICY_VIOLATION, refusal.reason)
    headers = {name: value for name, value in refusal.headers if name != "Content-Type"}
    # A concealed refusal must not say in its text what its status hides.
    return HTTPException(refusal.status, detail=TITLES[404] if refusal.concealed else refusal.reason, headers=headers)


def _said(app: FastAPI, docs: Requirement | None) -> dict[str, Requirement]:
    if docs is None:
        return {}
    paths = (app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url)
    return {path: docs for path in paths if path}
