"""FastAPI's dependencies without ``carta.install``: they decide by themselves, in FastAPI's own error format."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

from cartaguard import Guard, Principal, asgi, authenticated, groups, permission, public
from cartaguard.fastapi import FastAPIGuard
from support.asking import READ, ask, client, headers
from support.aurora import authorization, guard_for

CARTA = FastAPIGuard(guard_for())
Caller = Annotated[Principal, CARTA.principal]


def alone(requirement: Any, path: str = "/x", carta: FastAPIGuard = CARTA) -> FastAPI:
    app = FastAPI()

    @app.get(path, dependencies=[carta.requires(requirement)])
    def show(caller: Caller) -> str:
        return caller.username or "nobody"

    return app


@pytest.mark.parametrize(
    ("requirement", "user", "status", "body"),
    [
        (authenticated, "", 401, {"detail": "unauthenticated"}),
        (groups("Aurora:Research"), "otto", 403, {"detail": "not_group_member"}),
        (groups("Aurora:Research"), "olga", 200, "olga"),
        (permission("read", "Project:alloys", conceal=True), "otto", 404, {"detail": "Not Found"}),
        (permission("read", "Project:alloys", conceal=True), "", 401, {"detail": "unauthenticated"}),
        (permission("read", "Distant:a"), "olga", 200, "olga"),
        (permission("read", "Lost:a"), "olga", 503, {"detail": "facts_unavailable"}),
        (public("a test"), "", 200, "nobody"),
        (public("a test"), "olga", 200, "olga"),
    ],
)
def test_each_outcome_in_fastapis_format(requirement: Any, user: str, status: int, body: Any) -> None:
    response = client(alone(requirement)).get("/x", headers=headers(user))
    assert (response.status_code, response.json()) == (status, body)
    if status in (401, 403, 503):
        assert (response.headers["Cache-Control"], response.headers["Vary"]) == ("no-store", "Authorization")
        assert ("WWW-Authenticate" in response.headers, "Retry-After" in response.headers) == (status != 503, status == 503)


@pytest.mark.parametrize(
    ("value", "status"),
    [("Bearer a.b.c", 401), ("Bearer", 400), (authorization() + ", " + authorization(), 400), ("Basic b2xnYTpwYXNz", 401)],
)
def test_a_bad_credential(value: str, status: int) -> None:
    app = alone(authenticated)
    assert client(app).get("/x", headers={"Authorization": value}).status_code == status

    @app.get("/who")
    def who(caller: Caller) -> str:
        return caller.username or "nobody"

    # Another scheme is none of this guard's business, and so is its caller nobody.
    assert client(app).get("/who", headers={"Authorization": value}).status_code == (200 if value.startswith("Basic") else status)


def test_converted_parameters_fill_the_template() -> None:
    app = alone(READ, "/projects/{project_id:int}")
    assert [ask(app, path, "olga")[0] for path in ("/projects/7", "/projects/07", "/projects/8")] == [200, 200, 403]


def test_a_guard_that_is_not_set_up_is_500() -> None:
    assert ask(alone(authenticated, carta=FastAPIGuard(Guard())), "/x", "olga")[0] == 500


def test_a_websocket_is_closed_with_1008() -> None:
    app = FastAPI()

    @app.websocket("/ws", dependencies=[CARTA.requires(groups("Aurora:Research"))])
    async def talk(websocket: WebSocket, caller: Caller) -> None:
        await websocket.accept()
        await websocket.send_text(caller.username)

    for sent in ({}, headers("otto"), {"Authorization": "Bearer a.b.c"}):
        with pytest.raises(WebSocketDisconnect) as closed, client(app).websocket_connect("/ws", headers=sent):
            pass
        assert closed.value.code == 1008
    with client(app).websocket_connect("/ws", headers=headers("olga")) as talking:
        assert talking.receive_text() == "olga"


def test_behind_a_gate_that_knows_no_routes_they_still_decide() -> None:
    """The gate's policy lets everybody through; the dependency does not take that for its own decision."""
    guard = guard_for([{"path": "/*", "require": {"public": "a test"}}])
    carta = FastAPIGuard(guard)
    app = asgi.GuardMiddleware(alone(groups("Aurora:Research"), carta=carta), guard=guard)
    assert [ask(app, "/x", user)[0] for user in ("", "otto", "olga")] == [401, 403, 200]
