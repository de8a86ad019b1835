"""FastAPI: what a route demands is a dependency. `/docs` shows it, and its Authorize button takes a token."""

import os
from typing import Annotated

import uvicorn
from fastapi import APIRouter, FastAPI

from cartaguard import Guard, Principal, Settings, groups, permission, public
from cartaguard.fastapi import FastAPIGuard

carta = FastAPIGuard(Guard.from_settings(Settings.from_env()))
app = FastAPI(title="Projects")
carta.install(app, docs=public("API documentation"))
Caller = Annotated[Principal, carta.principal]


@app.get("/", dependencies=[carta.requires(public("front page"))])
async def front(caller: Caller) -> dict[str, str]:
    return {"caller": caller.username}


@app.get("/projects/{project_id}", dependencies=[carta.requires(permission("read", "Project:{project_id}"))])
async def show(project_id: str, caller: Caller) -> dict[str, str]:
    return {"caller": caller.username, "project": project_id}


@app.put("/projects/{project_id}", dependencies=[carta.requires(permission("write", "Project:{project_id}"))])
async def change(project_id: str, caller: Caller) -> dict[str, str]:
    return {"caller": caller.username, "project": project_id}


# Whatever is added to this router is for the group.
research = APIRouter(prefix="/research", dependencies=[carta.requires(groups("Aurora:Research"))])


@research.get("")
async def read_research(caller: Caller) -> dict[str, str]:
    return {"caller": caller.username}


app.include_router(research)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
