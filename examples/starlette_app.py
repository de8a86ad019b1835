"""Starlette: what a route demands stands around its endpoint, or around what is mounted."""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from cartaguard import Guard, Settings, groups, permission, public
from cartaguard.starlette import GuardMiddleware, principal, requires


async def answer(request: Request) -> JSONResponse:
    project = request.path_params.get("project_id")
    return JSONResponse({"caller": principal(request.scope).username} | ({"project": project} if project else {}))


@requires(permission("read", "Project:{project_id}"))
async def live(websocket: WebSocket) -> None:
    # Refused before it is accepted, and closed when the caller's token expires.
    await websocket.accept()
    await websocket.send_json({"caller": principal(websocket.scope).username})
    await websocket.close()


routes = [
    Route("/", requires(public("front page"))(answer)),
    Route("/projects/{project_id}", requires(permission("read", "Project:{project_id}"))(answer), methods=["GET"]),
    Route("/projects/{project_id}", requires(permission("write", "Project:{project_id}"))(answer), methods=["PUT"]),
    WebSocketRoute("/projects/{project_id}/live", live),
    # A mount is guarded as a whole.
    Mount("/research", requires(groups("Aurora:Research"))(Starlette(routes=[Route("/", requires(public("decided outside"))(answer))]))),
]
app = Starlette(routes=routes, middleware=[Middleware(GuardMiddleware, guard=Guard.from_settings(Settings.from_env()))])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
