"""The door for Flask.

    carta = FlaskGuard(guard)
    carta.init_app(app, static=public("style sheets"))

    @app.get("/projects/<project_id>")
    @carta.requires(permission("read", "Project:{project_id}"))
    def show(project_id): …

The gate stands in front of the application's ``preprocess_request``: Werkzeug has matched by then, and nothing of
the application has run, nor has a 404, a 405 or a redirect been raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from flask import Blueprint, Flask, has_request_context, request

from cartaguard._flask_door import TAKEN, Door, checking
from cartaguard._marks import MARK, marks_of
from cartaguard.errors import ConfigurationError, NoPrincipal
from cartaguard.guard.gate import Pass
from cartaguard.guard.guard import Guard
from cartaguard.http.environ import HELD
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Requirement

__all__ = ["FlaskGuard"]

T = TypeVar("T", bound=Callable[..., Any])


class FlaskGuard:
    """Guards Flask applications: one or several, made at once or by factories.

    :param guard: decides. What its policy demands of a path holds together with what the route demands.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def init_app(self, app: Flask, *, static: Requirement | None = None, allow_preflight: bool = False) -> None:
        """Put the gate in front of an application.

        :param static: who may have the application's own static files, whose route exists by default.
        :param allow_preflight: let CORS preflights through to the OPTIONS answer that Flask gives by itself.
            A view that handles OPTIONS is guarded like any other.
        """
        if "cartaguard" in app.extensions:
            raise ConfigurationError(f"the application `{app.name}` has a guard already; call `init_app` once", code="second_guard")
        app.extensions["cartaguard"] = Door(app, self.guard, static, allow_preflight)

    def check(self, app: Flask) -> None:
        """Take the inventory now, at the end of start-up, rather than at the first request.

        Raises :class:`~cartaguard.errors.UndeclaredRoutes`, which lists every route without a requirement, and
        :class:`~cartaguard.errors.ConfigurationError`. Routes that are added later are refused.
        """
        door = app.extensions.get("cartaguard")
        if not isinstance(door, Door):
            raise ConfigurationError(f"the application `{app.name}` has no guard; call `carta.init_app(app)` first", code="no_guard")
        door.check()

    def requires(self, requirement: Requirement) -> Callable[[T], T]:
        """Say who may use a view: over or under ``@app.route``, on a view class, its methods, or in its ``decorators``.

        A view that is called without its requirement having been decided (no ``init_app``, or called by another
        view) raises :class:`~cartaguard.errors.ConfigurationError`.
        """
        _require_requirement(requirement)

        def decorate(view: T) -> T:
            return cast("T", _marked(view, requirement))

        return decorate

    def protect(self, blueprint: Blueprint, requirement: Requirement) -> None:
        """Demand something of every route of a blueprint and of those nested in it, beside what they demand themselves."""
        _require_requirement(requirement)
        marks = marks_of(blueprint)
        if requirement in marks:
            return
        if hasattr(blueprint, TAKEN):
            raise ConfigurationError(
                f"the blueprint `{blueprint.name}` is in use; protect it before `check` or the first request", code="late"
            )
        setattr(blueprint, MARK, (*marks, requirement))

    @property
    def principal(self) -> Principal:
        """The caller of the current request.

        Raises :class:`~cartaguard.errors.NoPrincipal` outside a request, and
        :class:`~cartaguard.errors.ConfigurationError` in an application without a guard.
        """
        if not has_request_context():
            raise NoPrincipal("there is no caller outside a request")
        held = request.environ.get(HELD)
        if not isinstance(held, Pass):
            raise ConfigurationError("no guard stands in front of this application; call `carta.init_app(app)`", code="no_guard")
        return held.principal


def _require_requirement(requirement: object) -> None:
    if not isinstance(requirement, Requirement):
        raise ConfigurationError(f"`{requirement!r}` is not a requirement", code="not_a_requirement")


def _marked(view: Any, requirement: Requirement) -> Any:
    # Over `@app.route` it is not what is returned here that was registered, but something that it wraps.
    for part in _chain(view):
        setattr(part, MARK, (*marks_of(part), requirement))
    if isinstance(view, type):
        return view
    return checking(view, requirement)


def _chain(view: Any) -> Iterator[Any]:
    """A view and what it wraps, down to the function that somebody wrote."""
    while view is not None:
        yield getattr(view, "__func__", view)
        view = getattr(view, "__wrapped__", None)
