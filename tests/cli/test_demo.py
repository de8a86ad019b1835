"""The demo runs for real, shows one table, and fails when a framework does not do what the policy says."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest
from rich.console import Console
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cartaguard import Guard, Policy
from cartaguard.cli import demo_run
from cartaguard.cli.main import main
from cartaguard.devserver.demo.frameworks import FRAMEWORKS, Framework
from cartaguard.starlette import GuardMiddleware

FASTAPI, STARLETTE, FLASK, WSGI = FRAMEWORKS


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80", "TERM": "dumb", **more}


def shown(*frameworks: Framework, width: int = 200, terminal: bool = False) -> tuple[int, str]:
    """The exit code and the output of a demo of these frameworks."""
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=terminal, color_system=None)
    return demo_run.show(console, frameworks=frameworks), output.getvalue()


def test_the_command_shows_the_table_without_noise_and_exits_with_zero() -> None:
    """All four frameworks answer as the policy says; it fits 80 columns and has no control codes when piped."""
    ran = subprocess.run(
        [sys.executable, "-m", "cartaguard", "demo"], env=environment(), capture_output=True, encoding="utf-8", check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in ran.stdout
    rows = {line[:26].strip(): re.sub(" +", " ", line[26:]) for line in lines if " /" in line}
    assert rows == {
        "GET /": "✓ 200 ✓ 200 ✓ 200 ✓ 200 ✓ 200 ✓ 200",
        "GET /research": "✗ 401 ✗ 403 ✗ 403 ✗ 403 ✓ 200 ✓ 200",
        "GET /projects/alloys": "✗ 401 ✗ 403 ✓ 200 ✓ 200 ✓ 200 ✓ 200",
        "PUT /projects/alloys": "✗ 401 ✗ 403 ✗ 403 ✓ 200 ✗ 403 ✓ 200",
        "POST /projects/alloys": "✗ 401 ✗ 403 ✗ 403 ✓ 200 ✓ 200 ✓ 200",
        "DELETE /projects/alloys": "✗ 401 ✗ 403 ✗ 403 ✗ 403 ✗ 403 ✓ 200",
        "GET /projects/archive": "✗ 401 ✗ 403 ✗ 403 ✗ 403 ✗ 403 ✓ 200",
    }
    assert "Every answer is what the policy says, in FastAPI, Starlette, Flask and WSGI." in ran.stdout


def test_serve_keeps_running_until_interrupted_with_lines_that_work() -> None:
    """The printed addresses and tokens are good for requests, and Ctrl-C ends it with 0 and without a trace."""
    command = [sys.executable, "-m", "cartaguard", "demo", "--serve"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as running:
        assert running.stdout is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if "Authorize button" in line:
                break
        text = "".join(said)
        token = re.search("^GRETA=(.+)$", text, re.MULTILINE)
        urls = re.findall(r"^curl -i (\S+)$", text, re.MULTILINE)
        assert token is not None
        assert len(urls) == 4
        for url in urls:
            headers = {"Authorization": f"Bearer {token[1]}"}
            assert httpx.get(url, trust_env=False).status_code == 401
            assert httpx.get(url, headers=headers, trust_env=False).json() == {"caller": "greta", "read": "alloys"}
            assert httpx.put(url, headers=headers, trust_env=False).status_code == 403
        running.send_signal(signal.SIGINT)
        try:
            _, errors = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, errors) == (0, "")


def test_one_framework_that_lets_somebody_in_makes_it_fail() -> None:
    """Every difference is named with what was answered and what the policy says, and the exit code is 1."""
    open_to_all = Policy.from_dict({"routes": [{"path": "/*", "require": {"public": "a mistake"}}]})
    code, text = shown(FLASK, replace(WSGI, policy=open_to_all))
    assert code == 1
    assert "23 answers are not what the policy says" in text
    assert "PUT /projects/alloys as guest: WSGI answered 200 to greta, the policy says 403 lacks_permission" in text
    assert text.count("! 200") == 23
    assert "Flask answered" not in text
    assert "Every answer" not in text


def test_one_framework_that_keeps_somebody_out_makes_it_fail() -> None:
    """Too strict is a difference too."""
    closed = Policy.from_dict({"routes": [{"path": "/*", "require": {"deny": True}}]})
    code, text = shown(replace(WSGI, policy=closed))
    assert code == 1
    assert "GET / as owner: WSGI answered 403 denied, the policy says 200 to olga" in text


def test_an_application_that_does_not_start_makes_it_fail() -> None:
    """A route without a requirement keeps Starlette from starting: the others are shown, and the exit code is 1."""

    async def forgotten(_: Request) -> Response:
        raise AssertionError("never reached")

    def application(guard: Guard) -> Starlette:
        return Starlette(routes=[Route("/", forgotten)], middleware=[Middleware(GuardMiddleware, guard=guard)])

    code, text = shown(replace(STARLETTE, application=application), WSGI)
    assert code == 1
    assert "Starlette       did not come up: the application did not start" in text
    assert "Every answer is what the policy says, in WSGI." in text


def test_nothing_that_starts_is_a_failure_too() -> None:
    """Where no framework is up there is no verdict that all is well."""

    def application(_: Guard) -> object:
        raise RuntimeError("no")

    code, text = shown(replace(WSGI, application=application))
    assert code == 1
    assert "Every answer" not in text


def test_a_terminal_sees_the_requests_being_counted() -> None:
    """The progress bar is for terminals only."""
    assert "42/42" in shown(WSGI, terminal=True)[1]
    assert "42/42" not in shown(WSGI)[1]


def test_a_terminal_without_unicode_gets_letters() -> None:
    """Marks and rules are plain ASCII where nothing else can be shown."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", newline="\n") as file:
        code = demo_run.show(Console(file=file, width=80), frameworks=[WSGI])
        file.flush()
        text = raw.getvalue().decode("ascii")
    assert code == 0
    assert "n 401" in text
    assert "y 200" in text


def test_what_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Flask the demo says how to get it, in one line."""
    for name in [name for name in sys.modules if name.startswith(("cartaguard.cli.demo_", "cartaguard.devserver.demo"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("cartaguard.cli.demo_run", raising=False)
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(SystemExit) as stopped:
        main(["demo"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == 'cartaguard: `flask` is missing; install what the demo needs: pip install "cartaguard[demo]"\n'


def test_an_interrupted_demo_ends_without_a_trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C before the table ends with the shell's usual code."""

    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_run, "show", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main(["demo"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == ""
