"""The command line as a test uses it: in this process, or at a terminal of its own."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cartaguard.carta.profiles import Profile, Profiles
from cartaguard.cli.main import main
from cartaguard.testing import EmbeddedCarta
from support.canary import secrets_in

__all__ = ["COMMAND", "Ran", "Shell", "at_terminal", "clean_environment"]

#: The command, whatever the path is.
COMMAND = [sys.executable, "-m", "cartaguard"]

#: Whoever leads a session and opens a terminal gets it as their own, so that Ctrl-C there is a signal to them.
_AT_ITS_TERMINAL = "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execvp(sys.argv[1], sys.argv[1:])"

#: Seconds after which a terminal that says nothing more is given up.
PATIENCE = 60.0


@dataclass
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output as JSON, which has to be all of it."""
        return json.loads(self.out)


class Shell:
    """Runs commands in this process, each by a user of an embedded Carta whose profile has that user's name."""

    def __init__(self, carta: EmbeddedCarta, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.carta = carta
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self._known: set[str] = set()

    def __call__(self, *arguments: str, by: str = "", stdin: bytes = b"") -> Ran:
        """Run a command.

        :param by: the user; nobody is named when it is empty.
        """
        given = list(arguments)
        if by:
            self._profile(by)
            given += ["--profile", by]
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            self._capsys.readouterr()
            with pytest.raises(SystemExit) as stopped:
                main(given)
        out, err = self._capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        assert secrets_in(err) == [], "a secret was told"
        assert "Traceback" not in err
        return Ran(stopped.value.code, out, err)

    def json(self, *arguments: str, by: str = "", stdin: bytes = b"", note: str = "") -> Any:
        """What a command that goes well prints with ``--json``; ``note`` is all that it says besides."""
        ran = self(*arguments, "--json", by=by, stdin=stdin)
        assert (ran.code, ran.err) == (0, note)
        return ran.json

    def home_with(self, user: str) -> Path:
        """The home of a person with a profile of that user's name, for processes."""
        self._profile(user)
        return Path.home()

    def _profile(self, user: str) -> None:
        if user not in self._known:
            Profiles().save(Profile(user, environment=self.carta.url, token=self.carta.token(user)))
            self._known.add(user)


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process whose user has never heard of Carta, and has no keyring."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CARTA", "AWS_"))}
    return {
        **kept,
        "HOME": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb",
        "COLUMNS": "80",
        **more,
    }


def at_terminal(
    command: Sequence[str], dialogue: Sequence[tuple[str, str]], environment: Mapping[str, str], *, folder: Path | None = None
) -> Ran:
    """Run a command at a terminal: wait for each text, and type the answer to it. ``err`` is what the terminal showed.

    Only standard output goes elsewhere, so that it can be told apart.
    """
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-c", _AT_ITS_TERMINAL, *command],
        env=environment,
        cwd=folder,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            for expected, typed in dialogue:
                start = len(shown)
                while expected.encode() not in shown[start:]:
                    shown += _more(ours, shown)
                os.write(ours, typed.encode())
            assert process.stdout is not None
            # The end of the terminal is an error on Linux.
            with suppress(OSError):
                while more := _more(ours, shown):
                    shown += more
            out = process.stdout.read()
        finally:
            os.close(ours)
            process.kill()
    return Ran(process.wait(), out.decode(), shown.decode())


def _more(terminal: int, shown: bytes) -> bytes:
    readable, _, _ = select.select([terminal], [], [], PATIENCE)
    assert readable, f"the terminal went silent after {shown!r}"
    return os.read(terminal, 4096)
