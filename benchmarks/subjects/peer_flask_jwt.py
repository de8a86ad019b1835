"""Flask-JWT-Extended: ``jwt_required`` on every view, and the group looked for in the claims."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from flask_jwt_extended import JWTManager, get_jwt, jwt_required

from benchmarks.drive import WsgiDriver
from benchmarks.subject import Cells, Kit, all_refusals, door_cell
from benchmarks.subjects.applications import flask_app
from benchmarks.subjects.routes import paths_for

__all__ = ["make"]


def make(kit: Kit, *, counts: Sequence[int]) -> Cells:
    driver = WsgiDriver()
    return {
        f"{count} routes, exact path": door_cell(
            driver,
            flask_app(count).wsgi_app,
            _guarded(kit, count),
            paths_for("exact path"),
            kit["tokens"]["cognito"],
            # A forged signature is 422 to it.
            all_refusals(bad_token=422),
        )
        for count in counts
    }


def _guarded(kit: Kit, count: int) -> Any:
    def configure(app: Any) -> None:
        app.config.update(
            JWT_ALGORITHM="RS256",
            JWT_PUBLIC_KEY=kit["pem"],
            JWT_DECODE_AUDIENCE=kit["client"],
            JWT_DECODE_ISSUER=kit["issuers"]["cognito"],
            JWT_DECODE_LEEWAY=30,
            JWT_IDENTITY_CLAIM="sub",
        )
        JWTManager(app)

    def wrap(route: Any, view: Any) -> Any:
        @wraps(view)
        def in_group(**params: Any) -> Any:
            if kit["group"] not in get_jwt().get("cognito:groups", ()):
                return {"detail": "denied"}, 403
            return view(**params)

        return jwt_required()(in_group)

    return flask_app(count, wrap=wrap, before=configure).wsgi_app
