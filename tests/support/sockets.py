"""Real servers for applications, on a free port of 127.0.0.1, for as long as a block lasts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from werkzeug.serving import WSGIRequestHandler, make_server

__all__ = ["serving_asgi", "serving_wsgi"]


@contextmanager
def _running(run: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def serving_asgi(app: Any, *, root_path: str = "", ws: Any = "none") -> Iterator[int]:
    """Serve an ASGI application with uvicorn; the port is given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Its own parser, also where `make bench` has installed another one, which refuses methods that this one lets through.
        server = uvicorn.Server(uvicorn.Config(app, root_path=root_path, log_config=None, access_log=False, ws=ws, http="h11"))
        # The listener is open already: whoever connects before uvicorn is ready waits.
        with _running(lambda: server.run(sockets=[listener]), lambda: setattr(server, "should_exit", True)):
            yield listener.getsockname()[1]


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def serving_wsgi(app: Any) -> Iterator[int]:
    """Serve a WSGI application with werkzeug; the port is given."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    with _running(server.serve_forever, server.shutdown):
        yield server.server_port
    server.server_close()
