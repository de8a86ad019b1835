"""Growth with the number of grants, starting, importing, and the calls that a request makes: each in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.environments import OURS, Missing, environment, pins, versions
from benchmarks.pairs import Spread
from benchmarks.profile import DOORS
from benchmarks.workers import ROOT, Failed, variables

__all__ = ["GROWING", "IMPORTED", "STARTING", "measure_calls", "measure_growth", "measure_imports", "measure_start"]

Entry = dict[str, Any]


class Store(NamedTuple):
    """Somebody who keeps grants.

    :param module: below ``benchmarks.subjects``; run with ``what`` and a number of grants it prints one JSON object.
    :param most: the largest number that ends in bearable time; ``note`` says why.
    """

    who: str
    module: str
    what: str
    environment: str | None = None
    most: int = 10_000_000
    note: str = ""


SIZES = (10, 1_000, 100_000, 1_000_000, 10_000_000)

GROWING = [
    Store("cartaguard, dict store", "cartaguard_sizes", "dict", note="with users, groups and what they are members of"),
    Store("cartaguard, compact table", "cartaguard_sizes", "compact", note="all bytes of the file, likewise"),
    Store("casbin", "peer_sizes", "casbin", "casbin", 1_000_000, "it goes through its policies one by one; tried up to a million"),
    Store("pemba", "peer_sizes", "pemba", "pemba", 1_000_000, "tried up to a million"),
]

STARTING = [
    Store("cartaguard, snapshot", "cartaguard_sizes", "as_read"),
    Store("cartaguard, snapshot, looked through whole", "cartaguard_sizes", "whole"),
    Store("pemba, memory filled", "peer_sizes", "pemba start", "pemba"),
    Store("pemba, SQLite file", "peer_sizes", "pemba file", "pemba"),
]


class Import(NamedTuple):
    """Something that is imported. What is imported later, at first use, has a line of its own.

    :param first: what the process has imported already, which does not count.
    """

    who: str
    statement: str
    first: str = ""
    environment: str | None = None


IMPORTED = [
    Import("cartaguard", "import cartaguard"),
    Import("cartaguard inside FastAPI", "import cartaguard.fastapi", "import fastapi"),
    Import(
        "cartaguard inside FastAPI, and the first guard",
        "from cartaguard import Guard; from cartaguard.fastapi import FastAPIGuard; FastAPIGuard(Guard())",
        "import fastapi",
    ),
    Import("PyJWT", "import jwt", "", "pyjwt"),
    Import("joserfc", "import joserfc.jwt", "", "joserfc"),
    Import("Flask-JWT-Extended inside Flask", "import flask_jwt_extended", "import flask", "flask-jwt-extended"),
    Import("fastapi-azure-auth inside FastAPI", "import fastapi_azure_auth", "import fastapi", "fastapi-azure-auth"),
    Import("auth0-fastapi-api inside FastAPI", "import fastapi_plugin.fast_api_client", "import fastapi", "auth0-fastapi-api"),
    Import("casbin", "import casbin", "", "casbin"),
    Import("cedarpy", "import cedarpy", "", "cedarpy"),
    Import("pemba", "import pemba", "", "pemba"),
    Import("pecanhq", "import pecanhq", "", "pecanhq"),
]


def measure_growth(*, most: int, say: Callable[[str], None]) -> list[Entry]:
    """Bytes for each grant, and the time of a look-up, by the number of grants."""
    found: list[Entry] = []
    for store in GROWING:
        for grants in SIZES:
            if grants > min(most, store.most):
                continue
            say(f"  {store.who}, {grants:,} grants")
            found.append({"who": store.who, "grants": grants, **_told(store, str(grants))})
    return found


def measure_start(*, grants: int, rounds: int, say: Callable[[str], None]) -> list[Entry]:
    """Milliseconds from nothing to the first answer. What is loaded is written once, by a process before."""
    found: list[Entry] = []
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        for store in STARTING:
            say(f"  {store.who}, {grants:,} grants")
            entry = {"who": store.who, "grants": grants}
            prepared = _told(store, str(grants), folder, "prepare")
            if "failed" not in prepared:
                times = [_told(store, str(grants), folder, "start") for _ in range(rounds if prepared.get("quick") else 1)]
                failed = [told for told in times if "failed" in told]
                prepared = failed[0] if failed else {"ms": Spread.of([told["ms"] for told in times]).__dict__, "rounds": len(times)}
            found.append({**entry, **prepared})
    return found


def measure_imports(*, rounds: int, say: Callable[[str], None]) -> list[Entry]:
    """Milliseconds of an import, in a new process each time, everybody in turn."""
    times: dict[Import, list[float]] = {}
    found: list[Entry] = []
    for imported in IMPORTED:
        try:
            # Not counted: it writes the byte code.
            _import(imported)
            times[imported] = []
        except (Missing, Failed) as fault:
            say(f"  {imported.who} does not take part: {fault}")
            found.append({"who": imported.who, "failed": str(fault)})
    for _ in range(rounds):
        for imported, taken in times.items():
            taken.append(_import(imported))
    return [{"who": imported.who, "ms": Spread.of(taken).__dict__, "rounds": rounds} for imported, taken in times.items()] + found


def measure_calls(*, say: Callable[[str], None]) -> list[Entry]:
    """The calls that each door adds to a request: a count, and so the same on every machine with the same Python."""
    found: list[Entry] = []
    for door in DOORS:
        for asked in ("exact path", "pattern path seen before"):
            command = [str(OURS.python), "-m", "benchmarks.profile", door, "--asked", asked, "--json"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=variables(), check=False)
            told = {"failed": done.stderr.strip().splitlines()[-1]} if done.returncode else json.loads(done.stdout)
            if "failed" in told:
                say(f"  {door}: {told['failed']}")
            found.append({"who": door, "cell": asked, **told})
    return found


def _import(imported: Import) -> float:
    where = OURS if imported.environment is None else environment(imported.environment)
    text = f"import time\n{imported.first}\nstart = time.perf_counter()\n{imported.statement}\nprint((time.perf_counter() - start) * 1000)"
    # Without what an editable installation adds to every start.
    done = subprocess.run([str(where.python), "-c", text], capture_output=True, text=True, cwd=ROOT, env=variables(), check=False)
    if done.returncode:
        raise Failed(done.stderr.strip().splitlines()[-1])
    return float(done.stdout)


def _told(store: Store, *arguments: str) -> Entry:
    """What a process of a store says; the reason when it fails."""
    try:
        where = OURS if store.environment is None else environment(store.environment)
    except Missing as fault:
        return {"failed": str(fault)}
    command = [str(where.python), "-m", f"benchmarks.subjects.{store.module}", store.what, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=variables(), check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]}
    told: Entry = json.loads(done.stdout.strip().splitlines()[-1])
    about = pins()[store.environment]["about"] if store.environment else ()
    return {"version": ", ".join(f"{name} {versions(where)[name]}" for name in about), **told}
