"""What becomes of an error: one line on standard error, and an exit code that says what kind it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import PurePath
from traceback import extract_tb
from types import TracebackType
from typing import Any

from cartaguard.carta.paths import UnaskableError
from cartaguard.errors import CartaError, CartaGuardError, CartaNotFound, CartaUnauthorized, CartaUnavailable, FactsUnavailable, LoginError

__all__ = ["BAD_INPUT", "Stopped", "exit_code", "guarded", "printable", "tell", "unexpected"]

REFUSED = 1
BAD_INPUT = 2
NOT_LOGGED_IN = 3
NOT_FOUND = 4
UNAVAILABLE = 5
STOPPED = 130

#: Ways in which a login fails that are about the file or the installation, and not about who asks.
_SETUP = frozenset({"environment", "profiles", "login_extra"})


class Stopped(CartaGuardError):
    """The user said no."""

    code = "stopped"


def exit_code(fault: CartaGuardError) -> int:
    """The exit code for an error; docs/cli.md has the table."""
    if isinstance(fault, Stopped):
        return STOPPED
    if isinstance(fault, LoginError):
        return BAD_INPUT if fault.code in _SETUP else NOT_LOGGED_IN
    if isinstance(fault, CartaUnauthorized) or fault.code == "spicedb_unauthorized":
        return NOT_LOGGED_IN
    if isinstance(fault, CartaNotFound):
        return NOT_FOUND
    if isinstance(fault, (CartaUnavailable, FactsUnavailable)):
        return UNAVAILABLE
    return REFUSED if isinstance(fault, CartaError) and not isinstance(fault, UnaskableError) else BAD_INPUT


def guarded(run: Callable[[], object]) -> int:
    """Run a command; tell of what went wrong, and return the exit code."""
    import typer

    # Typer brings the class of its usage errors along with one that it shows.
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        code = run()
        sys.stdout.flush()
    except CartaGuardError as fault:
        tell(str(fault))
        return exit_code(fault)
    except usage_error as fault:
        tell(_usage(fault))
        return BAD_INPUT
    except (typer.Abort, KeyboardInterrupt):
        return STOPPED
    except BrokenPipeError:
        # As Typer does it while the command runs. Without this Python would try to write once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as fault:
        tell(f"`{fault.filename}`: {fault.strerror}" if fault.filename else str(fault.strerror))
        return REFUSED
    return code if isinstance(code, int) else 0


def tell(message: str) -> None:
    """One line on standard error."""
    print(f"cartaguard: {printable(message)}", file=sys.stderr)


def printable(text: str, *, kept: str = "") -> str:
    """A text that steers no terminal: what cannot be seen is shown as a replacement character.

    :param kept: characters that may stay all the same, such as line breaks.
    """
    return "".join(letter if letter.isprintable() or letter in kept else "\N{REPLACEMENT CHARACTER}" for letter in text)


def unexpected(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """For :data:`sys.excepthook`: a mistake of ours in one line, without a value, for it might be a secret."""
    frames = extract_tb(trace)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    tell(f"this is a mistake of cartaguard's own ({kind.__name__}{where}); please report it")


def _usage(fault: Any) -> str:
    message = fault.format_message()
    if "extra argument" in message:
        # They are not repeated: what does not belong there may be a secret.
        message = "there are more arguments than the command takes"
    command = fault.ctx.command_path if fault.ctx is not None else "cartaguard"
    return f"{message[:1].lower()}{message[1:].rstrip('.')}; see `{command} --help`"
