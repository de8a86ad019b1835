"""A deadline for work that blocks, whatever it blocks on.

A socket's timeout bounds each read, so that a server that drips its answer byte by byte is waited for without
end; a look-up of a name has no timeout at all. So the work runs in a thread of its own, for which the caller
waits only so long. What is left behind ends when its server does, and is bounded in number.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

__all__ = ["LEFT_BEHIND", "within"]

T = TypeVar("T")

#: How many pieces of work for one server may be left behind before no other is begun.
LEFT_BEHIND = 4

#: Threads that nobody waits for any more, by server. In a child process they count as ended.
_left: dict[str, tuple[Thread, ...]] = {}


def within(seconds: float, work: Callable[[], T], server: str) -> T:
    """What the work returns or raises, if it does so in time.

    :param server: what the work waits for, such as ``https://carta.example``.
    :raises TimeoutError: when it does not end in time, or too much that was left behind still waits for this server.
    :raises OSError: when the system has no thread for it.
    """
    waiting = tuple(thread for thread in _left.pop(server, ()) if thread.is_alive())
    if waiting:
        _left[server] = waiting
    if len(waiting) >= LEFT_BEHIND:
        raise TimeoutError("too many earlier exchanges are still waiting for this server")
    outcome: Future[T] = Future()
    # In the caller's context, so that what traces HTTP calls finds its span.
    thread = Thread(target=copy_context().run, args=(_run, work, outcome), name="cartaguard-exchange", daemon=True)
    try:
        thread.start()
    except RuntimeError as fault:
        raise OSError("no thread can be started") from fault
    try:
        return outcome.result(seconds)
    finally:
        if not outcome.done():
            _left[server] = (*_left.get(server, ()), thread)


def _run(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        result = work()
    except BaseException as fault:  # noqa: BLE001 (raised again where it is waited for)
        outcome.set_exception(fault)
    else:
        outcome.set_result(result)
