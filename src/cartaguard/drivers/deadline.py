"""A deadline for work that blocks, whatever it blocks on.

A socket's timeout bounds each read, so that a server that drips its answer byte by byte is waited for without
end; a look-up of a name has no timeout at all. So the work runs in a thread of its own, for which the caller
waits only so long. What is left behind ends when its server does, and is bounded in number.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

from cartaguard.drivers.forks import in_every_child

__all__ = ["LEFT_BEHIND", "within"]

T = TypeVar("T")

#: How many pieces of work for one server may be left behind before no other is begun.
LEFT_BEHIND = 4

#: How many threads wait for more work, since beginning one costs more than waking one.
IDLE = 16

_Worker: TypeAlias = "SimpleQueue[Callable[[], None]]"

_idle: list[_Worker] = []

#: Outcomes that nobody waits for any more, by server.
_left: dict[str, tuple[Future[Any], ...]] = {}


@in_every_child
def _forget() -> None:
    """The threads stayed in the parent process."""
    _idle.clear()
    _left.clear()


def within(seconds: float, work: Callable[[], T], server: str) -> T:
    """What the work returns or raises, if it does so in time.

    :param server: what the work waits for, such as ``https://carta.example``.
    :raises TimeoutError: when it does not end in time, or too much that was left behind still waits for this server.
    :raises OSError: when the system has no thread for it.
    """
    waiting = tuple(outcome for outcome in _left.pop(server, ()) if not outcome.done())
    if waiting:
        _left[server] = waiting
    if len(waiting) >= LEFT_BEHIND:
        raise TimeoutError("too many earlier exchanges are still waiting for this server")
    outcome: Future[T] = Future()
    # In the caller's context, so that what traces HTTP calls finds its span.
    _hand_over(partial(copy_context().run, _run, work, outcome))
    try:
        return outcome.result(seconds)
    finally:
        if not outcome.done():
            _left[server] = (*_left.get(server, ()), outcome)


def _hand_over(job: Callable[[], None]) -> None:
    try:
        worker = _idle.pop()
    except IndexError:
        worker = SimpleQueue()
        try:
            Thread(target=_serve, args=(worker,), name="cartaguard-exchange", daemon=True).start()
        except RuntimeError as fault:
            raise OSError("no thread can be started") from fault
    worker.put(job)


def _serve(worker: _Worker) -> None:
    while True:
        worker.get()()
        if len(_idle) >= IDLE:
            return
        _idle.append(worker)


def _run(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        result = work()
    except BaseException as fault:  # noqa: BLE001 (raised again where it is waited for)
        outcome.set_exception(fault)
    else:
        outcome.set_result(result)
