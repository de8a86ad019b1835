"""The embedded Carta on a socket: in the foreground for ``cartaguard dev``, in a thread for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection

import uvicorn

from cartaguard.devserver.app import create_app
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.store import Store
from cartaguard.errors import ConfigurationError

__all__ = ["Listener", "Server"]


class Listener:
    """A bound socket, so that the address is known before anything answers.

    :param port: 0 for a free one.
    :raises ConfigurationError: when the address cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Named by its protocol, or asyncio leaves Nagle's delay on: 40 ms for every answer on a kept connection.
        self.socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((host, port))
            self.socket.listen(128)
        except (OSError, OverflowError) as fault:
            self.socket.close()
            why = getattr(fault, "strerror", None) or str(fault)
            raise ConfigurationError(f"`{host}:{port}` cannot be listened on ({why}); choose another with `--host` and `--port`") from None
        self.port: int = self.socket.getsockname()[1]
        # Somebody who listens everywhere is reached on this machine too; an issuer needs one name.
        shown = "127.0.0.1" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
        self.url = f"http://{shown}:{self.port}"


class Server:
    """A server for one embedded Carta. It closes the listener and the store when it ends."""

    def __init__(self, listener: Listener, store: Store, *, plain_logins: bool = False, service_hosts: Collection[str] = ()) -> None:
        self.carta = DevCarta(store, listener.url, plain_logins=plain_logins, service_hosts=service_hosts)
        self._listener = listener
        self._started = threading.Event()
        self._thread: threading.Thread | None = None
        config = uvicorn.Config(
            create_app(self.carta),
            access_log=False,
            log_config=None,
            lifespan="off",
            http="h11",
            loop="asyncio",
            ws="websockets-sansio",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )
        self._uvicorn = _Uvicorn(config, self._started)

    def serve(self) -> None:
        """Answer until interrupted."""
        try:
            self._uvicorn.run(sockets=[self._listener.socket])
        finally:
            self._started.set()
            self._listener.socket.close()
            self.carta.store.close()

    def start(self) -> None:
        """Answer in a thread; returns once it does."""
        self._thread = threading.Thread(target=self.serve, name="embedded-carta", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """End the thread, and wait for its end."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._told.set()
