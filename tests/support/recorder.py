"""A real HTTP server on this machine that writes down what it is asked, for tests of clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from support.served import Answer

__all__ = ["Recorded", "Recorder", "recording"]


@dataclass(frozen=True)
class Recorded:
    """One request: ``target`` as it was sent, header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments, unescaped: what the server takes the names to be."""
        return tuple(unquote(part, errors="strict") for part in self.path.split("/")[1:])

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True, strict_parsing=True)) if "?" in self.target else {}

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Recorder:
    """The server: ``answers`` are given in turn, and then the ``usual`` one, unless ``decide`` gives another."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.answers: list[Answer] = []
        self.usual = Answer(404)
        self.decide: Callable[[Recorded], Answer | None] = lambda _: None
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, request: Recorded) -> Answer:
        with self._lock:
            self.requests.append(request)
            decided = self.decide(request)
            if decided is not None:
                return decided
            return self.answers.pop(0) if self.answers else self.usual


@contextmanager
def recording() -> Iterator[Recorder]:
    """Serve on 127.0.0.1 at a free port until the block ends."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Nagle's delay would add 40 ms to every answer on a kept connection.
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = recorder.answer(Recorded(self.command, self.path, headers, body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

    server = Quiet(("127.0.0.1", 0), Handler)
    recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
