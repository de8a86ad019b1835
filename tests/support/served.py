"""A real HTTP server on this machine, whose answers a test sets and whose requests it counts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "Served", "serving"]


@dataclass
class Answer:
    """What is sent: ``body`` as it is, or ``data`` as JSON."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Any) -> Answer:
        return cls(body=json.dumps(data).encode(), headers={"Content-Type": "application/json"})


class Served:
    """The server: ``answers`` by path, ``requests`` as they came. Whose Authorization is among ``refused`` gets a 401.

    While ``gate`` is cleared every answer waits; ``arrived`` is set once a request is there.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.refused: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Event()
        self.url = ""

    def open_on_arrival(self) -> None:
        """Open the gate once a request is there."""
        self.arrived.wait(10)
        self.gate.set()

    def count(self, path: str) -> int:
        """How often this path was asked for."""
        return sum(1 for asked, _ in self.requests if asked == path)


@contextmanager
def serving() -> Iterator[Served]:
    """Serve on 127.0.0.1 at a free port until the block ends."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            served.arrived.set()
            assert served.gate.wait(10), "nobody opened the gate"
            answer = Answer(401) if self.headers["Authorization"] in served.refused else served.answers.get(self.path, Answer(404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            try:
                self.wfile.write(answer.body)
            except ConnectionError:
                # The client has read as much as it will.
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
