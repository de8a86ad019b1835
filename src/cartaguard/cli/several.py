"""Doing something for several, one after the other, where Carta has no call for all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cartaguard.cli.errors import Stopped, exit_code, tell
from cartaguard.cli.output import Row
from cartaguard.cli.session import Session
from cartaguard.errors import CartaError, CartaUnavailable

__all__ = ["for_each", "unique"]


def unique(items: Sequence[str]) -> list[str]:
    """The same without repetitions."""
    return list(dict.fromkeys(items))


def for_each(
    session: Session, items: Sequence[str], act: Callable[[str], object], *, about: Row, doing: str, done: Callable[[str], str]
) -> int:
    """Act on each, stop at the first that fails, and say exactly what was done and what was not. Returns the exit code.

    A failure before anything was done is raised.

    :param about: what the JSON says besides ``done``, ``unsure`` and ``not_done``.
    :param doing: what is shown while it goes on.
    :param done: a sentence about one that was done.
    """
    finished: list[str] = []
    unsure: list[str] = []
    code = 0
    with session.out.progress(doing, len(items)) as advance:
        for item in items:
            try:
                act(item)
            except CartaError as fault:
                if not finished and (len(items) == 1 or not isinstance(fault, CartaUnavailable)):
                    raise
                tell(str(fault))
                code = exit_code(fault)
                if isinstance(fault, CartaUnavailable):
                    # It may have arrived, with only the answer lost.
                    unsure.append(item)
                break
            except KeyboardInterrupt:
                code = exit_code(Stopped())
                unsure.append(item)
                break
            finished.append(item)
            advance()
    remaining = [item for item in items if item not in finished and item not in unsure]
    said = [done(item) for item in finished]
    said += [f"perhaps done: {item}" for item in unsure]
    said += [f"not done: {item}" for item in remaining]
    session.out.done({**about, "done": finished, "unsure": unsure, "not_done": remaining}, *said)
    return code
