"""Every door of cartaguard in front of the same application, with few and with many routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.drive import AsgiDriver, Driver, WsgiDriver
from benchmarks.subject import Cells, Kit, all_refusals, door_cell
from benchmarks.subjects import applications
from benchmarks.subjects.cartaguard_parts import guard_for, policy_for, requirement
from benchmarks.subjects.routes import paths_for

__all__ = ["applications_for", "make"]


def make(kit: Kit, *, door: str, counts: Sequence[int] = (5,), asked: Sequence[str] = ("exact path",)) -> Cells:
    """Cells by ``"5 routes, exact path"`` and the like.

    :param door: ``asgi``, ``starlette``, ``fastapi`` (what is demanded stands in the policy), ``fastapi routes`` (it
        stands on the routes), ``fastapi alone`` (on the routes, without the gate), ``wsgi`` or ``flask``.
    """
    driver: Driver = WsgiDriver() if door in {"wsgi", "flask"} else AsgiDriver()
    cells: Cells = {}
    for count in counts:
        bare, guarded = applications_for(kit, door, count, driver)
        for what in asked:
            cells[f"{count} routes, {what}"] = door_cell(driver, bare, guarded, paths_for(what), kit["tokens"]["cognito"], all_refusals())
    return cells


def applications_for(kit: Kit, door: str, count: int, driver: Driver | None = None) -> tuple[Any, Any]:
    """The bare application and the guarded one.

    :param driver: starts the application up, as a server does; without it the server does so.
    """
    match door:
        case "asgi":
            from cartaguard.asgi import GuardMiddleware

            return applications.raw_asgi, GuardMiddleware(applications.raw_asgi, guard=guard_for(kit, policy=policy_for(kit, count)))
        case "wsgi":
            from cartaguard.wsgi import GuardMiddleware as WsgiGuard

            return applications.raw_wsgi, WsgiGuard(applications.raw_wsgi, guard=guard_for(kit, policy=policy_for(kit, count)))
        case "starlette":
            return applications.starlette_app(count), _starlette(kit, count)
        case "fastapi":
            return applications.fastapi_app(count), _fastapi_by_policy(kit, count)
        case "fastapi routes" | "fastapi alone":
            return applications.fastapi_app(count), _fastapi(kit, count, install=door == "fastapi routes")
        case "flask":
            return applications.flask_app(count).wsgi_app, _flask(kit, count)
        case _:
            raise ValueError(f"`{door}` is not a door")


def _starlette(kit: Kit, count: int) -> Any:
    from starlette.middleware import Middleware

    from cartaguard.starlette import GuardMiddleware, requires

    return applications.starlette_app(
        count,
        wrap=lambda route, view: requires(requirement(kit, route))(view),
        middleware=[Middleware(GuardMiddleware, guard=guard_for(kit))],
    )


def _fastapi_by_policy(kit: Kit, count: int) -> Any:
    from cartaguard.fastapi import FastAPIGuard

    app = applications.fastapi_app(count)
    FastAPIGuard(guard_for(kit, policy=policy_for(kit, count))).install(app)
    return app


def _fastapi(kit: Kit, count: int, *, install: bool) -> Any:
    from cartaguard.fastapi import FastAPIGuard

    carta = FastAPIGuard(guard_for(kit))
    app = applications.fastapi_app(count, demands=lambda route: [carta.requires(requirement(kit, route))])
    if install:
        carta.install(app)
    return app


def _flask(kit: Kit, count: int) -> Any:
    from cartaguard.flask import FlaskGuard

    carta = FlaskGuard(guard_for(kit))
    app = applications.flask_app(count, wrap=lambda route, view: carta.requires(requirement(kit, route))(view), before=carta.init_app)
    carta.check(app)
    return app.wsgi_app
