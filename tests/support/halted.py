"""A process that stands still: it holds its connections and answers nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

__all__ = ["halt"]


def halt(process: subprocess.Popen[Any]) -> None:
    """Stop a child process, and return when it has stopped.

    A signal is delivered some time after it was sent, and until then the process goes on answering.
    """
    process.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), f"process {process.pid} ended instead of stopping"
