"""The demo's application in Flask."""

from __future__ import annotations

from flask import Flask

from cartaguard import Guard, groups, permission, public
from cartaguard.devserver.demo.greeting import greeting
from cartaguard.flask import FlaskGuard

__all__ = ["application"]


def application(guard: Guard) -> Flask:
    """The application behind this guard."""
    app = Flask("projects", static_folder=None)
    carta = FlaskGuard(guard)
    carta.init_app(app)

    @app.get("/")
    @carta.requires(public("front page"))
    def front() -> dict[str, str]:
        return greeting(carta.principal)

    @app.get("/research")
    @carta.requires(groups("Aurora:Research"))
    def research() -> dict[str, str]:
        return greeting(carta.principal)

    @app.get("/projects/<project_id>")
    @carta.requires(permission("read", "Project:{project_id}"))
    def show(project_id: str) -> dict[str, str]:
        return greeting(carta.principal, read=project_id)

    @app.put("/projects/<project_id>")
    @carta.requires(permission("write", "Project:{project_id}"))
    def change(project_id: str) -> dict[str, str]:
        return greeting(carta.principal, changed=project_id)

    @app.post("/projects/<project_id>")
    @carta.requires(permission("execute", "Project:{project_id}"))
    def run(project_id: str) -> dict[str, str]:
        return greeting(carta.principal, started=project_id)

    @app.delete("/projects/<project_id>")
    @carta.requires(permission("admin", "Project:{project_id}"))
    def remove(project_id: str) -> dict[str, str]:
        return greeting(carta.principal, removed=project_id)

    carta.check(app)
    return app
