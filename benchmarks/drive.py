"""Requests to applications in this process: as a server hands them over, and with nothing around them.

Every text and every header value is an object of its own, as from a socket: nothing is recognised because it is
the same object as before, and no hash was computed already.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any, TypeAlias

from benchmarks.pairs import Side, now

__all__ = ["AsgiDriver", "Driver", "Paths", "WsgiDriver", "always", "anew", "fresh_bytes", "fresh_text"]

#: Gives the path of the next request.
Paths: TypeAlias = Callable[[], str]


def fresh_bytes(value: bytes) -> bytes:
    """The same bytes, in an object of their own."""
    return bytes(bytearray(value))


def fresh_text(value: str) -> str:
    """The same text, in an object of its own."""
    return value.encode("latin-1").decode("latin-1")


def always(path: str) -> Paths:
    """The same path again and again."""
    return lambda: path


def anew(prefix: str) -> Paths:
    """A path that was not seen before, each time."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


_HEADERS = (
    ("host", "127.0.0.1:8000"),
    ("user-agent", "benchmark/1.0"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("connection", "keep-alive"),
)


def scope_of(path: str, authorization: str | None) -> dict[str, Any]:
    """The scope of a GET request, as uvicorn makes it."""
    headers = [(fresh_bytes(name.encode()), fresh_bytes(value.encode())) for name, value in _HEADERS]
    if authorization is not None:
        headers.append((fresh_bytes(b"authorization"), authorization.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": fresh_text("GET"),
        "path": fresh_text(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "state": {},
    }


def environ_of(path: str, authorization: str | None) -> dict[str, Any]:
    """The environ of a GET request, as gunicorn makes it."""
    environ: dict[str, Any] = {
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "SERVER_SOFTWARE": "benchmark",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": fresh_text("GET"),
        "QUERY_STRING": "",
        "RAW_URI": fresh_text(path),
        "SCRIPT_NAME": "",
        "PATH_INFO": fresh_text(path),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
    }
    environ.update((f"HTTP_{name.upper().replace('-', '_')}", fresh_text(value)) for name, value in _HEADERS)
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = fresh_text(authorization)
    return environ


class AsgiDriver:
    """Runs ASGI applications, one request after the other, in one task of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._wrong = 0
        self._statuses: list[int] = []

    def run(self, awaitable: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(awaitable)

    def status(self, app: Any, path: str, authorization: str | None = None) -> int:
        """The status of the answer to one request."""
        del self._statuses[:]
        self.run(self._one(app, path, authorization))
        return self._statuses[-1]

    def side(self, app: Any, paths: Paths, authorization: str | None) -> Side:
        def side(number: int) -> int:
            self._wrong = 0
            elapsed: int = self.run(self._batch(app, (scope_of(paths(), authorization) for _ in range(number))))
            _all_good(self._wrong, number)
            return elapsed

        return side

    async def _one(self, app: Any, path: str, authorization: str | None) -> None:
        async def send(message: Any) -> None:
            if "status" in message:
                self._statuses.append(message["status"])

        await app(scope_of(path, authorization), _receive, send)

    async def _batch(self, app: Any, scopes: Iterable[dict[str, Any]]) -> int:
        send = self._send
        elapsed = 0
        for scope in scopes:
            start = now()
            await app(scope, _receive, send)
            elapsed += now() - start
        return elapsed

    async def _send(self, message: Any) -> None:
        if message.get("status", 200) != 200:
            self._wrong += 1


async def _receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


class WsgiDriver:
    """Calls WSGI applications as a server does."""

    def __init__(self) -> None:
        self._wrong = 0
        self._status = ""

    def status(self, app: Any, path: str, authorization: str | None = None) -> int:
        """The status of the answer to one request."""
        self._run(app, [environ_of(path, authorization)])
        return int(self._status[:3])

    def side(self, app: Any, paths: Paths, authorization: str | None) -> Side:
        def side(number: int) -> int:
            self._wrong = 0
            elapsed = 0
            for _ in range(number):
                # Right before, as a server does: what was prepared long ago has left the processor's caches.
                environ = environ_of(paths(), authorization)
                start = now()
                self._run(app, (environ,))
                elapsed += now() - start
            _all_good(self._wrong, number)
            return elapsed

        return side

    def _run(self, app: Any, environs: Iterable[dict[str, Any]]) -> None:
        start_response = self._start_response
        for environ in environs:
            body = app(environ, start_response)
            for _ in body:
                pass
            close = getattr(body, "close", None)
            if close is not None:
                close()

    def _start_response(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        self._status = status
        if status[:3] != "200":
            self._wrong += 1
        return len


Driver: TypeAlias = AsgiDriver | WsgiDriver


def _all_good(wrong: int, number: int) -> None:
    if wrong:
        raise RuntimeError(f"{wrong} of {number} timed requests were not answered with 200; their times mean nothing")
