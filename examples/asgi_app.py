"""Any ASGI application: it stays as it is, and a policy file says who may use which path."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from cartaguard import Guard, Settings
from cartaguard.asgi import GuardMiddleware, principal


async def projects(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    told = {"caller": principal(scope).username}
    _, below, project = scope["path"].partition("/projects/")
    if below:
        told["project"] = project
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


settings = replace(Settings.from_env(), policy=Path(__file__).with_name("policy.toml"))
app = GuardMiddleware(projects, guard=Guard.from_settings(settings))

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), lifespan="off")
