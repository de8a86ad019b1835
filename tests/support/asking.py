"""What the tests of the ASGI doors share: one request, asked in process."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from cartaguard import permission
from support.aurora import authorization

__all__ = ["READ", "Asked", "ask", "client", "headers"]

Asked = tuple[int, str]

#: What most routes of these tests demand.
READ = permission("read", "Project:{project_id}")


def headers(user: str = "") -> dict[str, str]:
    """The headers of a user, or of nobody."""
    return {"Authorization": authorization(user)} if user else {}


def client(app: Any, **options: Any) -> TestClient:
    """A client that sees what a server's client sees: errors as 500, redirects as they are."""
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False, **options)


def ask(app: Any, target: str, user: str = "", *, method: str = "GET", **options: Any) -> Asked:
    """Status and text of the answer to a user, or to nobody."""
    response = client(app).request(method, target, headers={**headers(user), **options.pop("headers", {})}, **options)
    return response.status_code, response.text
