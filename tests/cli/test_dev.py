"""``cartaguard dev``: serves until interrupted, says how to use it, and refuses what it cannot do in one line."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cartaguard.cli.main import main
from cartaguard.devserver.store import Store


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, err = capsys.readouterr()
    return caught.value.code, out, err


@contextmanager
def visiting(*paths: str) -> Iterator[tuple[int, list[httpx.Response]]]:
    """A free port; once somebody answers there, the answers to these paths, and then Ctrl-C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    answers: list[httpx.Response] = []

    def visit() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=12)) as client:
            try:
                answers.extend(client.get(path) for path in paths)
            finally:
                os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    yield port, answers
    visitor.join()


def test_it_serves_until_interrupted_and_says_how_to_use_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "dev.sqlite"
    with visiting("/", "/auth") as (port, answers):
        code, out, err = outcome(capsys, "dev", "--port", str(port), "--data", str(data))
    assert (code, err) == (0, "")
    assert answers[0].text in out
    auth = answers[1].json()
    for told in (
        f"http://127.0.0.1:{port}",
        auth["issuer"],
        auth["userPoolWebClientId"],
        "development only",
        "greta-develops-1",
        str(data),
    ):
        assert told in out
    assert out.endswith("Stopped.\n")
    assert "WARNING" not in out
    assert stat.S_IMODE(data.stat().st_mode) == 0o600


def test_it_listens_for_other_machines_only_when_told_to_and_then_warns(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    remote = ["dev", "--host", "0.0.0.0", "--data", str(tmp_path / "dev.sqlite")]
    code, out, err = outcome(capsys, *remote)
    assert (code, out) == (2, "")
    assert "--allow-remote" in err
    assert list(tmp_path.iterdir()) == []
    with visiting("/auth") as (port, _):
        code, out, err = outcome(capsys, *remote, "--allow-remote", "--port", str(port))
    assert (code, err) == (0, "")
    assert "WARNING: other machines can reach this server" in out


def test_what_is_stored_stays_unless_it_is_reset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "dev.sqlite"
    pages = []
    for options in ([], [], ["--reset"]):
        with visiting("/cognito/us-east-2_CartaDev0/.well-known/jwks.json") as (port, answers):
            outcome(capsys, "dev", "--port", str(port), "--data", str(data), *options)
        pages.append(answers[0].json())
    assert pages[0] == pages[1] != pages[2]


def test_without_a_file_it_uses_one_in_the_state_folder_that_nobody_else_reads(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, _, err = outcome(capsys, "dev", "rotate")
    assert (code, str(tmp_path / "cartaguard" / "dev.sqlite") in err) == (2, True)
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with visiting("/auth") as (port, _):
        code, out, _ = outcome(capsys, "dev", "--port", str(port))
    data = tmp_path / "home" / ".local" / "state" / "cartaguard" / "dev.sqlite"
    assert (code, str(data) in out) == (0, True)
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("before", [True, False])
def test_rotate_makes_new_keys(capsys: pytest.CaptureFixture[str], tmp_path: Path, before: bool) -> None:
    data = tmp_path / "dev.sqlite"
    store = Store(data)
    with store.begin() as tables:
        old = tables.keys.signing("id", until=100)
    code, out, err = outcome(capsys, "dev", *(["--data", str(data), "rotate"] if before else ["rotate", "--data", str(data)]))
    assert (code, err) == (0, "")
    assert str(data) in out
    with store.begin() as tables:
        assert tables.keys.signing("id", until=0).kid != old.kid
        assert old.kid in {key.kid for key in tables.keys.published(now=99)}
    store.close()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "command"),
        (["nothing"], "`nothing`|'nothing'"),
        (["dev", "--port", "http"], "--port"),
        (["dev", "--port", "70000"], "--port"),
        (["dev", "--port", "-1"], "--port"),
        (["dev", "--prot", "1"], "--prot"),
        (["dev", "--host"], "--host"),
        (["dev", "--host", "localhost.evil.example"], "localhost.evil.example"),
        (["dev", "--host", "192.0.2.1", "--allow-remote"], "192.0.2.1"),
        (["dev", "--data", "/dev/null/x", "--port", "0"], "/dev/null/x"),
        (["dev", "rotate", "--data", "/dev/null/x"], "/dev/null/x"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    code, out, err = outcome(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("cartaguard: ")
    assert err.count("\n") == 1
    assert any(word in err for word in told.split("|")) or told.lower() in err.lower()


def test_a_port_that_is_taken_is_one_clear_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = outcome(capsys, "dev", "--port", str(port), "--data", str(tmp_path / "dev.sqlite"))
    assert (code, out) == (2, "")
    assert f"`127.0.0.1:{port}` cannot be listened on" in err
    assert err.count("\n") == 1


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "dev", "--help")
    assert code == 0
    assert "--allow-remote" in out


def test_without_typer_it_says_what_to_install(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    code, _, _ = outcome(capsys, "dev")
    assert "pip install cartaguard[cli,server]" in str(code)
