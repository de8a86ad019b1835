"""The embedded Carta in a process of its own: it can be killed, started again, and have its keys rotated."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import httpx

from support.relay import free_port
from support.shell import COMMAND

__all__ = ["Carta"]


class Carta:
    """A Carta in a process of its own, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.host = f"http://127.0.0.1:{self.port}"
        self._data = str(folder / "dev.sqlite")
        self.start()

    def start(self) -> None:
        command = [*COMMAND, "dev", "--port", str(self.port), "--data", self._data]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Stop with Ctrl-C" in line:
                break

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def rotate(self) -> None:
        """Sign with new keys from now on, as an operator would have it done."""
        subprocess.run([*COMMAND, "dev", "rotate", "--data", self._data], check=True, stdout=subprocess.DEVNULL)

    def token(self, name: str) -> str:
        """What a user gets for a password that everybody knows."""
        said = {"username": name, "password": f"{name}-develops-1"}
        answer = httpx.post(f"{self.host}/dev/token", data=said)
        return str(answer.raise_for_status().json()["id_token"])
