"""The inventory of a Flask application: every route says who may use it, or nothing is served."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, Rule

from cartaguard import authenticated, groups, permission, public, users
from cartaguard._flask_routes import Routes
from cartaguard.errors import ConfigurationError, RequirementError, UndeclaredRoutes
from cartaguard.flask import FlaskGuard
from support.aurora import guard_for, served
from support.flask_app import ask, flask_app

RESEARCH = groups("Aurora:Research")


def statuses(app: Flask, target: str, *people: str, method: str = "GET") -> list[int]:
    return [ask(app, target, user, method=method)[0] for user in people]


# -- blueprints ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("guarded", "expected"), [(True, [401, 403, 403, 200]), (False, [200, 200, 200, 200])])
def test_what_nested_blueprints_demand_holds_together(guarded: bool, expected: list[int]) -> None:
    """Without the guard the same routes are open to everybody."""
    app, carta = flask_app(guarded=guarded)
    outer, inner, innermost = (Blueprint(name, __name__) for name in ("outer", "inner", "innermost"))
    carta.protect(outer, users("olga", "greta"))
    carta.protect(inner, users("olga", "otto"))
    innermost.add_url_rule("/room", "room", lambda: "room")
    inner.register_blueprint(innermost, url_prefix="/c")
    outer.register_blueprint(inner, url_prefix="/b")
    app.register_blueprint(outer, url_prefix="/a")
    assert statuses(app, "/a/b/c/room", "", "greta", "otto", "olga") == expected


def test_a_blueprint_demands_the_same_wherever_it_is_registered() -> None:
    app, carta = flask_app()
    bp, house = Blueprint("hall", __name__), Blueprint("house", __name__)
    carta.protect(bp, RESEARCH)
    carta.protect(bp, RESEARCH)
    carta.protect(house, users("otto", "olga"))
    bp.add_url_rule("/room", "room", lambda: "room")
    app.register_blueprint(bp, url_prefix="/one")
    app.register_blueprint(bp, url_prefix="/two", name="second")
    house.register_blueprint(bp, url_prefix="/hall", name="third")
    app.register_blueprint(house, url_prefix="/three")
    app.register_blueprint(house, url_prefix="/four", name="fourth")
    for target in ("/one/room", "/two/room", "/three/hall/room", "/four/hall/room"):
        assert statuses(app, target, "", "otto", "olga") == [401, 403, 200]


def test_a_route_demands_more_than_its_blueprint() -> None:
    app, carta = flask_app()
    bp = Blueprint("hall", __name__)
    carta.protect(bp, authenticated)

    @bp.get("/room")
    @carta.requires(RESEARCH)
    def room() -> str:
        return "room"

    @bp.get("/open")
    @carta.requires(public("no longer open in there"))
    def opened() -> str:
        return "open"

    app.register_blueprint(bp)
    assert statuses(app, "/room", "", "otto", "olga") == [401, 403, 200]
    assert statuses(app, "/open", "", "otto") == [401, 200]


def test_a_blueprints_own_static_files_are_behind_it() -> None:
    app, carta = flask_app()
    bp = Blueprint("hall", __name__, static_folder=".", static_url_path="/files")
    app.register_blueprint(bp, url_prefix="/hall")
    with pytest.raises(UndeclaredRoutes, match="hall/files"):
        carta.check(app)
    app, carta = flask_app()
    carta.protect(bp, RESEARCH)
    app.register_blueprint(bp, url_prefix="/hall")
    assert statuses(app, "/hall/files/test_flask_routes.py", "", "otto", "olga") == [401, 403, 200]


def test_a_blueprint_that_is_in_use_cannot_be_protected_any_more() -> None:
    app, carta = flask_app()
    bp = Blueprint("hall", __name__)
    carta.protect(bp, authenticated)
    app.register_blueprint(bp)
    carta.check(app)
    carta.protect(bp, authenticated)
    with pytest.raises(ConfigurationError, match="in use"):
        carta.protect(bp, RESEARCH)


# -- views -----------------------------------------------------------------------------------------------


def test_a_requirement_stands_over_or_under_the_route() -> None:
    app, carta = flask_app()

    @app.get("/under")
    @carta.requires(RESEARCH)
    @carta.requires(users("olga", "otto"))
    def under() -> str:
        return "under"

    @carta.requires(RESEARCH)
    @carta.requires(users("olga", "otto"))
    @app.get("/over")
    def over() -> str:
        return "over"

    @carta.requires(RESEARCH)
    @app.get("/both")
    @carta.requires(users("olga", "otto"))
    def both() -> str:
        return "both"

    for target in ("/under", "/over", "/both"):
        assert statuses(app, target, "", "otto", "olga") == [401, 403, 200]


class Items(MethodView):
    init_every_request = False

    def get(self) -> str:
        return "listed"

    def post(self) -> str:
        return "made"


def test_view_classes_say_it_in_their_decorators_on_themselves_or_on_their_methods() -> None:
    app, carta = flask_app()

    class Decorated(Items):
        decorators: ClassVar = [carta.requires(RESEARCH)]

    @carta.requires(RESEARCH)
    class Marked(Items):
        pass

    class Page(View):
        methods: ClassVar = ["GET", "POST"]
        decorators: ClassVar = [carta.requires(RESEARCH)]

        def dispatch_request(self) -> str:
            return "page"

    class Methods(MethodView):
        @carta.requires(public("open to all"))
        def get(self) -> str:
            return "listed"

        @carta.requires(RESEARCH)
        async def post(self) -> str:
            return "made"

        @carta.requires(users("otto"))
        def head(self) -> str:
            return ""

    class NoGet(MethodView):
        @carta.requires(authenticated)
        def put(self) -> str:
            return "put"

        @carta.requires(RESEARCH)
        def delete(self) -> str:
            return "gone"

    for name, view in (("decorated", Decorated), ("marked", Marked), ("page", Page), ("methods", Methods), ("noget", NoGet)):
        app.add_url_rule(f"/{name}", view_func=view.as_view(name))
    carta.check(app)
    for target in ("/decorated", "/marked", "/page"):
        for method in ("GET", "POST", "HEAD"):
            assert statuses(app, target, "", "otto", "olga", method=method) == [401, 403, 200]
    assert statuses(app, "/methods", "", "otto", "olga") == [200, 200, 200]
    assert statuses(app, "/methods", "", "otto", "olga", method="POST") == [401, 403, 200]
    assert statuses(app, "/methods", "", "otto", "olga", method="HEAD") == [401, 200, 403]
    assert statuses(app, "/methods", "", "otto", method="OPTIONS") == [200, 200]
    assert statuses(app, "/methods", "", "otto", method="DELETE") == [405, 405]
    assert statuses(app, "/noget", "", "otto", "olga", method="DELETE") == [401, 403, 200]
    assert statuses(app, "/noget", "", "otto", "olga", method="OPTIONS") == [401, 403, 200]


def test_a_method_that_says_nothing_is_undeclared() -> None:
    app, carta = flask_app()

    class Half(MethodView):
        @carta.requires(authenticated)
        def get(self) -> str:
            return "listed"

        def post(self) -> str:
            return "made"

    app.add_url_rule("/half", view_func=Half.as_view("half"))
    with pytest.raises(UndeclaredRoutes) as caught:
        carta.check(app)
    assert caught.value.routes == ("POST /half",)


def test_bound_methods_and_partials_are_views_too() -> None:
    app, carta = flask_app()

    class Desk:
        def show(self) -> str:
            return "desk"

    def add(more: str) -> str:
        return more

    app.add_url_rule("/desk", "desk", carta.requires(RESEARCH)(Desk().show))
    app.add_url_rule("/more", "more", carta.requires(RESEARCH)(functools.partial(add, "more")))
    for target in ("/desk", "/more"):
        assert statuses(app, target, "", "otto", "olga") == [401, 403, 200]


def test_a_view_without_its_decision_does_not_run() -> None:
    """No `init_app`; a view called by another one; a decorator that lost the mark inside a protected blueprint."""
    app, carta = flask_app(guarded=False)
    app.add_url_rule("/", "front", carta.requires(RESEARCH)(lambda: "front"))
    with pytest.raises(ConfigurationError, match="init_app"):
        ask(app, "/", "olga")

    app, carta = flask_app()

    @app.get("/inner")
    @carta.requires(RESEARCH)
    def inner() -> str:
        return "inner"

    @app.get("/coroutine")
    @carta.requires(RESEARCH)
    async def coroutine() -> str:
        return "coroutine"

    app.add_url_rule("/outer", "outer", carta.requires(authenticated)(lambda: inner()))

    async def awaits() -> str:
        return await coroutine()

    app.add_url_rule("/awaits", "awaits", carta.requires(authenticated)(awaits))
    bp = Blueprint("hall", __name__)
    carta.protect(bp, authenticated)
    bp.add_url_rule("/lost", "lost", lambda: inner())
    app.register_blueprint(bp)
    for target in ("/outer", "/awaits", "/lost"):
        with pytest.raises(ConfigurationError, match="nothing has decided"):
            ask(app, target, "olga")
    assert ask(app, "/coroutine", "olga") == (200, "coroutine")


@pytest.mark.parametrize("wrong", ["Aurora:Research", None, lambda: None])
def test_only_a_requirement_is_one(wrong: Any) -> None:
    _, carta = flask_app()
    with pytest.raises(ConfigurationError, match="not a requirement"):
        carta.requires(wrong)
    with pytest.raises(ConfigurationError, match="not a requirement"):
        carta.protect(Blueprint("hall", __name__), wrong)


# -- static files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("guarded", "expected"), [(True, [401, 403, 200]), (False, [200, 200, 200])])
def test_static_files_are_guarded(guarded: bool, expected: list[int]) -> None:
    """Without the guard the same files are open to everybody."""
    app = Flask("aurora", root_path=__file__.rpartition("/")[0], static_folder="support", static_url_path="/static")
    if guarded:
        FlaskGuard(guard_for()).init_app(app, static=RESEARCH)
    assert statuses(app, "/static/aurora.py", "", "otto", "olga") == expected


def test_static_files_exist_by_default_and_have_to_be_said() -> None:
    app = Flask("aurora")
    carta = FlaskGuard(guard_for())
    carta.init_app(app)
    with pytest.raises(UndeclaredRoutes) as caught:
        carta.check(app)
    assert caught.value.routes == ("GET /static/<path:filename>",)
    assert "init_app(app, static=" in str(caught.value)


def test_an_application_without_static_files_says_nothing_of_them() -> None:
    app, carta = flask_app(static_folder=None)
    app.add_url_rule("/static", "static", lambda: "somebody's own")
    with pytest.raises(UndeclaredRoutes):
        carta.check(app)


# -- what is not declared, and what comes too late --------------------------------------------------------


def test_undeclared_routes_are_found_at_the_check_and_then_nothing_is_served() -> None:
    app, carta = flask_app()
    app.add_url_rule("/said", "said", carta.requires(public("open to all"))(lambda: "said"))
    app.add_url_rule("/unsaid", "unsaid", lambda: "unsaid", methods=["GET", "POST"])
    app.add_url_rule("/all", "all", lambda: "all", methods=["GET", "HEAD", "OPTIONS", "PUT"])
    with pytest.raises(UndeclaredRoutes) as caught:
        carta.check(app)
    assert caught.value.routes == ("GET,POST /unsaid", "GET,OPTIONS,PUT /all")
    for target in ("/said", "/unsaid", "/nothing"):
        status, text = ask(app, target, "olga")
        assert status == 500
        assert "undeclared_routes" in text


def test_undeclared_routes_are_found_at_the_first_request() -> None:
    app, _ = flask_app()
    app.add_url_rule("/unsaid", "unsaid", lambda: "unsaid")
    with pytest.raises(UndeclaredRoutes, match="/unsaid"):
        ask(app, "/static/x.css")
    assert ask(app, "/static/x.css")[0] == 500
    app.testing = False
    with served(app) as door:
        assert door.request("GET", "/unsaid").status == 500


def test_a_check_that_comes_out_well_the_second_time_opens_the_door() -> None:
    app, carta = flask_app()
    app.add_url_rule("/unsaid", "unsaid", lambda: "unsaid")
    with pytest.raises(UndeclaredRoutes):
        carta.check(app)
    app.view_functions["unsaid"] = carta.requires(public("open to all"))(lambda: "said")
    carta.check(app)
    assert ask(app, "/unsaid") == (200, "said")


@pytest.mark.parametrize("first", ["check", "request"])
def test_a_route_that_is_added_later_is_refused(first: str) -> None:
    app, carta = flask_app(guard_for([{"path": "/late/*", "require": {"public": "open to all"}}]))
    app.add_url_rule("/soon", "soon", carta.requires(public("open to all"))(lambda: "soon"))
    if first == "check":
        carta.check(app)
    else:
        ask(app, "/soon")
    view = carta.requires(public("open to all"))(lambda: "late")
    for endpoint, rule in (("own", "/late/own"), ("slash", "/late/slash/"), ("post", "/late/post")):
        app.url_map.add(Rule(rule, endpoint=endpoint, methods=["POST"] if endpoint == "post" else ["GET"]))
        app.view_functions[endpoint] = view
    for target in ("/late/own", "/late/slash", "/late/post"):
        assert statuses(app, target, "", "olga") == [401, 403]
    assert ask(app, "/soon") == (200, "soon")


def test_a_rule_for_building_alone_is_no_route() -> None:
    app, carta = flask_app()
    app.url_map.add(Rule("/elsewhere/<x>", endpoint="elsewhere", build_only=True))
    carta.check(app)


def test_a_rule_without_methods_takes_them_all() -> None:
    app, carta = flask_app()
    app.url_map.add(Rule("/any", endpoint="any"))
    app.view_functions["any"] = carta.requires(RESEARCH)(lambda: "any")
    carta.check(app)
    assert statuses(app, "/any", "", "otto", "olga", method="PURGE") == [401, 403, 200]


def test_a_policy_covers_routes_that_say_nothing_themselves() -> None:
    policy = [
        {"path": "/static/*", "require": {"public": "style sheets"}},
        {"path": "/projects/{id}", "methods": ["GET"], "require": {"authenticated": True}},
        {"path": "/files/*", "require": {"groups": ["Aurora:Research"]}},
    ]
    app = Flask("aurora")
    carta = FlaskGuard(guard_for(policy))
    carta.init_app(app)
    app.add_url_rule("/projects/<int:number>", "project", lambda number: "project")
    app.add_url_rule("/files/<kind>/x-<name>.txt", "file", lambda kind, name: "file")
    carta.check(app)
    assert statuses(app, "/projects/7", "", "otto") == [401, 200]
    assert statuses(app, "/files/a/x-1.txt", "", "otto", "olga") == [401, 403, 200]


def test_a_pattern_of_one_segment_covers_no_route_that_takes_more() -> None:
    app, carta = flask_app(guard_for([{"path": "/projects/{id}", "require": {"authenticated": True}}]))
    app.add_url_rule("/projects/<path:below>", "below", lambda below: "below")
    with pytest.raises(UndeclaredRoutes, match="projects/<path:below>"):
        carta.check(app)


def test_a_rule_has_the_shape_of_a_pattern() -> None:
    class Two(BaseConverter):
        regex = "[^/]+/[^/]+"

    app = Flask("aurora", static_folder=None)
    app.url_map.converters["two"] = Two
    rules = ["/", "/a//b", "/a/<x>/", "/a/v<int:x>.<any('y', 'z'):z>", "/a/<two:x>/b", "/a/x-<path:x>", '/a/<string(length=2):x>/"<y>"']
    for index, rule in enumerate(rules):
        app.add_url_rule(rule, str(index), lambda **values: "")
    shapes = {entry.path: (entry.segments, entry.tail) for entry in Routes(app, None).entries}
    assert [shapes[rule] for rule in rules] == [
        (("",), False),
        (("a", "b"), False),
        (("a", None, ""), False),
        (("a", None), False),
        (("a",), True),
        (("a",), True),
        (("a", None, None), False),
    ]


def test_a_template_that_the_route_lacks_is_an_error_at_the_check() -> None:
    app, carta = flask_app()
    app.add_url_rule("/x/<name>", "x", carta.requires(permission("read", "Project:{id}"))(lambda name: name))
    with pytest.raises(RequirementError, match=r"`\{id\}`"):
        carta.check(app)
    assert ask(app, "/x/y", "olga")[0] == 500


# -- what cannot be guarded ------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"host_matching": True, "static_host": "a.example"}, {"subdomain_matching": True}])
def test_routing_by_host_refuses_to_start(options: dict[str, Any]) -> None:
    app, carta = flask_app(**options)
    with pytest.raises(ConfigurationError, match="host or subdomain"):
        carta.check(app)


def test_a_rule_of_a_subdomain_refuses_to_start() -> None:
    app, carta = flask_app()
    app.add_url_rule("/", "api", carta.requires(authenticated)(lambda: "api"), subdomain="api")
    with pytest.raises(ConfigurationError, match="host or subdomain"):
        carta.check(app)


def test_a_websocket_refuses_to_start() -> None:
    app, carta = flask_app()
    app.url_map.add(Rule("/socket", endpoint="socket", websocket=True))
    with pytest.raises(ConfigurationError, match="WebSocket"):
        carta.check(app)


def test_a_websocket_request_finds_nothing() -> None:
    app, carta = flask_app()
    app.add_url_rule("/", "front", carta.requires(public("front page"))(lambda: "front"))
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert ask(app, "/", headers=upgrade)[0] == 401
    assert ask(app, "/", "otto", headers=upgrade)[0] == 400


def test_what_is_mounted_beside_flask_refuses_to_start() -> None:
    app, carta = flask_app()
    app.wsgi_app = ProxyFix(DispatcherMiddleware(app.wsgi_app, {}))  # type: ignore[method-assign]
    carta.check(app)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": lambda environ, start: []})  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match="`/metrics`"):
        carta.check(app)


# -- redirects that an application asks for ---------------------------------------------------------------


def test_a_redirect_is_decided_on_where_it_leads() -> None:
    app, carta = flask_app(
        guard_for([{"path": "/old/*", "require": {"public": "moved"}}, {"path": "/away", "require": {"public": "moved"}}])
    )
    app.add_url_rule("/new/", "new", carta.requires(RESEARCH)(lambda: "new"))
    app.add_url_rule("/put/", "put", carta.requires(RESEARCH)(lambda: "put"), methods=["PUT"])
    for index, (old, new) in enumerate(
        [
            ("/old/1", "/new/"),
            ("/old/2", "/new"),
            ("/old/3", "/put/"),
            ("/old/4", "/old/4"),
            ("/old/5", "/none"),
            ("/away", "https://b.example/new/"),
        ]
    ):
        app.url_map.add(Rule(old, endpoint=f"old{index}", redirect_to=new))
    app.url_map.add(Rule("/old/6", endpoint="old6", methods=["GET"], redirect_to="/new/"))
    carta.check(app)
    assert statuses(app, "/old/6", "", "otto", "olga", method="DELETE") == [401, 405, 405]
    assert statuses(app, "/old/1", "", "otto", "olga") == [401, 403, 308]
    assert statuses(app, "/old/2", "", "otto", "olga") == [401, 403, 308]
    assert statuses(app, "/old/3", "", "otto", "olga") == [401, 403, 308]
    # In circles, nowhere, and away from this application: no route stands there.
    for target in ("/old/4", "/old/5", "/away"):
        assert statuses(app, target, "", "olga") == [401, 308]


def test_a_405_is_decided_on_the_first_route_with_that_path() -> None:
    app, carta = flask_app()
    app.add_url_rule("/x/<id>", "by_id", carta.requires(RESEARCH)(lambda **values: ""), methods=["PUT"])
    app.add_url_rule("/x/me", "me", carta.requires(public("open to all"))(lambda: ""), methods=["POST"])
    app.add_url_rule("/x/<int:id>", "number", carta.requires(public("open to all"))(lambda **values: ""), methods=["DELETE"])
    carta.check(app)
    assert statuses(app, "/x/me", "", "otto", "olga") == [401, 403, 405]
    assert statuses(app, "/x/other", "", "otto", "olga") == [401, 403, 405]


# -- putting it in place ---------------------------------------------------------------------------------


def test_an_application_has_one_guard() -> None:
    app, carta = flask_app()
    with pytest.raises(ConfigurationError, match="once"):
        carta.init_app(app)


def test_an_application_without_a_guard_cannot_be_checked() -> None:
    app, carta = flask_app(guarded=False)
    with pytest.raises(ConfigurationError, match="init_app"):
        carta.check(app)


# -- converters that change texts ------------------------------------------------------------------------


class _Once(BaseConverter):
    """Makes something of a text that cannot be made a text again."""

    def to_python(self, value: str) -> Any:
        return [value]

    def to_url(self, value: Any) -> str:
        raise ValueError("no way back")


def _closed(path: str) -> list[dict[str, Any]]:
    rest = path.rpartition("/")[0] + "/*"
    return [{"path": path, "require": {"deny": True}}, {"path": rest, "require": {"authenticated": True}}]


@pytest.mark.parametrize("target", ["/items/8", "/items/08", "/items/008", "/items/%D9%A8"])
def test_what_the_policy_says_of_an_item_holds_however_its_number_is_written(target: str) -> None:
    """Werkzeug makes 8 of `08` and of other digits: the policy on `/items/8` is meant."""
    app, _ = flask_app(guard_for(_closed("/items/8")))
    app.add_url_rule("/items/<int:n>", "item", lambda n: f"item {n}")
    assert statuses(app, target, "", "olga") == [401, 403]
    assert ask(app, "/items/9", "olga") == (200, "item 9")
    assert ask(app, "/items/09", "olga") == (200, "item 9")


def test_where_the_path_cannot_be_made_again_from_what_was_converted_the_policy_refuses() -> None:
    app, _ = flask_app(guard_for(_closed("/once/closed")))
    app.url_map.converters["once"] = _Once
    app.add_url_rule("/once/<once:it>", "once", lambda it: "open")
    assert statuses(app, "/once/x", "", "olga") == [401, 403]
