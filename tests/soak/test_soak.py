"""A minute of two hundred clients at two processes, while keys rotate, rights come and go, and Redis flaps: every answer is right."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from cartaguard.carta import AsyncCartaClient, TokenLogin
from cartaguard.model.role import Role
from soak.client import Client
from soak.history import WITHIN, History
from support.carta import Carta
from support.redis import RedisServer, redis_server
from support.relay import Relay, Trouble, free_port

pytestmark = pytest.mark.server

#: Seconds for which it is soaked, and by how many clients at once.
SECONDS, CLIENTS = float(os.environ.get("CARTAGUARD_SOAK", "60")), 200

#: What the memory of a process may grow by between a third of the time and the end, in MiB.
GROWTH = 48

GUESTS, PROJECTS = ("greta", "edda", "otto"), tuple(f"soak-{number}" for number in range(8))


class Service:
    """One process of the service."""

    def __init__(self, carta: Carta, redis: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "uvicorn", "soak.app:app", "--port", str(self.port), "--no-access-log", "--log-level", "warning"]
        environment = {**os.environ, "SOAK_CARTA": carta.host, "SOAK_REDIS": redis, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(command, env=environment)

    async def ready(self) -> None:
        while True:
            async with contextlib.aclosing(Client(self.port)) as client:
                with contextlib.suppress(OSError):
                    assert (await client.ask("/projects/none", None))[0] == 401
                    return
            assert self._process.poll() is None, "the service did not start"
            await asyncio.sleep(0.05)

    @property
    def memory(self) -> float:
        """What it holds of the machine's memory, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self._process.terminate()
        # A server that has ended in order hands the signal on to itself.
        assert self._process.wait(30) in (0, -signal.SIGTERM)


@dataclass
class Soak:
    """What goes on, and what came of it."""

    carta: Carta
    relay: Relay
    redis: RedisServer
    services: list[Service]
    random: Random
    projects: list[str] = field(default_factory=list)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    histories: dict[tuple[str, str], History] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    over: bool = False

    async def client(self, number: int) -> None:
        """Ask one thing after another, of either process."""
        random = Random(number)
        async with contextlib.AsyncExitStack() as stack:
            asking = [await stack.enter_async_context(contextlib.aclosing(Client(service.port))) for service in self.services]
            while not self.over:
                index = random.randrange(len(asking))
                who, project = random.choice(GUESTS), random.choice(self.projects)
                kind = random.choices(("good", "forged", "none"), (90, 6, 4))[0]
                token = None if kind == "none" else random.choice(self.tokens[who])
                if token is not None and kind == "forged":
                    token = _forged(token, random)
                asked = time.monotonic()
                status, body = await asking[index].ask(f"/projects/{project}", token)
                answered = time.monotonic()
                self.counts[f"{kind} {status}"] += 1
                if kind != "good":
                    right: set[int] = {401}
                else:
                    verdicts = self.histories[who, project].right(asked, answered, within=WITHIN)
                    right = {200 if verdict else 403 for verdict in verdicts}
                if status not in right or (status == 200 and body.decode() != who):
                    self.wrong.append(f"{kind} {who} {project} process {index}: {status} {body[:200]!r}, right is {right}")

    async def change(self, owner: AsyncCartaClient, vera: str) -> None:
        """Give and take rights, and tell one process each time."""
        subjects = {who: _subject(self.tokens[who][0]) for who in GUESTS}
        while not self.over:
            who, project = self.random.choice(GUESTS), self.random.choice(self.projects)
            history = self.histories[who, project]
            async with contextlib.aclosing(Client(self.random.choice(self.services).port)) as told:
                with history.changing(not history.now):
                    await owner.permissions.grant(project, who, Role.GUEST if history.now else Role.NONE)
                    named = self.random.choice((f"project={project}", f"issuer={subjects[who][0]}&subject={subjects[who][1]}"))
                    assert await told.ask(f"/forget?{named}", vera, "POST") == (200, b"forgotten")
            self.counts["changes"] += 1
            await asyncio.sleep(0.3)

    async def flap(self) -> None:
        """Let Redis be there and not, in every way."""
        troubles: list[Trouble] = ["closed", "reset", "cut", "garbage", "stall"]
        while not self.over:
            await asyncio.sleep(3)
            self.relay.trouble = self.random.choice(troubles)
            if self.random.random() < 0.3:
                await asyncio.to_thread(self.redis.kill)
                await asyncio.to_thread(self.redis.start)
            await asyncio.sleep(1.5)
            self.relay.trouble = ""
            self.counts["flaps"] += 1

    async def rotate(self) -> None:
        """New keys in the middle; whoever logs in after that has a token that they signed."""
        await asyncio.sleep(SECONDS / 2)
        await asyncio.to_thread(self.carta.rotate)
        for who, tokens in self.tokens.items():
            tokens.append(await asyncio.to_thread(self.carta.token, who))
        self.counts["rotations"] += 1

    async def go(self, owner: AsyncCartaClient, vera: str) -> list[float]:
        """All of it at once, until the time is over; what the processes hold of memory after a third of it."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                tasks.create_task(self.client(number))
            for other in (self.change(owner, vera), self.flap(), self.rotate()):
                tasks.create_task(other)
            await asyncio.sleep(SECONDS / 3)
            settled = [service.memory for service in self.services]
            await asyncio.sleep(SECONDS * 2 / 3)
            self.over = True
        return settled


def _forged(token: str, random: Random) -> str:
    """A token with another signature: one of its letters is another one."""
    head, _, signature = token.rpartition(".")
    place = random.randrange(len(signature) - 2)
    return f"{head}.{signature[:place]}{'A' if signature[place] != 'A' else 'B'}{signature[place + 1 :]}"


def _subject(token: str) -> tuple[str, str]:
    """The issuer and the subject of a token."""
    claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims["iss"], claims["sub"]


def test_every_answer_is_right(tmp_path: Path) -> None:
    """A right that was taken away is gone in the other process within a second, a forged token is never known, a good one always."""

    async def main(soak: Soak) -> list[float]:
        async with AsyncCartaClient(soak.carta.host, TokenLogin(soak.carta.token("olga"))) as owner:
            for name in PROJECTS:
                project = await owner.projects.create(name, bucket=name)
                soak.projects.append(project.id)
                for who in GUESTS:
                    soak.histories[who, project.id] = History(False)
            for service in soak.services:
                await service.ready()
            return await soak.go(owner, soak.carta.token("vera"))

    carta = Carta(tmp_path)
    with redis_server() as redis, Relay(redis.port) as relay:
        address = redis.url(port=relay.port)
        soak = Soak(carta, relay, redis, [Service(carta, address), Service(carta, address)], Random())
        soak.tokens = {who: [carta.token(who)] for who in GUESTS}
        try:
            settled = asyncio.run(main(soak))
            grown = [service.memory - before for service, before in zip(soak.services, settled, strict=True)]
        finally:
            for service in soak.services:
                service.stop()
            carta.kill()
    print(dict(soak.counts), settled, grown)  # noqa: T201 (shown when it fails, and with -s)
    assert not soak.wrong, f"{len(soak.wrong)} wrong: {soak.wrong[:5]} of {soak.counts}"
    # Nothing is shown by what did not happen.
    assert {"changes", "flaps", "rotations", "good 200", "good 403", "forged 401", "none 401"} <= set(soak.counts)
    assert max(grown) < GROWTH
