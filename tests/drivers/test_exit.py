"""What becomes of connections when a process ends."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from support.sockets import serving_asgi

ASKS = """
import os, sys, warnings
from cartaguard.drivers import transport
from cartaguard.http.exchange import HttpRequest
answer = transport.send(HttpRequest("GET", sys.argv[1]))
assert answer.body == b"hello", answer
"""

FORKS = """
child = os.fork()
if child == 0:
    # It leaves open what is not its own.
    warnings.simplefilter("ignore")
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert transport.send(HttpRequest("GET", sys.argv[1])).body == b"hello"
"""


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answers, and keeps the connection open for the next request."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


def run(code: str) -> str:
    """What a process says that asks a server and ends."""
    with serving_asgi(hello) as port:
        command = [sys.executable, "-W", "error", "-c", code, f"http://127.0.0.1:{port}/"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_a_process_that_asked_ends_without_a_word() -> None:
    """Connections are given back at exit; nothing is reported as left open."""
    assert run(ASKS) == ""


def test_the_end_of_a_child_leaves_the_connections_of_its_parent_alone() -> None:
    """After a fork, what the child does at exit does not close what the parent still uses."""
    assert run(ASKS + FORKS) == ""
