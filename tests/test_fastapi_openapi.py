"""What the guard adds to an application's OpenAPI."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import Route

from cartaguard import authenticated, claim, groups, permission, public, users
from cartaguard.fastapi import FastAPIGuard
from cartaguard.starlette import requires
from support.asking import client
from support.aurora import guard_for

CARTA = FastAPIGuard(guard_for())
READ = permission("read", "Project:{project_id}")


def show(project_id: str) -> str:
    """Show a project."""
    return project_id


def simple() -> str:
    return "x"


def schema_of(app: FastAPI) -> dict[str, Any]:
    schema: dict[str, Any] = client(app).get("/openapi.json").json()
    return schema


def documented(carta: FastAPIGuard = CARTA, **options: Any) -> FastAPI:
    app = FastAPI(**options)
    carta.install(app, docs=public("API documentation"))
    return app


def test_an_operation_says_what_it_needs_and_how_it_refuses() -> None:
    app, router = documented(), APIRouter(dependencies=[CARTA.requires(authenticated)])
    router.add_api_route("/projects/{project_id}", show, dependencies=[CARTA.requires(READ)])
    app.include_router(router, prefix="/v1")
    schema = schema_of(app)
    operation = schema["paths"]["/v1/projects/{project_id}"]["get"]
    assert operation["x-cartaguard"] == ["authenticated", "permission: read on Project:{project_id}"]
    assert operation["description"] == "Show a project.\n\nRequires `authenticated` and `permission: read on Project:{project_id}`."
    assert operation["security"] == [{"Carta": []}]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert [operation["responses"][status]["content"] for status in ("401", "403")] == [problem, problem]
    assert schema["components"]["schemas"]["Problem"]["required"] == ["title", "status", "reason"]


def test_the_scheme_is_one_that_swagger_ui_fills_in() -> None:
    """Type http and scheme bearer: its Authorize dialog asks for a token and sends ``Authorization: Bearer …``."""
    carta = FastAPIGuard(guard_for(), scheme_name="Token")
    app = documented(carta)
    app.add_api_route("/x", simple, dependencies=[carta.requires(authenticated)])
    schemes = schema_of(app)["components"]["securitySchemes"]
    described = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Carta's bearer token: the Cognito ID token"}
    assert schemes == {"Token": described}


def test_a_public_operation_has_no_security() -> None:
    app = documented()
    app.add_api_route("/open", simple, dependencies=[CARTA.requires(public("a test"))])
    app.add_api_route("/free", simple, include_in_schema=False)
    app.router.routes.append(Route("/plain", requires(authenticated)(simple)))
    schema = schema_of_undeclared(app)
    operation = schema["paths"]["/open"]["get"]
    assert "security" not in operation
    assert operation["x-cartaguard"] == ["public: a test"]
    assert set(operation["responses"]) == {"200"}
    assert "components" not in schema


def schema_of_undeclared(app: FastAPI) -> dict[str, Any]:
    """The schema of an application that would not start."""
    return app.openapi()


def test_what_the_policy_demands_is_told_too() -> None:
    policy = [
        {"path": "/projects/{id}", "methods": ["GET"], "require": {"groups": ["Aurora:Research"]}},
        {"path": "/open", "require": {"public": "a test"}},
    ]
    app = documented(FastAPIGuard(guard_for(policy)))
    app.add_api_route("/projects/{project_id}", show)
    app.add_api_route("/projects/{project_id}", simple, methods=["PUT"])
    app.add_api_route("/open", simple)
    paths = app.openapi()["paths"]
    operation = paths["/projects/{project_id}"]["get"]
    assert (operation["x-cartaguard"], operation["security"]) == (["groups: Aurora:Research"], [{"Carta": []}])
    assert "x-cartaguard" not in paths["/projects/{project_id}"]["put"]
    assert "security" not in paths["/open"]["get"]
    assert set(app.openapi()["components"]["securitySchemes"]) == {"Carta"}


def test_nobody_is_named() -> None:
    """As in a refusal: which users and which claims are let in is nobody's business."""
    app = documented()
    app.add_api_route("/x", simple, dependencies=[CARTA.requires((users("olga") | claim("level", "secret")) & groups("Aurora:Research"))])
    schema = schema_of(app)
    assert schema["paths"]["/x"]["get"]["x-cartaguard"] == ["all [any [users; claim]; groups: Aurora:Research]"]
    assert not {"olga", "secret"} & set(json.dumps(schema).replace("`", '"').split('"'))


def test_what_the_application_says_itself_stays() -> None:
    app = documented()
    said = {"401": {"description": "my own words"}}
    app.add_api_route("/x", simple, responses={401: {"description": "my own words"}}, dependencies=[CARTA.requires(authenticated)])
    responses = schema_of(app)["paths"]["/x"]["get"]["responses"]
    assert responses["401"] == said["401"]
    assert responses["403"]["description"] == "the caller lacks what is required"


def test_an_application_that_keeps_its_schema_itself_gets_it_once() -> None:
    app = FastAPI()
    app.add_api_route("/x", simple, dependencies=[CARTA.requires(authenticated)])
    kept: list[dict[str, Any]] = []

    def own() -> dict[str, Any]:
        if not kept:
            kept.append(get_openapi(title="own", version="1", routes=app.routes))
        return kept[0]

    app.openapi = own  # type: ignore[method-assign] # as FastAPI's documentation tells people to
    CARTA.install(app, docs=public("API documentation"))
    assert app.openapi() == app.openapi()
    assert app.openapi()["paths"]["/x"]["get"]["description"] == "Requires `authenticated`."
    assert app.openapi()["info"]["title"] == "own"
