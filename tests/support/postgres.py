"""A real PostgreSQL for tests: a cluster of their own on 127.0.0.1, which goes away with them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam

from sqlalchemy import URL, create_engine

from support.canary import CANARY

__all__ = ["Cluster", "cluster"]


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    port: int

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of an empty database, which is dropped when the block ends."""
        name = f"carta_{uuid.uuid4().hex}"
        self._do(f"CREATE DATABASE {name}")
        yield self._url(name).render_as_string(hide_password=False)
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def _url(self, name: str) -> URL:
        # The password is one that must never be seen, so that every test on PostgreSQL watches over it.
        return URL.create("postgresql+psycopg", "carta", CANARY, "127.0.0.1", self.port, name)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start one; fails, and says what to install, where there is no PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    assert found, "PostgreSQL is missing; run `apt-get install postgresql`, as `.ci/run` does"
    folder = Path(tempfile.mkdtemp(prefix="cartaguard-postgres-"))
    data, secret = folder / "data", folder / "password"
    secret.write_text(CANARY)
    if os.getuid() == 0:
        # PostgreSQL refuses to run as root.
        account = getpwnam(_account())
        for path in (folder, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c fsync=off"
    control = [str(found[-1] / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    try:
        made = [str(found[-1] / "initdb"), "-D", str(data), "-U", "carta", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
        _run([*made, "--locale=C.UTF-8", f"--pwfile={secret}"])
        _run([*control, "-o", options, "start"])
        try:
            yield Cluster(port)
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder)


def _run(command: Sequence[str]) -> None:
    user = _account() if os.getuid() == 0 else None
    # Into files, not pipes: the server inherits them and would hold them open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, user=user, stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd="/", check=False)
        said.seek(0)
        assert done.returncode == 0, said.read().decode()


def _account() -> str:
    try:
        return getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"
