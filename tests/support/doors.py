"""Raw requests to any application, with every byte under control: in process, or over a socket.

A door takes a request target as it stands on the wire and makes of it what a server does: an ASGI scope as
uvicorn makes it, a WSGI environ as PEP 3333 wants it (and gunicorn and werkzeug make it).
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, unquote_to_bytes

__all__ = ["Answer", "AsgiDoor", "Door", "Headers", "SocketDoor", "WsgiDoor", "asgi_scope", "wsgi_environ"]

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Answer:
    """What came back: names of headers in lower case, in the order in which they were sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header; ``None`` when it is not there, and an error when it is there twice."""
        values = [value for mine, value in self.headers if mine == name]
        assert len(values) <= 1, f"{name} is sent {len(values)} times"
        return values[0] if values else None

    @property
    def reason(self) -> str | None:
        """The stable code in a problem body."""
        if self.header("content-type") != "application/problem+json" or not self.body:
            return None
        reason = json.loads(self.body)["reason"]
        assert isinstance(reason, str)
        return reason


class Door(Protocol):
    """Something that answers raw requests.

    ``target`` is what stands on the request line, below ``root``: the prefix that the server was told of.
    """

    def request(self, method: str, target: str, headers: Headers = (), *, root: str = "", body: bytes = b"") -> Answer: ...

    def close(self) -> None: ...


def asgi_scope(method: str, target: str, headers: Headers = (), *, root: str = "") -> dict[str, Any]:
    """The scope of an HTTP request, as uvicorn makes it."""
    raw_path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": root + unquote(raw_path),
        "raw_path": (root + raw_path).encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": root,
        "headers": [(b"host", b"testserver"), *((name.lower().encode("ascii"), value.strip(b" \t")) for name, value in headers)],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50000),
        "state": {},
    }


def wsgi_environ(method: str, target: str, headers: Headers = (), *, root: str = "", body: bytes = b"") -> dict[str, Any]:
    """The environ of a request (PEP 3333): bytes as Latin-1 text, a repeated header joined with a comma."""
    raw_path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": root,
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "REQUEST_URI": root + target,
        "RAW_URI": root + target,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        text = value.strip(b" \t").decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


class AsgiDoor:
    """An ASGI application, run in one event loop of its own."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._runner = asyncio.Runner()

    def request(self, method: str, target: str, headers: Headers = (), *, root: str = "", body: bytes = b"") -> Answer:
        return self._runner.run(self._request(asgi_scope(method, target, headers, root=root), body))

    async def _request(self, scope: dict[str, Any], body: bytes) -> Answer:
        waiting = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start, *chunks = sent
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"])
        return Answer(start["status"], headers, b"".join(chunk.get("body", b"") for chunk in chunks))

    def close(self) -> None:
        self._runner.close()


class WsgiDoor:
    """A WSGI application, called as a server calls it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def request(self, method: str, target: str, headers: Headers = (), *, root: str = "", body: bytes = b"") -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, response_headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            started.append((status, response_headers))
            return written.append

        chunks: Iterable[bytes] = self._app(wsgi_environ(method, target, headers, root=root, body=body), start_response)
        try:
            written += chunks
        finally:
            close: Any = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, response_headers = started[-1]
        headers_sent = tuple((name.lower(), value) for name, value in response_headers)
        return Answer(int(status.partition(" ")[0]), headers_sent, b"".join(written))

    def close(self) -> None:
        """Nothing is held."""


class SocketDoor:
    """A server on this machine; one connection for each request, the request line as given."""

    def __init__(self, port: int) -> None:
        self._port = port

    def request(self, method: str, target: str, headers: Headers = (), *, root: str = "", body: bytes = b"") -> Answer:
        lines = [f"{method} {root}{target} HTTP/1.1".encode("ascii"), b"Host: testserver", b"Connection: close"]
        lines += [name.encode("ascii") + b": " + value for name, value in headers]
        if body:
            lines.append(b"Content-Length: %d" % len(body))
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            content = response.read()
            return Answer(response.status, tuple((name.lower(), value) for name, value in response.getheaders()), content)

    def close(self) -> None:
        """Nothing is held."""
