"""A real PgBouncer in front of a PostgreSQL, which hands its connections from one transaction to the next."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwnam

from support.canary import CANARY
from support.relay import free_port

__all__ = ["pgbouncer"]


@contextmanager
def pgbouncer(port: int) -> Iterator[int]:
    """Run one in front of that port until the block ends; its own port is given. Fails where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "PgBouncer is missing; run `apt-get install pgbouncer`, as `.ci/run` does"
    folder, own = Path(tempfile.mkdtemp(prefix="cartaguard-pgbouncer-")), free_port()
    (folder / "users").write_text(f'"carta" "{CANARY}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = transaction\nlogfile = {folder}/log\n"
    )
    user = None
    if os.getuid() == 0:
        # It refuses to run as root.
        account = getpwnam("nobody")
        user = account.pw_name
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
    process = subprocess.Popen(
        [program, str(folder / "ini")], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 20
        while not _listens(own):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < ends, "PgBouncer does not listen"
            time.sleep(0.01)
        yield own
    finally:
        process.kill()
        process.wait(20)
        shutil.rmtree(folder)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
