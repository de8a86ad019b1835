"""`cartaguard health`: what an application's settings name, and whether it can be had."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cartaguard.testing import EmbeddedCarta
from support.shell import Shell


@pytest.fixture
def closed() -> str:
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}"


def settings(folder: Path, host: str) -> str:
    file = folder / "cartaguard.toml"
    file.write_text(f'[[issuers]]\nkind = "carta"\nhost = "{host}"\n[[directories]]\nkind = "carta"\nhost = "{host}"\n', "utf-8")
    return str(file)


def test_without_probe_it_tells_what_there_is_and_asks_nobody(shell: Shell, tmp_path: Path, closed: str) -> None:
    """What nobody has asked for yet is no fault."""
    done = shell("health", "--settings", settings(tmp_path, closed))
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()[-3:]] == [
        ["keys", closed, "not_fetched", "ok"],
        ["directory", closed, "unknown", "ok"],
        ["ok"],
    ]


def test_with_probe_each_source_is_asked(shell: Shell, carta: EmbeddedCarta, tmp_path: Path) -> None:
    """A Carta that answers is ok, and its issuer's keys are fresh."""
    done = shell("health", "--settings", settings(tmp_path, carta.url), "--probe", "--json")
    told = json.loads(done.out)
    assert (done.code, told["status"]) == (0, "ok")
    assert told["keys"]["sources"] == [{"source": carta.issuer, "state": "fresh", "level": "ok", "age": 0}]
    assert told["directory"]["sources"] == [{"source": carta.url, "state": "ok", "level": "ok"}]
    assert told["cache"] == told["bus"] == {"level": "ok", "sources": []}


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_it_exits_with_1_when_nothing_can_be_had(shell: Shell, tmp_path: Path, closed: str, options: tuple[str, ...]) -> None:
    """For the health check of a container, in words and in JSON."""
    done = shell("health", "--settings", settings(tmp_path, closed), "--probe", *options)
    assert done.code == 1
    if options:
        assert json.loads(done.out)["status"] == "down"
    else:
        assert done.out.splitlines()[-1] == "down"
        assert "left_alone" in done.out


def test_without_a_file_the_environment_is_asked(shell: Shell, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    """As `Settings.from_env` does."""
    monkeypatch.setenv("CARTAGUARD_ISSUER_KIND", "carta")
    monkeypatch.setenv("CARTAGUARD_ISSUER_HOST", closed)
    done = shell("health", "--json")
    assert (done.code, [told["state"] for told in json.loads(done.out)["keys"]["sources"]]) == (0, ["not_fetched"])


def test_settings_that_are_wrong_are_bad_input(shell: Shell, tmp_path: Path) -> None:
    """With the fault in one line, and exit code 2."""
    file = tmp_path / "cartaguard.toml"
    file.write_text("[[issuers]]\nkind = 'cart'\n", "utf-8")
    done = shell("health", "--settings", str(file))
    assert (done.code, done.out) == (2, "")
    assert "`cart`" in done.err or "kind" in done.err
