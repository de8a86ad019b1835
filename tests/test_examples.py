"""Every file in examples/ is run as its reader runs it, and asked over its socket by people with real tokens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cartaguard.testing import EmbeddedCarta
from support.cache_bounds import VARIABLE
from support.canary import secrets_in
from support.doors import Answer, SocketDoor

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))
DEV_URL = "http://127.0.0.1:8765"

#: (method, path, caller, status): Carta's own people, and what they may do with alloys.
QUESTIONS = (
    ("GET", "/", "", 200),
    ("GET", "/", "otto", 200),
    ("GET", "/projects/alloys", "", 401),
    ("GET", "/projects/alloys", "otto", 403),
    ("GET", "/projects/alloys", "greta", 200),
    ("GET", "/projects/alloys", "adam", 200),
    ("GET", "/projects/archive", "greta", 403),
    ("PUT", "/projects/alloys", "", 401),
    ("PUT", "/projects/alloys", "greta", 403),
    ("PUT", "/projects/alloys", "adam", 403),
    ("PUT", "/projects/alloys", "edda", 200),
    ("PUT", "/projects/alloys", "olga", 200),
    ("GET", "/nowhere", "", 401),
    ("GET", "/nowhere", "olga", 404),
    ("GET", "/static/../projects/alloys", "", 400),
)


@pytest.fixture(scope="module")
def carta() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta(seed=True) as carta:
        yield carta


@contextmanager
def running(example: Path, carta: EmbeddedCarta, folder: Path) -> Iterator[SocketDoor]:
    """Run an example in a process of its own, on a port that it tells; only Carta's port is another one."""
    config = folder / "cartaguard.toml"
    config.write_text((EXAMPLES / "cartaguard.toml").read_text("utf-8").replace(DEV_URL, carta.url), "utf-8")
    own = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environ = {**own, "PORT": "0", "CARTAGUARD_CONFIG": str(config), "CARTA_HOST": carta.url}
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(example)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
                if found:
                    yield SocketDoor(int(found[1]))
                    break
            else:
                pytest.fail(f"{example.name} did not start: {''.join(said)}")
        finally:
            process.terminate()
            said += process.stdout
    log = "".join(said)
    assert "Traceback" not in log
    assert secrets_in(log) == []


def ask(door: SocketDoor, carta: EmbeddedCarta, method: str, path: str, caller: str) -> Answer:
    return door.request(method, path, [("Authorization", f"Bearer {carta.token(caller)}".encode())] if caller else [])


@pytest.mark.parametrize("example", FILES, ids=lambda path: path.stem)
def test_an_example_guards_its_routes(example: Path, carta: EmbeddedCarta, tmp_path: Path) -> None:
    """Each application answers Carta's people alike, by their permissions, groups and the lack of them."""
    with running(example, carta, tmp_path) as door:
        assert secrets_in(carta.token("olga")), "the look of a token has changed"
        for method, path, caller, status in QUESTIONS:
            answer = ask(door, carta, method, path, caller)
            assert (method, path, caller, answer.status) == (method, path, caller, status)
            if status == 200:
                project = {"project": "alloys"} if "alloys" in path else {}
                assert json.loads(answer.body) == {"caller": caller, **project}
        # A mount answers below its path.
        research = "/research/" if example.stem == "starlette_app" else "/research"
        for caller, status in (("", 401), ("greta", 403), ("adam", 200), ("olga", 200)):
            assert (caller, ask(door, carta, "GET", research, caller).status) == (caller, status)


def test_there_is_an_example_for_every_door() -> None:
    """FastAPI, Starlette, Flask, ASGI, WSGI and plain functions; each told of in the folder's README."""
    assert [path.stem for path in FILES] == ["asgi_app", "fastapi_app", "flask_app", "functions_app", "starlette_app", "wsgi_app"]
    readme = (EXAMPLES / "README.md").read_text("utf-8")
    for path in EXAMPLES.iterdir():
        assert path.name in {"README.md", "__pycache__"} or f"`{path.name}`" in readme or path.name in readme


@pytest.mark.parametrize("example", FILES, ids=lambda path: path.stem)
def test_an_example_is_short(example: Path) -> None:
    """At most 60 lines."""
    assert len(example.read_text("utf-8").splitlines()) <= 60
