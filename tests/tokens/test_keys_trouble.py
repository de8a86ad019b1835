"""Key sets under trouble that is real: processes killed and stopped, ports closed, sockets that drip, floods, rotations.

What must hold: no wrong token passes, no good one is refused while a valid key for it is known, fetches are bounded,
and once the trouble is over everything works again without a restart.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from cartaguard.errors import InvalidToken
from cartaguard.tokens import document
from support.halted import halt
from support.key_world import PATH, World
from support.keys import SigningKey, b64, jwks, rsa_key
from support.scripted import Server
from support.served import Served, serving
from support.tokens import Clock, bearer, id_claims, token_for

FIRST, SECOND, FOREIGN = rsa_key("first"), rsa_key("second"), rsa_key("foreign")


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(params=["blocking", "asyncio"])
def world(served: Served, request: pytest.FixtureRequest) -> World:
    return World(served, request.param)


# -- a server that dies, stops and comes back

_PROGRAM = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Process:
    """A process of its own that serves a key set."""

    def __init__(self, *keys: SigningKey, port: int = 0) -> None:
        command = [sys.executable, "-c", _PROGRAM, str(port), json.dumps(jwks(*keys))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def halt(self) -> None:
        halt(self._process)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process(FIRST)
    yield process
    process.kill()


def test_a_killed_key_server_refuses_nobody_whose_key_is_known_and_is_found_again(world: World, process: Process) -> None:
    world.new(process.url)
    assert world.verify(world.token()) == "ok"
    process.kill()
    for age in (299, 300, 301, 3600):
        world.clock.now = Clock().now + age
        assert world.verify(world.token()) == "ok"
        assert world.verify(token_for(key=FIRST, now=world.clock.now, aud="foreign")) == "wrong_audience"
        assert world.verify(world.token(SECOND)) in ("unknown_key" if age < 300 else "keys_unavailable", "keys_unavailable")
    world.clock.now += 1
    assert world.verify(world.token()) == "keys_unavailable"
    again = Process(FIRST, SECOND, port=process.port)
    try:
        world.clock.now += 30
        assert world.verify(world.token()) == "ok"
        assert world.verify(world.token(SECOND)) == "ok"
    finally:
        again.kill()


def test_a_key_server_that_was_stopped_in_its_tracks_costs_its_time_and_no_more(
    world: World, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel still takes the connection and nobody answers."""
    monkeypatch.setattr(document, "TIMEOUT", 0.2)
    world.new(process.url)
    assert world.verify(world.token()) == "ok"
    process.halt()
    try:
        world.clock.now += 300
        assert world.verify(world.token()) == "ok"
        assert world.verify(world.token(SECOND)) == "keys_unavailable"
        world.clock.now += 3301
        assert world.verify(world.token()) == "keys_unavailable"
    finally:
        process.resume()
    monkeypatch.undo()
    world.clock.now += 30
    assert world.verify(world.token()) == "ok"


@pytest.mark.parametrize(
    "behaviour",
    [
        "stall",
        "drip",
        "drip_headers",
        b"",
        b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + json.dumps(jwks(FIRST)).encode(),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"key',
        b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Length: 13\r\n\r\n{"keys": []}\n',
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    ],
    # Not the bytes themselves: keys are drawn anew in each process, and pytest-xdist compares the names.
    ids=["stall", "drip", "drip_headers", "nothing", "no HTTP", "cut off", "cut chunk", "two lengths", "endless headers"],
)
def test_whatever_comes_over_the_wire_is_a_doubt_for_new_keys_and_none_for_known_ones(
    world: World, behaviour: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "TIMEOUT", 0.2 if isinstance(behaviour, str) else 20.0)
    server = Server()
    try:
        server.answers(body=json.dumps(jwks(FIRST)).encode())
        world.new(server.url.partition("?")[0])
        assert world.verify(world.token()) == "ok"
        if isinstance(behaviour, str):
            server.behave = getattr(server, behaviour)
        else:
            server.behave = lambda connection: connection.sendall(behaviour)
        assert world.verify(world.token(SECOND)) == "keys_unavailable"
        world.clock.now += 300
        assert world.verify(world.token()) == "ok"
        asked = len(server.asked)
        assert [world.verify(world.token()) for _ in range(20)] == ["ok"] * 20
        assert len(server.asked) == asked, "while it is left alone nobody asks"
        server.answers(body=json.dumps(jwks(FIRST, SECOND)).encode())
        world.clock.now += 30
        assert world.verify(world.token(SECOND)) == "ok"
    finally:
        server.close()


# -- clocks


@pytest.mark.parametrize("jump", [-1e9, -86400, -3601, -1, 301, 3601, 86400, 1e9])
def test_a_clock_that_jumps_costs_one_fetch_and_refuses_nobody(world: World, jump: float) -> None:
    assert world.verify(world.token()) == "ok"
    world.clock.now += jump
    values = bearer(world.token())
    assert world.verifier.cached(values[0]) is None
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2
    assert world.verify(world.token(FOREIGN)) == "unknown_key"


@pytest.mark.parametrize("jump", [-1e9, -86400, -61, 61, 86400])
def test_a_clock_that_jumps_during_an_outage_does_not_make_it_longer(world: World, jump: float) -> None:
    world.fail()
    for _ in range(6):
        assert world.verify(world.token()) == "keys_unavailable"
        world.clock.now += 30
    assert world.verify(world.token()) == "keys_unavailable"
    world.publish(FIRST)
    world.clock.now += jump
    assert world.verify(world.token()) == "ok"


def test_a_set_whose_age_is_not_known_any_more_is_no_emergency_supply(world: World) -> None:
    """Set back by a day and unable to fetch: whether an hour is over nobody can tell."""
    assert world.verify(world.token()) == "ok"
    world.fail()
    world.clock.now -= 86400
    assert world.verify(world.token()) == "keys_unavailable"


# -- floods


def _unknown(count: int) -> list[str]:
    """Tokens that name keys nobody has; no two of them the same."""
    payload = b64(json.dumps(id_claims()).encode())
    return [
        f"{b64(json.dumps({'alg': 'RS256', 'kid': f'flood-{number}'}).encode())}.{payload}.{b64(bytes(256))}" for number in range(count)
    ]


def test_ten_thousand_unknown_kids_from_threads_make_one_fetch(served: Served) -> None:
    world = World(served, "blocking")
    assert world.verify(world.token()) == "ok"
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(world.verify, _unknown(10_000)))
    assert outcomes == ["unknown_key"] * 10_000
    _after_the_flood(world)


def test_ten_thousand_unknown_kids_from_tasks_make_one_fetch(served: Served) -> None:
    world = World(served, "asyncio")
    assert world.verify(world.token()) == "ok"

    async def one(token: str) -> str:
        with pytest.raises(InvalidToken) as caught:
            await world.verifier.averify(token)
        return caught.value.code

    async def flood() -> list[str]:
        return await asyncio.gather(*map(one, _unknown(10_000)))

    assert asyncio.run(flood()) == ["unknown_key"] * 10_000
    _after_the_flood(world)


def _after_the_flood(world: World) -> None:
    assert world.fetches == 2
    assert len(world.keys._unknown) <= 256
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2
    world.publish(FIRST, SECOND)
    world.clock.now += 30
    assert world.verify(world.token(SECOND)) == "ok"
    assert world.fetches == 3


def test_ten_thousand_unknown_kids_before_any_key_is_known_make_two_fetches(served: Served) -> None:
    """The first of them, which everybody waits for, and the one that an unknown `kid` may cause."""
    world = World(served, "blocking")
    with ThreadPoolExecutor(16) as pool:
        outcomes = set(pool.map(world.verify, _unknown(10_000)))
    assert outcomes == {"unknown_key"}
    assert world.fetches <= 2


def test_a_flood_during_an_outage_is_answered_without_fetching(served: Served) -> None:
    world = World(served, "blocking")
    world.fail(503)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(world.verify, _unknown(2_000)))
    assert outcomes == ["keys_unavailable"] * 2_000
    assert world.fetches == 1


# -- rotation under load


def test_no_good_token_is_refused_while_keys_rotate_under_load(served: Served) -> None:
    """Threads and tasks verify without a pause; each key is published before it signs, and withdrawn when nothing has it.

    Between any two rotations everybody has verified with the newest key, so that nothing depends on who is how fast.
    """
    world = World(served, "blocking")
    keys = [rsa_key(f"rotating-{number}") for number in range(8)]
    world.publish(keys[0])
    state = _Rotation(world, keys[0])
    workers = [threading.Thread(target=state.in_thread, args=(name,)) for name in range(4)]
    workers.append(threading.Thread(target=lambda: asyncio.run(state.in_tasks(range(10, 20)))))
    for worker in workers:
        worker.start()
    try:
        state.wait_for_everybody()
        for former, key in pairwise(keys):
            world.publish(former, key)
            world.clock.now += 31
            state.sign_with(key)
            state.wait_for_everybody()
            world.publish(key)
            world.clock.now += 300
            state.sign_with(key)
            state.wait_for_everybody()
            assert world.verify(token_for(key=former, now=world.clock.now)) == "unknown_key"
    finally:
        state.over.set()
        for worker in workers:
            worker.join()
    assert state.refused == []
    assert world.fetches <= 1 + 4 * len(keys), "however many tokens there were"


class _Rotation:
    """The token that is good just now, and who has verified it."""

    def __init__(self, world: World, key: SigningKey) -> None:
        self._world = world
        self.over = threading.Event()
        self.refused: list[str] = []
        self._everybody = {*range(4), *range(10, 20)}
        self._changed = threading.Condition()
        self.sign_with(key)

    def sign_with(self, key: SigningKey) -> None:
        with self._changed:
            self._values = bearer(token_for(key=key, now=self._world.clock.now, life=7200))
            self._seen: set[int] = set()

    def wait_for_everybody(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._seen == self._everybody or self.refused, 60)

    def _note(self, name: int, values: list[bytes]) -> None:
        with self._changed:
            if values is self._values:
                self._seen.add(name)
                self._changed.notify_all()

    def in_thread(self, name: int) -> None:
        while not self.over.is_set():
            values = self._values
            try:
                self._world.verifier.verify(values[0].removeprefix(b"Bearer "))
            except Exception as fault:
                self.refused.append(repr(fault))
                return
            self._note(name, values)

    async def in_tasks(self, names: Any) -> None:
        async def one(name: int) -> None:
            while not self.over.is_set():
                values = self._values
                try:
                    await self._world.verifier.averify(values[0].removeprefix(b"Bearer "))
                except Exception as fault:
                    self.refused.append(repr(fault))
                    return
                self._note(name, values)
                await asyncio.sleep(0)

        await asyncio.gather(*map(one, names))
