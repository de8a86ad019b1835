"""The demo's application in plain WSGI. It knows nothing of requirements: a policy stands in front of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cartaguard import Guard, Policy
from cartaguard.devserver.demo.greeting import greeting
from cartaguard.wsgi import GuardMiddleware, principal

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["POLICY", "application"]

POLICY = Policy.from_dict(
    {
        "routes": [
            {"path": "/", "methods": ["GET"], "require": {"public": "front page"}},
            {"path": "/research", "methods": ["GET"], "require": {"groups": ["Aurora:Research"]}},
            {"path": "/projects/{project_id}", "methods": ["GET"], "require": {"permission": "read", "on": "Project:{project_id}"}},
            {"path": "/projects/{project_id}", "methods": ["PUT"], "require": {"permission": "write", "on": "Project:{project_id}"}},
            {"path": "/projects/{project_id}", "methods": ["POST"], "require": {"permission": "execute", "on": "Project:{project_id}"}},
            {"path": "/projects/{project_id}", "methods": ["DELETE"], "require": {"permission": "admin", "on": "Project:{project_id}"}},
        ]
    }
)

DONE = {"GET": "read", "PUT": "changed", "POST": "started", "DELETE": "removed"}


def projects(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request, as if it were nobody's business who asks."""
    _, _, project_id = environ["PATH_INFO"].partition("/projects/")
    done = {DONE[environ["REQUEST_METHOD"]]: project_id} if project_id else {}
    body = json.dumps(greeting(principal(environ), **done)).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def application(guard: Guard) -> WSGIApplication:
    """The application behind a guard with :data:`POLICY`."""
    return GuardMiddleware(projects, guard=guard)
