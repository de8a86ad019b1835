"""Guards that ask somebody elsewhere for every request: three calls by hand, and pecanhq loading the caller's profile."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.drive import AsgiDriver, WsgiDriver
from benchmarks.subject import Cells, Kit, all_refusals, door_cell
from benchmarks.subjects.applications import raw_asgi, raw_wsgi
from benchmarks.subjects.routes import paths_for

__all__ = ["make", "service", "three_calls_asgi", "three_calls_wsgi"]

#: Who is asked what: the caller, the groups, the permission.
CALLS = ("/user", "/groups", "/permission")


def service(kit: Kit) -> str:
    """Start the service that is a millisecond away; it ends with this process. The address comes back."""
    folder = TemporaryDirectory(prefix="benchmarks-")
    path = Path(folder.name) / "kit.json"
    path.write_text(json.dumps(dict(kit)), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.remote_server", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    folder.cleanup()

    def end() -> None:
        process.terminate()
        process.wait(10)

    atexit.register(end)
    return f"http://127.0.0.1:{port}"


def make(kit: Kit, *, how: str) -> Cells:
    url = service(kit)
    match how:
        case "three calls":
            asgi, wsgi = AsgiDriver(), WsgiDriver()
            tokens, paths = kit["tokens"]["cognito"], paths_for("exact path")
            # It asks who the caller is and does not look into the token, so that an expired one is somebody else's matter.
            claimed = all_refusals()
            return {
                "raw ASGI, exact path": door_cell(asgi, raw_asgi, three_calls_asgi(url, kit["group"]), paths, tokens, claimed),
                "raw WSGI, exact path": door_cell(wsgi, raw_wsgi, three_calls_wsgi(url, kit["group"]), paths, tokens, claimed),
            }
        case "pecanhq":
            from benchmarks.subjects.peer_pecan import pecan_guard

            # It knows accounts and no tokens, and so nothing of forged or expired ones.
            accounts = {"good": "account-olga", "missing right": "account-otto"}
            guarded = pecan_guard(url)
            return {
                "raw WSGI, exact path": door_cell(
                    WsgiDriver(),
                    raw_wsgi,
                    guarded,
                    paths_for("exact path"),
                    accounts,
                    {"good": 200, "missing right": 403},
                    scheme="Account",
                )
            }
        case _:
            raise ValueError(how)


def three_calls_asgi(url: str, group: str) -> Any:
    """A guard that makes three calls, one after the other, over connections that stay open."""
    import httpx

    clients: list[httpx.AsyncClient] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("no lifespan here")
        if not clients:
            # Where an event loop runs.
            clients.append(httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None, max_keepalive_connections=None)))
        headers = [("Authorization", value.decode("latin-1")) for name, value in scope["headers"] if name == b"authorization"]
        answers: list[Any] = []
        for call in CALLS:
            answer = await clients[0].get(call, headers=headers)
            if answer.status_code != 200:
                break
            answers.append(answer.json())
        status = _status(answers, group)
        if status == 200:
            await raw_asgi(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"denied"})

    return app


def three_calls_wsgi(url: str, group: str) -> Callable[..., list[bytes]]:
    import httpx

    client = httpx.Client(base_url=url)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        headers = {"Authorization": environ["HTTP_AUTHORIZATION"]} if "HTTP_AUTHORIZATION" in environ else {}
        answers: list[Any] = []
        for call in CALLS:
            answer = client.get(call, headers=headers)
            if answer.status_code != 200:
                break
            answers.append(answer.json())
        status = _status(answers, group)
        if status == 200:
            return raw_wsgi(environ, start_response)
        start_response(f"{status} Denied", [])
        return [b"denied"]

    return app


def _status(answers: list[Any], group: str) -> int:
    if len(answers) < len(CALLS):
        return 401
    return 200 if group in answers[1] and "read" in answers[2] else 403
