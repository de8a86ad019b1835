"""Real processes that share a real server: what one is told to forget, the others forget."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cartaguard import Guard, Permission
from cartaguard.caches.shared import SharedCache
from support.postgres import Cluster
from support.redis import RedisServer
from support.sources import OLGA, READ, Remote, alive
from support.waiting import eventually

pytestmark = pytest.mark.server

#: Says what it decides, each time that it is asked for; its source says what its standard input said last.
PROCESS = """
import os, sys
from cartaguard import Guard, Permission
from cartaguard.caches.shared import SharedCache
from support.sources import OLGA, READ, Remote, alive

remote = Remote()
made = SharedCache.postgres if "postgresql" in os.environ["SHARED"] else SharedCache.redis
guard = Guard(directory=remote, cache=made(os.environ["SHARED"]))
alive(guard)
for line in sys.stdin:
    match line.split():
        case ["hold", flags]:
            remote.held = Permission(int(flags))
        case ["forget"]:
            guard.invalidate(principal=OLGA)
    print(guard.check(OLGA, READ).permitted, len(remote.asked), flush=True)
guard.close()
"""


def _environment(url: str) -> dict[str, str]:
    # The address has a password: it is handed over as it should be.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SHARED": url}


class Process:
    """Another process with a guard."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROCESS],
            env=_environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str = "ask") -> tuple[bool, int]:
        """Tell it something, and hear what it decides then and how often its source was asked."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        permitted, asked = self._process.stdout.readline().split()
        return permitted == "True", int(asked)

    def kill(self) -> None:
        self._process.kill()
        self.end()

    def end(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.stdout.close()
        return self._process.wait(20)


@contextmanager
def processes(url: str) -> Iterator[tuple[Process, Process]]:
    one, other = Process(url), Process(url)
    try:
        yield one, other
    finally:
        codes = [one.end(), other.end()]
    assert codes == [0, 0]


@pytest.fixture(params=["redis", "postgresql"])
def url(request: pytest.FixtureRequest, redis_only: RedisServer, postgres: Cluster) -> Iterator[str]:
    if request.param == "redis":
        yield redis_only.url()
        return
    with postgres.database() as address:
        yield address.replace("postgresql+psycopg://", "postgresql://")


def test_a_revocation_in_one_process_is_seen_by_the_other(url: str) -> None:
    """And a right that is given. Nothing is fetched in between."""
    with processes(url) as (one, other):
        for flags in (1, 0, 1):
            one.say(f"hold {flags}")
            other.say(f"hold {flags}")
            assert one.say("forget")[0] == bool(flags)
            eventually(lambda: other.say()[0] == one.say()[0] == bool(flags))  # noqa: B023 (called at once)
        eventually(lambda: other.say()[1] == other.say()[1])


def test_a_process_that_only_invalidates_tells_the_others(redis_only: RedisServer) -> None:
    """A script of an administrator, which decides nothing and hears nothing, is heard."""
    shared = SharedCache.redis(redis_only.url())
    remote = Remote()
    guard = Guard(directory=remote, cache=shared)
    alive(guard)
    assert guard.check(OLGA, READ)
    remote.held = Permission.NONE
    script = (
        "import os; from cartaguard import Guard, Principal; from cartaguard.caches.shared import SharedCache\n"
        "guard = Guard(cache=SharedCache.redis(os.environ['SHARED']))\n"
        "guard.invalidate(principal=Principal(issuer='https://a.example', subject='s-1'))\n"
        "guard.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=_environment(redis_only.url()),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    eventually(lambda: not guard.check(OLGA, READ))
    guard.close()


def test_a_process_that_dies_while_it_listens_harms_nobody(redis_only: RedisServer) -> None:
    """The others go on, and tell each other."""
    victim = Process(redis_only.url())
    victim.say()
    with processes(redis_only.url()) as (one, other):
        victim.kill()
        assert other.say()[0]
        one.say("hold 0")
        other.say("hold 0")
        assert not one.say("forget")[0]
        eventually(lambda: not other.say()[0])
