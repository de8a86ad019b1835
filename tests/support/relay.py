"""A relay between a client and a real server that makes trouble when it is told to: on the wire, not in our code."""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

__all__ = ["Relay", "Trouble", "free_port"]

#: ``stall``: nothing comes back any more. ``cut``: a few bytes do, and then the end. ``garbage``: other bytes do.
#: ``reset``: the connection is reset. ``closed``: nobody listens.
Trouble = Literal["", "stall", "cut", "garbage", "reset", "closed"]

#: How many bytes of an answer come through before it is cut.
CUT = 20


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Relay:
    """Relays connections to a port of this machine.

    ``port`` is its own, which stays the same; ``connections`` counts those that it took.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.connections = 0
        self._trouble: Trouble = ""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._healed = threading.Event()
        self._healed.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._listen()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *fault: object) -> None:
        self.trouble = "closed"

    @property
    def trouble(self) -> Trouble:
        """What is wrong now. Setting it also befalls the connections that are open."""
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: Trouble) -> None:
        closed, self._trouble = self._trouble == "closed", trouble
        if trouble in ("reset", "closed"):
            if trouble == "closed":
                # A listener that another thread waits at is closed only once that thread is woken.
                with suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
            self._drop()
        if trouble == "stall":
            self._healed.clear()
        else:
            self._healed.set()
        if closed and trouble != "closed":
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        if self._trouble == "reset":
            _reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
        self._pump(server, client, True)

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        """Hand on what comes, until one side ends."""
        with suppress(OSError):
            while chunk := source.recv(65536):
                if answers:
                    self._healed.wait()
                    if self._trouble == "garbage":
                        chunk = os.urandom(len(chunk))
                    elif self._trouble == "cut":
                        sink.sendall(chunk[:CUT])
                        break
                sink.sendall(chunk)
        with self._lock:
            self._open -= {source, sink}
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _drop(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _reset(end)


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    end.close()
