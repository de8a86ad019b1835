"""The Flask door: who gets through, and what the others are told."""

from __future__ import annotations

from functools import wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, abort, g, request
from flask.cli import routes_command
from flask.views import MethodView
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from cartaguard import Guard, authenticated, groups, permission, public
from cartaguard.errors import ConfigurationError, NoPrincipal, ParameterError
from cartaguard.flask import FlaskGuard
from cartaguard.http.environ import HELD
from support.aurora import authorization, guard_for, served
from support.flask_app import ask, flask_app

READ = permission("read", "Project:{id}")


@pytest.fixture
def app() -> Flask:
    """Routes of every kind that the table below asks for."""
    app, carta = flask_app()

    @app.get("/")
    @carta.requires(public("front page"))
    def front() -> str:
        return f"front {carta.principal.username}"

    @app.get("/projects/<id>")
    @carta.requires(READ)
    def project(id: str) -> str:
        return f"project {id} {carta.principal.username}"

    @carta.requires(READ)
    @app.post("/projects/<id>/runs")
    def run(id: str) -> str:
        return f"run {id}"

    @app.get("/numbers/<int:id>")
    @carta.requires(READ)
    def number(id: int) -> str:
        return f"number {id}"

    @app.get("/runs/<uuid:id>")
    @carta.requires(permission("read", "Distant:{id}"))
    def by_uuid(id: Any) -> str:
        return f"run {id}"

    @app.get("/files/<path:id>")
    @carta.requires(permission("read", "Distant:{id}"))
    def file(id: str) -> str:
        return f"file {id}"

    @app.get("/team/")
    @carta.requires(groups("Aurora:Research"))
    def team() -> str:
        return "team"

    @app.get("/lost")
    @carta.requires(permission("read", "Lost:x"))
    def lost() -> str:
        return "lost"

    @app.get("/hidden/<id>")
    @carta.requires(permission("read", "Project:{id}", conceal=True))
    def hidden(id: str) -> str:
        return f"hidden {id}"

    @app.get("/mine")
    @carta.requires(authenticated)
    async def mine() -> str:
        return f"mine {carta.principal.username}"

    @app.route("/pages/", defaults={"page": 1})
    @app.route("/pages/<int:page>")
    @carta.requires(groups("Aurora:Research"))
    def pages(page: int) -> str:
        return f"page {page}"

    carta.check(app)
    return app


UUID = "0b7f6a52-91cb-4d29-9a27-8f54cbbf0e62"
OWN_404 = "The requested URL was not found"


@pytest.mark.parametrize(
    ("method", "target", "user", "status", "text"),
    [
        ("GET", "/", "", 200, "front "),
        ("GET", "/", "olga", 200, "front olga"),
        ("GET", "/projects/alloys", "", 401, "unauthenticated"),
        ("GET", "/projects/alloys", "greta", 200, "project alloys greta"),
        ("GET", "/projects/alloys", "otto", 403, "lacks_permission"),
        ("POST", "/projects/alloys/runs", "greta", 200, "run alloys"),
        ("POST", "/projects/alloys/runs", "", 401, None),
        ("HEAD", "/projects/alloys", "greta", 200, ""),
        ("HEAD", "/projects/alloys", "otto", 403, ""),
        ("OPTIONS", "/projects/alloys", "", 401, None),
        ("OPTIONS", "/projects/alloys", "otto", 403, None),
        ("OPTIONS", "/projects/alloys", "greta", 200, ""),
        ("DELETE", "/projects/alloys", "", 401, None),
        ("DELETE", "/projects/alloys", "otto", 403, None),
        ("DELETE", "/projects/alloys", "greta", 405, None),
        ("get", "/projects/alloys", "otto", 403, None),
        # A converter changes the text: what the view is given is decided on.
        ("GET", "/numbers/7", "olga", 200, "number 7"),
        ("GET", "/numbers/07", "olga", 200, "number 7"),
        ("GET", "/numbers/%D9%A7", "olga", 200, "number 7"),
        ("GET", "/numbers/%D9%A7", "otto", 403, None),
        ("GET", "/numbers/8", "olga", 403, None),
        ("GET", "/numbers/seven", "olga", 404, OWN_404),
        ("GET", "/numbers/seven", "", 401, None),
        ("GET", f"/runs/{UUID}", "olga", 200, f"run {UUID}"),
        ("GET", f"/runs/{UUID.upper()}", "otto", 403, None),
        ("GET", "/files/a/b/c", "olga", 200, "file a/b/c"),
        ("GET", "/files/a/b/c", "otto", 403, None),
        ("GET", "/files/a/b/c", "", 401, None),
        # A redirect tells of the route that it leads to.
        ("GET", "/team", "", 401, None),
        ("GET", "/team", "otto", 403, None),
        ("GET", "/team", "olga", 308, None),
        ("POST", "/team", "otto", 404, OWN_404),
        ("GET", "/pages/1", "", 401, None),
        ("GET", "/pages/1", "otto", 403, None),
        ("GET", "/pages/1", "olga", 308, None),
        ("GET", "/pages/2", "olga", 200, "page 2"),
        ("GET", "/pages", "otto", 403, None),
        ("GET", "/pages", "olga", 308, None),
        ("GET", "/lost", "olga", 503, "facts_unavailable"),
        ("GET", "/lost", "", 401, None),
        ("GET", "/hidden/alloys", "greta", 200, "hidden alloys"),
        ("GET", "/hidden/alloys", "otto", 404, OWN_404),
        ("GET", "/hidden/alloys", "", 401, None),
        ("DELETE", "/hidden/alloys", "otto", 404, OWN_404),
        ("GET", "/mine", "otto", 200, "mine otto"),
        ("GET", "/mine", "", 401, None),
        ("GET", "/static/none.css", "", 404, OWN_404),
        ("GET", "/nothing", "", 401, "unauthenticated"),
        ("GET", "/nothing", "otto", 404, OWN_404),
        ("GET", "/projects/", "otto", 404, OWN_404),
    ],
)
def test_a_request_is_decided_on_the_route_that_was_matched(
    app: Flask, method: str, target: str, user: str, status: int, text: str | None
) -> None:
    answered, told = ask(app, target, user, method=method)
    assert answered == status
    assert text is None or (text in told if text else not told)


@pytest.mark.parametrize(
    "target",
    [
        "/projects//alloys",
        "//projects/alloys",
        "/projects/./alloys",
        "/projects/../team",
        "/projects/%2e%2e/team",
        "/projects/alloys;x",
        "/projects/a%5cb",
        "/projects/a%0ab",
        "/projects/%252e",
        "/projects/%ff",
        "/projects/%ef%bf%bd",
        "/nothing//at/all",
    ],
)
def test_a_path_that_can_be_read_two_ways_is_refused(app: Flask, target: str) -> None:
    """The test client would tidy some of these up, and so they go over a real socket."""
    with served(app) as door:
        answer = door.request("GET", "/x/.." + target if target.startswith("//") else target, _bearer("olga"))
    assert (answer.status, answer.reason) == (400, "ambiguous_path")


def _bearer(user: str) -> list[tuple[str, bytes]]:
    return [("Authorization", authorization(user).encode())]


def test_over_a_socket_the_answers_are_the_same(app: Flask) -> None:
    with served(app) as door:
        assert door.request("GET", "/projects/alloys", _bearer("greta")).body == b"project alloys greta"
        assert door.request("GET", "/mine", _bearer("otto")).body == b"mine otto"
        refused = door.request("GET", "/projects/alloys")
        assert (refused.status, refused.header("www-authenticate")) == (401, 'Bearer realm="carta"')
        assert refused.header("vary") == "Authorization"
        assert door.request("HEAD", "/projects/alloys").header("content-length") == str(len(refused.body))
        twice = door.request("GET", "/projects/alloys", _bearer("greta") * 2)
        assert (twice.status, twice.reason) == (400, "several_credentials")
        assert door.request("POST", "/projects/alloys/runs", body=b"x" * 100_000).status == 401


def test_a_prefix_in_script_name_opens_nothing() -> None:
    app, carta = flask_app()
    app.add_url_rule("/public/<path:below>", "public", carta.requires(public("open to all"))(lambda below: below))
    app.add_url_rule("/admin", "admin", carta.requires(authenticated)(lambda: "admin"))
    app.add_url_rule("/admin/", "slash", carta.requires(authenticated)(lambda: "admin"))
    app.add_url_rule("/team/", "team", carta.requires(groups("Aurora:Research"))(lambda: "team"))
    assert ask(app, "/public/admin")[0] == 200
    assert ask(app, "/admin", environ_overrides={"SCRIPT_NAME": "/public"})[0] == 401
    for user, status in (("", 401), ("otto", 403), ("olga", 308)):
        assert ask(app, "/team", user, environ_overrides={"SCRIPT_NAME": "/public"})[0] == status


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-Prefix", "X-Forwarded-Host"])
def test_forwarding_and_override_headers_count_for_nothing(app: Flask, name: str) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1, x_host=1)  # type: ignore[method-assign]
    assert ask(app, "/projects/alloys", headers={name: "/"})[0] == 401


def test_a_client_cannot_say_who_he_is(app: Flask) -> None:
    assert ask(app, "/", environ_overrides={"cartaguard.pass": "olga", "REMOTE_USER": "olga"}) == (200, "front ")


# -- the policy ------------------------------------------------------------------------------------------


def test_what_the_policy_demands_of_a_path_holds_too() -> None:
    policy = [
        {"path": "/projects/{id}", "methods": ["GET"], "require": {"groups": ["Aurora:Research"]}},
        {"path": "/alone", "methods": ["GET"], "require": {"authenticated": True}},
    ]
    app, carta = flask_app(guard_for(policy))
    app.add_url_rule("/projects/<id>", "project", carta.requires(READ)(lambda **values: "project"), methods=["GET", "POST"])
    app.add_url_rule("/alone", "alone", lambda: "alone")
    carta.check(app)
    assert ask(app, "/projects/alloys", "greta")[0] == 403
    assert ask(app, "/projects/alloys", "olga")[0] == 200
    assert ask(app, "/projects/alloys", "greta", method="POST")[0] == 200
    assert ask(app, "/alone", "otto") == (200, "alone")
    assert ask(app, "/alone")[0] == 401
    assert ask(app, "/alone", "otto", method="OPTIONS")[0] == 403


def test_a_policy_alone_opens_no_path_that_the_application_lacks() -> None:
    app, _ = flask_app(guard_for([{"path": "/nothing", "require": {"public": "open to all"}}]))
    assert ask(app, "/nothing")[0] == 401


# -- what an application adds ----------------------------------------------------------------------------


def test_a_refusal_still_passes_after_request_functions(app: Flask) -> None:
    CORS(app, origins="https://app.example")
    response = app.test_client().get("/projects/alloys", headers={"Origin": "https://app.example"})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example")


def test_a_hidden_refusal_is_the_applications_own_404() -> None:
    app, carta = flask_app()
    bp = Blueprint("hall", __name__)
    bp.add_url_rule("/<id>", "show", carta.requires(permission("read", "Project:{id}", conceal=True))(lambda **values: abort(404)))
    bp.register_error_handler(404, lambda fault: ("hall: nothing here", 404))
    app.register_blueprint(bp, url_prefix="/hall")
    app.register_error_handler(404, lambda fault: (f"nothing here, {carta.principal.username}", 404))
    assert ask(app, "/hall/alloys", "otto") == ask(app, "/hall/alloys", "olga") == (404, "hall: nothing here")
    assert ask(app, "/nothing", "otto") == (404, "nothing here, otto")


def test_a_refused_caller_is_known_to_after_request_functions(app: Flask) -> None:
    carta = FlaskGuard(guard_for())

    @app.after_request
    def log(response: Any) -> Any:
        response.headers["X-Caller"] = carta.principal.username
        return response

    response = app.test_client().get("/projects/alloys", headers={"Authorization": authorization("otto")})
    assert (response.status_code, response.headers["X-Caller"]) == (403, "otto")
    assert app.test_client().get("/projects//alloys").headers["X-Caller"] == ""


def test_a_catch_all_error_handler_does_not_soften_a_refusal() -> None:
    app, carta = flask_app()
    app.register_error_handler(Exception, lambda fault: ("all is well", 200))
    app.add_url_rule("/", "front", carta.requires(authenticated)(lambda: "front"))
    assert ask(app, "/")[0] == 401


def test_nothing_of_the_application_runs_before_the_gate() -> None:
    """Whatever the order in which hooks and extensions were put in."""
    seen: list[str] = []
    app = Flask("aurora")

    @app.before_request
    def early() -> None:
        seen.append("before_request")

    @app.url_value_preprocessor
    def load(endpoint: str | None, values: dict[str, Any] | None) -> None:
        seen.append("preprocessor")

    carta = FlaskGuard(guard_for())
    carta.init_app(app, static=public("style sheets"))
    app.url_value_preprocessors[None].insert(0, lambda endpoint, values: None)
    app.url_value_preprocessors[None].reverse()
    app.add_url_rule("/", "front", carta.requires(authenticated)(lambda: "front"))
    ask(app, "/", "olga")
    assert seen == ["preprocessor", "before_request"]


def _everywhere(guard: Guard | None = None) -> tuple[Flask, FlaskGuard]:
    """An application with a view of each kind, each guarded in another way: `/policy` by the guard's policy."""
    app, carta = flask_app(guard or guard_for([{"path": "/policy", "require": {"authenticated": True}}]))
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    carta.protect(inner, authenticated)

    @inner.get("/")
    @inner.get("/again")
    def show() -> str:
        return "inner"

    @app.get("/policy")
    async def policy() -> str:
        return "policy"

    @carta.requires(authenticated)
    @app.get("/over")
    def over() -> str:
        return "over"

    @carta.requires(authenticated)
    class Items(MethodView):
        def get(self) -> str:
            return "items"

    app.add_url_rule("/items", view_func=Items.as_view("items"))
    app.register_blueprint(inner)
    return app, carta


_EVERYWHERE = ("/inner/", "/inner/again", "/policy", "/over", "/items")


def test_every_kind_of_view_is_served_to_who_may() -> None:
    app, _ = _everywhere()
    for path in _EVERYWHERE:
        assert [ask(app, path, user)[0] for user in ("", "olga", "olga")] == [401, 200, 200]


def test_who_replaces_that_hook_before_there_was_a_request_opens_no_door() -> None:
    """The gate has then never run at all."""
    app, _ = _everywhere()
    vars(app)["preprocess_request"] = lambda: None
    for path in (*_EVERYWHERE, "/static/style.css"):
        with pytest.raises(ConfigurationError, match="nothing has decided"):
            ask(app, path, "olga")


def test_views_are_still_given_to_endpoints_while_an_application_is_set_up() -> None:
    """To several rules, and by extensions that put something around them; another view for an endpoint stays an error."""
    app, _ = _everywhere()
    app.add_url_rule("/over-again", "over", app.view_functions.get("over"))
    inner: Any = app.view_functions["over"]

    @wraps(inner)
    def around() -> str:
        return f"around {inner()}"

    app.view_functions["over"] = around
    assert [ask(app, path, "olga") for path in ("/over", "/over-again")] == [(200, "around over")] * 2
    assert ask(app, "/over")[0] == 401
    other, _ = _everywhere()
    with pytest.raises(AssertionError, match="overwriting an existing endpoint"):
        other.add_url_rule("/another", "over", lambda: "another")


@pytest.mark.parametrize("before", [0, 1], ids=["before the first request", "after one"])
def test_who_replaces_the_hook_that_the_gate_stands_in_opens_no_door(before: int) -> None:
    """The views are behind the gate a second time: what nothing has decided for this request is not run."""
    app, _ = _everywhere()
    for path in _EVERYWHERE[:before]:
        assert ask(app, path, "olga")[0] == 200
    door = app.extensions["cartaguard"]
    first = door.admit

    def replaced() -> Any:
        if request.path == "/start":
            return first()
        return None

    vars(app)["preprocess_request"] = replaced
    assert ask(app, "/start", "olga")[0] == 404
    for path in (*_EVERYWHERE, "/static/style.css"):
        with pytest.raises(ConfigurationError, match="nothing has decided") as caught:
            ask(app, path, "olga")
        assert caught.value.code == "no_guard"


def test_what_another_gate_has_let_through_is_not_let_through_here() -> None:
    app, _ = _everywhere()
    other, _ = _everywhere()
    passes: list[Any] = []
    other.before_request(lambda: passes.append(request.environ[HELD]))
    assert [ask(one, "/inner/", "olga")[0] for one in (app, other)] == [200, 200]
    vars(app)["preprocess_request"] = lambda: request.environ.update({HELD: passes[0]})
    for path in _EVERYWHERE:
        with pytest.raises(ConfigurationError, match="nothing has decided"):
            ask(app, path, "olga")


@pytest.mark.parametrize(
    ("change", "user", "status"),
    [
        # Taken out: the resource is still the one in the path.
        (lambda values: values.pop("id"), "greta", 200),
        (lambda values: values.pop("id"), "otto", 403),
        # Changed: the view is given another one.
        (lambda values: values.update(id="7"), "greta", 403),
        (lambda values: values.update(id="7"), "olga", 200),
        (lambda values: values.update(more="x"), "greta", 200),
        (lambda values: None, "greta", 200),
    ],
)
def test_what_a_preprocessor_makes_of_a_parameter_is_decided_too(change: Any, user: str, status: int) -> None:
    app, carta = flask_app()

    @app.url_value_preprocessor
    def change_it(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values:
            change(values)

    app.add_url_rule("/projects/<id>", "project", carta.requires(READ)(lambda **values: "project"), strict_slashes=True)
    app.add_url_rule("/teams/", "teams", carta.requires(authenticated)(lambda: "teams"))
    assert ask(app, "/projects/alloys", user)[0] == status
    assert ask(app, "/teams", user)[0] == 308


def test_a_changed_parameter_may_have_to_be_fetched() -> None:
    app, carta = flask_app()
    app.url_value_preprocessor(lambda endpoint, values: values.update(id="other"))
    app.add_url_rule("/far/<id>", "far", carta.requires(permission("read", "Distant:{id}"))(lambda **values: values["id"]))
    assert ask(app, "/far/x", "olga") == (200, "other")


def test_a_parameter_that_is_no_text_is_a_fault_and_no_verdict() -> None:
    from werkzeug.routing import BaseConverter

    class Things(BaseConverter):
        def to_python(self, value: str) -> Any:
            return [value]

    app, carta = flask_app()
    app.url_map.converters["things"] = Things
    app.add_url_rule("/things/<things:id>", "things", carta.requires(READ)(lambda **values: "things"))
    with pytest.raises(ParameterError):
        ask(app, "/things/x", "olga")


# -- preflights ------------------------------------------------------------------------------------------

PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}


@pytest.mark.parametrize(
    ("allowed", "method", "target", "headers", "status"),
    [
        (False, "OPTIONS", "/mine", PREFLIGHT, 401),
        (True, "OPTIONS", "/mine", PREFLIGHT, 200),
        (True, "OPTIONS", "/mine", {"Origin": "https://app.example"}, 401),
        (True, "GET", "/mine", PREFLIGHT, 401),
        # A view that handles OPTIONS itself would run undecided.
        (True, "OPTIONS", "/own", PREFLIGHT, 401),
        (True, "OPTIONS", "/nothing", PREFLIGHT, 401),
        (True, "OPTIONS", "/mine;x", PREFLIGHT, 400),
        (True, "OPTIONS", "/late", PREFLIGHT, 401),
    ],
)
def test_a_preflight_passes_only_where_flask_answers_it(allowed: bool, method: str, target: str, headers: Any, status: int) -> None:
    app = Flask("aurora", static_folder=None)
    carta = FlaskGuard(guard_for())
    carta.init_app(app, allow_preflight=allowed)
    app.add_url_rule("/mine", "mine", carta.requires(authenticated)(lambda: "mine"))
    app.add_url_rule("/own", "own", carta.requires(authenticated)(lambda: "own"), methods=["GET", "OPTIONS"])
    carta.check(app)
    app.add_url_rule("/late", "late", carta.requires(public("late"))(lambda: "late"))
    assert ask(app, target, method=method, headers=headers)[0] == status


# -- the caller ------------------------------------------------------------------------------------------


def test_there_is_no_caller_outside_a_request(app: Flask) -> None:
    carta = FlaskGuard(guard_for())
    with pytest.raises(NoPrincipal, match="outside a request"):
        _ = carta.principal
    with app.app_context(), pytest.raises(NoPrincipal):
        _ = carta.principal


def test_there_is_no_caller_without_a_guard() -> None:
    app, carta = flask_app(guarded=False)
    with app.test_request_context("/"), pytest.raises(ConfigurationError, match="init_app"):
        _ = carta.principal


def test_the_command_line_works_without_a_caller(app: Flask) -> None:
    @app.cli.command("count")
    def count() -> None:
        assert list(app.url_map.iter_rules())

    assert app.test_cli_runner().invoke(args=["count"]).exit_code == 0
    assert "mine" in app.test_cli_runner().invoke(routes_command).output


def test_several_applications_share_one_guard() -> None:
    carta = FlaskGuard(guard_for())
    apps = []
    for requirement in (public("open to all"), authenticated):
        app = Flask("aurora", static_folder=None)
        carta.init_app(app)
        app.add_url_rule("/", "front", carta.requires(requirement)(lambda: "front"))
        apps.append(app)
    assert [ask(app, "/")[0] for app in apps] == [200, 401]


def test_a_view_can_ask_flask_for_everything_as_before(app: Flask) -> None:
    with app.test_client() as client:
        client.get("/projects/alloys?x=1", headers={"Authorization": authorization("greta")})
        assert (request.endpoint, request.view_args, request.args["x"]) == ("project", {"id": "alloys"}, "1")
        assert "_cartaguard_caller" not in g
