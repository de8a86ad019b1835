"""The demo's application in FastAPI."""

from __future__ import annotations

from fastapi import FastAPI

from cartaguard import Guard, Principal, groups, permission, public
from cartaguard.devserver.demo.greeting import greeting
from cartaguard.fastapi import FastAPIGuard

__all__ = ["application"]


def application(guard: Guard) -> FastAPI:
    """The application behind this guard."""
    app = FastAPI(title="Projects")
    carta = FastAPIGuard(guard)
    carta.install(app, docs=public("API documentation"))

    @app.get("/", dependencies=[carta.requires(public("front page"))])
    async def front(caller: Principal = carta.principal) -> dict[str, str]:
        return greeting(caller)

    @app.get("/research", dependencies=[carta.requires(groups("Aurora:Research"))])
    async def research(caller: Principal = carta.principal) -> dict[str, str]:
        return greeting(caller)

    @app.get("/projects/{project_id}", dependencies=[carta.requires(permission("read", "Project:{project_id}"))])
    async def show(project_id: str, caller: Principal = carta.principal) -> dict[str, str]:
        return greeting(caller, read=project_id)

    @app.put("/projects/{project_id}", dependencies=[carta.requires(permission("write", "Project:{project_id}"))])
    async def change(project_id: str, caller: Principal = carta.principal) -> dict[str, str]:
        return greeting(caller, changed=project_id)

    @app.post("/projects/{project_id}", dependencies=[carta.requires(permission("execute", "Project:{project_id}"))])
    async def run(project_id: str, caller: Principal = carta.principal) -> dict[str, str]:
        return greeting(caller, started=project_id)

    @app.delete("/projects/{project_id}", dependencies=[carta.requires(permission("admin", "Project:{project_id}"))])
    async def remove(project_id: str, caller: Principal = carta.principal) -> dict[str, str]:
        return greeting(caller, removed=project_id)

    return app
