"""The door for FastAPI: ``carta = FastAPIGuard(guard)``, ``carta.install(app)``, ``carta.requires(…)``, ``carta.principal``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from starlette.middleware import Middleware

from cartaguard.errors import ConfigurationError

# The door itself is imported with the first guard that is put behind it, and not before there is one.
if TYPE_CHECKING:
    from cartaguard.guard.guard import Guard
    from cartaguard.model.requirement import Requirement

__all__ = ["FastAPIGuard"]

#: In Swagger UI's Authorize dialog: a field for a token, without the word Bearer.
_SCHEME = HTTPBearerModel(bearerFormat="JWT", description="Carta's bearer token: the Cognito ID token")


class FastAPIGuard:
    """Guards FastAPI applications.

    :param guard: decides.
    :param scheme_name: the name of the security scheme in OpenAPI.
    """

    def __init__(self, guard: Guard, *, scheme_name: str = "Carta") -> None:
        from cartaguard import _fastapi_door

        self.guard = guard
        self.scheme_name = scheme_name
        #: A dependency that gives the caller: ``caller: Annotated[Principal, carta.principal]``.
        self.principal: Any = Depends(_fastapi_door.caller(guard))

    def install(self, app: FastAPI, *, docs: Requirement | None = None, allow_preflight: bool = False) -> None:
        """Put the gate in front of an application, and its parts into OpenAPI.

        :param docs: who may see FastAPI's own documentation (``/docs``, ``/redoc``, ``/openapi.json`` and the
            OAuth2 redirect page), such as ``public("API documentation")``. Left out, these count as undeclared.
        :param allow_preflight: see :class:`cartaguard.asgi.GuardMiddleware`; a CORS middleware needs it not.
        :raises cartaguard.errors.ConfigurationError: it is installed, or the application has started, already.

        The gate stands outside of every middleware added so far but for CORS, whose headers refusals need too.
        """
        from cartaguard import _fastapi_door, starlette
        from cartaguard._fastapi_openapi import describe

        if app.middleware_stack is not None:
            raise ConfigurationError("the application has started already; call `carta.install(app)` before", code="started")
        classes: list[Any] = [middleware.cls for middleware in app.user_middleware]
        if _fastapi_door.FastAPIMiddleware in classes:
            raise ConfigurationError("this application has its guard already", code="installed_twice")
        gate = Middleware(_fastapi_door.FastAPIMiddleware, guard=self.guard, said=_said(app, docs), allow_preflight=allow_preflight)
        app.user_middleware.insert(max((index + 1 for index, kind in enumerate(classes) if _is_cors(kind)), default=0), gate)
        starlette.answer_faults(app, app)
        describe(app, self.guard.policy, (self.scheme_name, _SCHEME.model_dump(by_alias=True, exclude_none=True, mode="json")))

    def check(self, app: FastAPI) -> None:
        """Take the inventory now, for a test: every route must have said who may use it.

        Raises :class:`~cartaguard.errors.UndeclaredRoutes` that lists those that have not.
        """
        from cartaguard import starlette

        starlette.check(app)

    def requires(self, requirement: Requirement) -> Any:
        """A dependency that demands a requirement: ``dependencies=[carta.requires(permission("read", "Project:{project_id}"))]``.

        For a route, a router, an application, or as a parameter's default, where it gives the caller.
        """
        from cartaguard import _fastapi_door

        self.guard.accept(requirement)
        return Depends(_fastapi_door.demand(self.guard, requirement, self.scheme_name, _SCHEME))


def _is_cors(kind: Any) -> bool:
    from starlette.middleware.cors import CORSMiddleware

    return isinstance(kind, type) and issubclass(kind, CORSMiddleware)


def _said(app: FastAPI, docs: Requirement | None) -> dict[str, Requirement]:
    if docs is None:
        return {}
    paths = (app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url)
    return {path: docs for path in paths if path}
