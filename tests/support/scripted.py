"""A server on 127.0.0.1 that answers each connection with the very bytes that a test says, or with none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing

__all__ = ["Server"]


class Server:
    """``behave`` is called with each connection once its request is read; ``asked`` keeps the requests.

    Whatever it does ends when ``over`` is set, or when the client has gone.
    """

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.asked: list[bytes] = []
        self.behave: Callable[[socket.socket], None] = lambda connection: None
        self.over = threading.Event()
        self._connections: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/facts?secret=canary"

    def answers(self, status: str = "200 OK", *headers: str, body: bytes = b"") -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        answer = "\r\n".join([*lines, "", ""]).encode() + body
        self.behave = lambda connection: connection.sendall(answer)

    def _serve(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            if self.over.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._one, args=(connection,))
            self._connections.append(thread)
            thread.start()

    def _one(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536) or b"\r\n\r\n"
                self.asked.append(head)
                self.behave(connection)
            except OSError:
                return  # the client has gone, as a test may want it to

    def stall(self, connection: socket.socket) -> None:
        """Say nothing until the client has gone."""
        connection.settimeout(0.05)
        while not self.over.is_set():
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                continue

    def drip(self, connection: socket.socket) -> None:
        """Send a body byte by byte, for ever."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not self.over.wait(0.002):
            connection.sendall(b"x")

    def drip_headers(self, connection: socket.socket) -> None:
        """Send a header byte by byte, for ever: each read of the client's has something, and none has the whole."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.over.wait(0.002):
            connection.sendall(b"x")

    def close(self) -> None:
        self.over.set()
        with closing(socket.create_connection(self.socket.getsockname())):
            self._thread.join()
        for thread in self._connections:
            thread.join()
        self.socket.close()
