"""The four frameworks of the demo, each with its application and its server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cartaguard import Guard, Policy
from cartaguard.devserver.demo import fastapi_app, flask_app, starlette_app, wsgi_app
from cartaguard.devserver.demo.servers import AsgiServer, FlaskServer, Server, WsgiServer

__all__ = ["FRAMEWORKS", "Framework"]


@dataclass(frozen=True, slots=True)
class Framework:
    """How the application is made and served in one framework.

    :param policy: where the application itself says nothing of requirements.
    """

    name: str
    application: Callable[[Guard], Any]
    serve: Callable[[Any], Server]
    policy: Policy | None = None


FRAMEWORKS = (
    Framework("FastAPI", fastapi_app.application, AsgiServer),
    Framework("Starlette", starlette_app.application, AsgiServer),
    Framework("Flask", flask_app.application, FlaskServer),
    Framework("WSGI", wsgi_app.application, WsgiServer, wsgi_app.POLICY),
)
