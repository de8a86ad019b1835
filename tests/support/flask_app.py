"""What the tests of the Flask door share."""

from __future__ import annotations

from typing import Any

from flask import Flask

from cartaguard import Guard, public
from cartaguard.flask import FlaskGuard
from support.aurora import authorization, guard_for

__all__ = ["Answered", "ask", "flask_app"]

Answered = tuple[int, str]


def flask_app(guard: Guard | None = None, *, guarded: bool = True, **options: Any) -> tuple[Flask, FlaskGuard]:
    """An application without routes of its own; with ``guarded=False`` nothing stands in front of it."""
    app = Flask("aurora", **options)
    app.testing = True
    carta = FlaskGuard(guard or guard_for())
    if guarded:
        carta.init_app(app, static=public("style sheets"))
    return app, carta


def ask(app: Flask, target: str, user: str = "", *, method: str = "GET", **options: Any) -> Answered:
    """Status and text of the answer to a user, or to nobody."""
    headers = {**options.pop("headers", {}), **({"Authorization": authorization(user)} if user else {})}
    response = app.test_client().open(target, method=method, headers=headers, buffered=True, **options)
    return response.status_code, response.text
