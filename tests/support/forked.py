"""A real child process, made by fork in the midst of a test."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable

__all__ = ["in_child"]


def in_child(work: Callable[[], str]) -> str:
    """What work returns in a process that is forked now; its fault as text where it fails, nothing where it never ends."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Newer versions of Python warn where threads are running, and that they are is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(25)
            os.write(writer, work().encode())
        except BaseException as fault:
            os.write(writer, repr(fault).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said.decode()
