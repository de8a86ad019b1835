"""Requests per second of real servers under wrk, everybody in turn, on one worker process each."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.environments import OURS, Environment, Missing, environment
from benchmarks.pairs import Spread
from benchmarks.subject import ASKED, REFUSALS
from benchmarks.workers import ROOT, Failed, variables

__all__ = ["SERVED", "Served", "measure_throughput", "read_wrk"]


class Served(NamedTuple):
    """Somebody behind a server.

    :param door: ``asgi`` and ``fastapi`` are served by uvicorn (uvloop, httptools), ``wsgi`` and ``flask`` by gunicorn (threads).
    :param who: what stands in front of the application; see :mod:`benchmarks.subjects.served`.
    """

    door: str
    who: str
    label: str
    environment: str | None = None


SERVED = [
    *(
        Served(door, who, label, where)
        for door in ("asgi", "fastapi", "wsgi", "flask")
        for who, label, where in (("bare", "bare", None), ("cartaguard", "cartaguard", None), ("pyjwt", "PyJWT guard", "pyjwt"))
    ),
    Served("fastapi", "cartaguard routes", "cartaguard, demands on the routes"),
    Served("asgi", "three calls", "three calls by hand (httpx)"),
    Served("wsgi", "three calls", "three calls by hand (httpx)"),
]

#: Connections that wrk keeps open.
CONNECTIONS = 16


def measure_throughput(kit: Path, *, rounds: int, seconds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Requests per second of everybody, and the ratio to the bare application in the same round."""
    if shutil.which("wrk") is None:
        raise Failed("wrk is not installed; install it (Debian: apt-get install wrk) and measure this row again")
    token = json.loads(kit.read_text(encoding="utf-8"))["tokens"]["cognito"]
    entries: list[dict[str, Any]] = []
    with ExitStack() as stack:
        ports: dict[Served, int] = {}
        for served in SERVED:
            try:
                where = OURS if served.environment is None else environment(served.environment)
                ports[served] = stack.enter_context(_serving(where, served, kit))
                _look(served, ports[served], token)
            except (Missing, Failed) as fault:
                ports.pop(served, None)
                say(f"  {served.label}, {served.door} does not take part: {fault}")
                entries.append({"who": served.label, "cell": served.door, "failed": str(fault)})
        found: dict[Served, list[float]] = {served: [] for served in ports}
        for turn in range(rounds):
            say(f"  round {turn + 1} of {rounds}, {len(ports)} servers, {seconds} s each")
            for served, port in ports.items():
                found[served].append(_load(port, token["good"], seconds))
    bare = {served.door: found[served] for served in found if served.who == "bare"}
    for served, rates in found.items():
        ratios = [rate / alone for rate, alone in zip(rates, bare[served.door], strict=True)]
        entries.append(
            {
                "who": served.label,
                "cell": served.door,
                "per_second": median(rates),
                "ratio": Spread.of(ratios).__dict__,
                "rounds": rounds,
                "checked": {} if served.who == "bare" else REFUSALS,
            }
        )
    return entries


@contextmanager
def _serving(where: Environment, served: Served, kit: Path) -> Iterator[int]:
    """A server on a free port of this machine; it inherits the listening socket, so that nobody can take the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.set_inheritable(True)
        # Connections inherit it. uvicorn takes an inherited socket for a local one, and would leave 40 ms between head and body.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number, port = listener.fileno(), listener.getsockname()[1]
        process = subprocess.Popen(
            [str(where.python), "-m", *_command(served, number)],
            cwd=ROOT,
            env=variables(BENCH_KIT=str(kit), BENCH_WHO=served.who, BENCH_DOOR=served.door),
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(served: Served, number: int) -> list[str]:
    if served.door in {"asgi", "fastapi"}:
        return [
            *("uvicorn", "--factory", "benchmarks.subjects.served:application", "--fd", str(number)),
            *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "critical"),
        ]
    return [
        *("gunicorn", "benchmarks.subjects.served:application()", "--bind", f"fd://{number}", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "4", "--keep-alive", "30", "--log-level", "critical"),
    ]


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until it answers; the listener is open already, so that the first request waits for it."""
    for _ in range(60):
        if process.poll() is not None:
            raise Failed(f"the server ended with {process.returncode} before it answered")
        try:
            _status(port, None)
        except (OSError, http.client.HTTPException):
            time.sleep(0.5)
        else:
            return
    raise Failed("the server did not answer within half a minute")


def _look(served: Served, port: int, tokens: dict[str, Any]) -> None:
    """The refusals, asked before anything is timed."""
    for question in ASKED if served.who != "bare" else ("good",):
        token = tokens.get(question)
        status = _status(port, None if token is None else f"Bearer {token}")
        if status != REFUSALS[question]:
            raise Failed(f"asked before timing it answered {question}: {status} instead of {REFUSALS[question]}")


def _status(port: int, authorization: str | None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/reports", headers={} if authorization is None else {"Authorization": authorization})
        return connection.getresponse().status
    finally:
        connection.close()


def _load(port: int, token: str, seconds: int) -> float:
    done = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"),
            *("--header", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}/reports"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return read_wrk(done.stdout)


def read_wrk(said: str) -> float:
    """Requests per second in wrk's report.

    :raises Failed: some of the requests were not answered with 200, so that the rate means nothing.
    """
    for bad in ("Non-2xx or 3xx responses", "Socket errors"):
        if bad in said:
            raise Failed(next(line.strip() for line in said.splitlines() if bad in line))
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None:
        raise Failed("wrk reported no rate")
    return float(rate[1])
