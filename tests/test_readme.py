"""What README.md says is true: its examples run and guard, its commands exist, its output is the demo's, its links lead somewhere."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from starlette.testclient import TestClient
from werkzeug.test import Client as WsgiClient

from cartaguard import errors
from cartaguard.cli.demo_run import show
from cartaguard.devserver.seed import USERS
from cartaguard.drivers import transport
from cartaguard.testing import EmbeddedCarta

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEV_URL = "http://127.0.0.1:8765"

#: (headers) → (status, body), for GET of a path.
Get = Callable[[str, dict[str, str]], tuple[int, str]]


def blocks(language: str, heading: str = "") -> list[str]:
    """The code blocks in a language below a heading, or in the whole text."""
    text = re.split(rf"^#+ {re.escape(heading)}$", README, flags=re.MULTILINE)[1] if heading else README
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def carta() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta(seed=True) as carta:
        yield carta


@pytest.fixture
def run(carta: EmbeddedCarta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run an example as its reader would, beside the settings file of the README; only Carta's port is another one."""
    monkeypatch.chdir(tmp_path)
    [settings, *_] = blocks("toml")
    (tmp_path / "cartaguard.toml").write_text(settings.replace(DEV_URL, carta.url), encoding="utf-8")

    def execute(heading: str) -> dict[str, Any]:
        [code, *_] = blocks("python", heading)
        names: dict[str, Any] = {"__name__": "app"}
        exec(compile(code.replace(DEV_URL, carta.url), f"README.md: {heading}", "exec", dont_inherit=True), names)
        return names

    return execute


async def _close_http() -> None:
    await transport._aclient().aclose()


def guards(get: Get, carta: EmbeddedCarta) -> None:
    """Greta may read alloys and not the archive; the anonymous may nothing."""
    bearer = {"Authorization": f"Bearer {carta.token('greta')}"}
    assert get("/projects/alloys", {})[0] == 401
    status, body = get("/projects/alloys", bearer)
    assert (status, json.loads(body)) == (200, {"project": "alloys", "caller": "greta"})
    assert get("/projects/archive", bearer)[0] == 403


@pytest.mark.parametrize("heading", ["FastAPI", "Starlette"])
def test_the_asgi_examples_guard_as_they_say(heading: str, run: Callable[[str], dict[str, Any]], carta: EmbeddedCarta) -> None:
    """401 without a token, 200 for who may read, 403 for who may not."""
    with TestClient(run(heading)["app"]) as client:

        def get(path: str, headers: dict[str, str]) -> tuple[int, str]:
            response = client.get(path, headers=headers)
            return response.status_code, response.text

        guards(get, carta)
        assert client.portal is not None
        client.portal.call(_close_http)


@pytest.mark.parametrize("heading", ["Flask", "Any WSGI or ASGI application"])
def test_the_wsgi_examples_guard_as_they_say(heading: str, run: Callable[[str], dict[str, Any]], carta: EmbeddedCarta) -> None:
    """401 without a token, 200 for who may read, 403 for who may not."""
    client = WsgiClient(run(heading)["app"])

    def get(path: str, headers: dict[str, str]) -> tuple[int, str]:
        response = client.get(path, headers=headers)
        return response.status_code, response.text

    guards(get, carta)


def test_the_function_example_judges_its_caller(run: Callable[[str], dict[str, Any]], carta: EmbeddedCarta) -> None:
    """A member may, somebody else may not, and nobody at all is an error."""
    names = run("Plain functions")
    guard, start_furnace = names["guard"], names["start_furnace"]
    with guard.acting_as(guard.authenticate([b"Bearer " + carta.token("adam").encode()])):
        assert start_furnace() == "started by adam"
    with guard.acting_as(guard.authenticate([b"Bearer " + carta.token("greta").encode()])), pytest.raises(errors.NotAuthorized):
        start_furnace()
    with pytest.raises(errors.NoPrincipal):
        start_furnace()


def test_the_shown_output_is_what_the_demo_prints() -> None:
    """Ports differ from run to run, nothing else does."""
    output = io.StringIO()
    assert show(Console(file=output, width=80, color_system=None)) == 0
    assert _without_ports(blocks("text")[0]) == _without_ports(output.getvalue())


def _without_ports(text: str) -> list[str]:
    return [re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line).rstrip() for line in text.rstrip().splitlines()]


def test_the_password_in_the_commands_is_the_seeded_one() -> None:
    """The line that fetches a token works on a fresh embedded Carta."""
    passwords = {user.name: user.password for user in USERS}
    [(name, password)] = re.findall(r"-d username=(\w+) -d password=(\S+)", README)
    assert passwords[name] == password


def test_every_make_target_that_is_named_exists() -> None:
    """`make demo`, `make test` and the others are in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks("sh")) + "\n".join(re.findall(r"`([^`\n]+)`", README))))
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("file", ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))])
def test_every_relative_link_leads_to_a_file(file: str) -> None:
    """No link of README.md and docs/ is dead."""
    path = ROOT / file
    for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)|<img[^>]* src=\"([^\"]+)\"", path.read_text(encoding="utf-8")):
        link = target[0] or target[1]
        if "://" not in link:
            assert (path.parent / link).exists(), f"{file} links to {link}"
