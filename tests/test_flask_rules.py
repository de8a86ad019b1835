"""The Flask door on rules that are copied, shared or read anew: an entry counts for its own rule and its own gate alone."""

from __future__ import annotations

import copy

from flask import Blueprint, Flask
from flask.views import MethodView

from cartaguard import authenticated, groups, public
from support.aurora import guard_for
from support.flask_app import ask, flask_app

RESEARCH = groups("Aurora:Research")


def statuses(app: Flask, target: str, *people: str, method: str = "GET") -> list[int]:
    return [ask(app, target, user, method=method)[0] for user in people]


def test_of_two_applications_with_one_map_none_decides_for_the_other() -> None:
    """The routes belong to whoever took the inventory last; what another one asked for opens nothing before."""
    strict, research = flask_app(static_folder=None)
    hall = Blueprint("hall", __name__)
    research.protect(hall, RESEARCH)
    hall.add_url_rule("/hall", "hall", lambda: "hall")
    strict.register_blueprint(hall)
    assert statuses(strict, "/hall", "", "otto", "olga") == [401, 403, 200]
    lax, everybody = flask_app(guard_for([{"path": "/*", "require": {"public": "open to all"}}]), static_folder=None)
    lax.url_map, lax.view_functions["hall.hall"] = strict.url_map, lambda: "lax"
    everybody.check(lax)
    assert statuses(lax, "/hall", "") == [200]
    assert statuses(strict, "/hall", "", "otto", "olga") == [401, 403, 403]
    research.check(strict)
    assert statuses(strict, "/hall", "", "otto", "olga") == [401, 403, 200]


def test_a_view_class_whose_methods_are_marked_after_a_first_check_is_read_anew() -> None:
    app, carta = flask_app(static_folder=None)

    class Desk(MethodView):
        def get(self) -> str:
            return "desk"

        def post(self) -> str:
            return "posted"

    app.add_url_rule("/desk", view_func=carta.requires(authenticated)(Desk.as_view("desk")))
    carta.check(app)
    Desk.post = carta.requires(RESEARCH)(Desk.post)  # type: ignore[method-assign]
    carta.check(app)
    assert statuses(app, "/desk", "", "otto", "olga") == [401, 200, 200]
    assert statuses(app, "/desk", "", "otto", "olga", method="POST") == [401, 403, 200]


def test_a_copy_of_a_rule_is_another_rule() -> None:
    """Also one that takes along whatever stands on it."""
    app, carta = flask_app(guard_for([{"path": "/late", "require": {"public": "open to all"}}]))
    app.add_url_rule("/soon", "soon", carta.requires(public("open to all"))(lambda: "soon"))
    assert ask(app, "/soon") == (200, "soon")
    late = copy.copy(next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "soon"))
    late.map, late.rule, late.endpoint = None, "/late", "late"  # type: ignore[assignment]
    app.view_functions["late"] = lambda: "late"
    app.url_map.add(late)
    assert statuses(app, "/late", "", "olga") == [401, 403]
    assert statuses(app, "/late", "", "olga", method="POST") == [401, 403]
    assert ask(app, "/soon") == (200, "soon")
