"""What is asked of the person at the terminal, and what a script gives on standard input."""

from __future__ import annotations

import sys

from cartaguard.cli.errors import Stopped
from cartaguard.errors import ParameterError

__all__ = ["confirm", "from_stdin", "is_interactive", "secret", "text"]


def is_interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def text(what: str, instead: str) -> str:
    """Ask for one line.

    :param instead: what a script does in place of answering, for the message.
    :raises ParameterError: when there is nobody to ask, or nothing was answered.
    """
    _need_somebody(what, instead)
    print(f"{what}: ", end="", file=sys.stderr, flush=True)
    return _given(input().strip(), what)


def secret(what: str, instead: str) -> str:
    """Ask for a secret, which is not shown as it is typed."""
    from getpass import getpass

    _need_somebody(what, instead)
    return _given(getpass(f"{what}: ", stream=sys.stderr), what)


def from_stdin(what: str) -> str:
    """A secret on standard input: all of it but a line break at its end."""
    try:
        given = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise ParameterError(f"the {what.lower()} on standard input is no UTF-8") from None
    return _given(given.removesuffix("\n").removesuffix("\r"), what)


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if somebody says yes, or has said so beforehand.

    :raises Stopped: for any other answer.
    :raises ParameterError: when there is nobody to ask.
    """
    if yes:
        return
    if not is_interactive():
        raise ParameterError(f"{question} there is nobody to ask; add `--yes` if you mean it")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if input().strip().lower() not in ("y", "yes"):
        raise Stopped("nothing was changed")


def _need_somebody(what: str, instead: str) -> None:
    if not is_interactive():
        raise ParameterError(f"the {what.lower()} is missing and there is nobody to ask; {instead}")


def _given(answer: str, what: str) -> str:
    if not answer:
        raise ParameterError(f"the {what.lower()} is empty")
    return answer
