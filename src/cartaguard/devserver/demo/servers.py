"""Real servers on loopback, each in a thread of its own: uvicorn for ASGI, Werkzeug's and the standard library's for WSGI."""

from __future__ import annotations

import threading
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvicorn
from werkzeug.serving import WSGIRequestHandler as WerkzeugRequestHandler
from werkzeug.serving import make_server as make_werkzeug_server

from cartaguard.devserver.server import Listener

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["AsgiServer", "FlaskServer", "Server", "WsgiServer"]

HOST = "127.0.0.1"


class Server(Protocol):
    """A server that answers from when it was made until it is stopped."""

    url: str

    def stop(self) -> None:
        """End it, and wait for its end."""


class AsgiServer:
    """uvicorn.

    :raises RuntimeError: the application did not start.
    """

    def __init__(self, app: Any) -> None:
        listener = Listener(HOST, 0)
        self.url = listener.url
        self._settled = threading.Event()
        self._uvicorn = _Uvicorn(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", ws="none", timeout_graceful_shutdown=3), self._settled
        )
        self._thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._thread.start()
        self._settled.wait()
        if not self._uvicorn.started:
            self._thread.join()
            raise RuntimeError("the application did not start; what it said is on standard error")

    def _serve(self, listener: Listener) -> None:
        try:
            # A failed start is told by SystemExit too; whoever waits asks `started`.
            with suppress(SystemExit):
                self._uvicorn.run(sockets=[listener.socket])
        finally:
            self._settled.set()
            listener.socket.close()

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, settled: threading.Event) -> None:
        super().__init__(config)
        self._tell = settled

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._tell.set()


class _Threaded:
    """A WSGI server in a thread."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = f"http://{HOST}:{server.server_port}"
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class FlaskServer(_Threaded):
    """Werkzeug's development server, which comes with Flask."""

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__(make_werkzeug_server(HOST, 0, app, threaded=True, request_handler=_QuietWerkzeug))


class WsgiServer(_Threaded):
    """The standard library's server."""

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__(make_server(HOST, 0, app, server_class=_ThreadingWsgi, handler_class=_QuietWsgi))


class _ThreadingWsgi(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietWsgi(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """The demo's table is what there is to see."""


class _QuietWerkzeug(WerkzeugRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """The demo's table is what there is to see."""
