"""The driver for threads."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from cartaguard.drivers.effects import Call, Effect, Shared, Steps, Together
from cartaguard.errors import Unavailable, WouldBlock
from cartaguard.http.exchange import HttpRequest

__all__ = ["run"]

T = TypeVar("T")

#: Seconds that a follower waits for a flight that another thread leads: longer than any fetch may take.
PATIENCE = 30.0


def run(steps: Steps[T], *, twin: str = "") -> T:
    """Run steps to their end and return what they return.

    :param twin: the name of the async twin, for the message of
        :class:`~cartaguard.errors.WouldBlock`, raised where an event loop runs in this thread.
    """
    return _run(steps, twin or "the async twin")


def _run(steps: Steps[T], twin: str | None = None) -> T:
    try:
        effect = next(steps)
        if twin is not None:
            # Only now is it known that there is something to wait for.
            _refuse_in_loop(twin)
        while True:
            try:
                result = _perform(effect)
            except Exception as fault:  # noqa: BLE001 (thrown into the steps, which alone know what it means)
                effect = steps.throw(fault)
            else:
                effect = steps.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def _refuse_in_loop(twin: str) -> None:
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        raise WouldBlock(f"something has to be fetched or sent and an event loop runs here; await `{twin}` instead")


def _perform(effect: Effect) -> Any:
    match effect:
        case HttpRequest():
            from cartaguard.drivers.transport import send

            return send(effect)
        case Call():
            return effect.blocking()
        case Together():
            return [_run(steps) for steps in effect.steps]
        case Shared():
            return _share(effect)
    raise TypeError(f"no effect: `{type(effect).__name__}`")


def _share(effect: Shared) -> Any:
    flight, lead = effect.flights.join(effect.key, effect.within)
    if not lead:
        try:
            return flight.result(PATIENCE)
        except TimeoutError:
            fault = Unavailable("waited too long for another thread's fetch", code="timeout")
            # Whoever led is gone (its loop was closed, say): the next one leads anew.
            effect.flights.land(effect.key, flight, fault=fault)
            raise fault from None
    try:
        result = _run(effect.steps())
    except BaseException as fault:
        # An interrupted leader (KeyboardInterrupt, gevent's timeout) must not leave the others waiting.
        shared = fault if isinstance(fault, Exception) else Unavailable("the fetch was interrupted", code="interrupted")
        effect.flights.land(effect.key, flight, fault=shared)
        raise
    effect.flights.land(effect.key, flight, result=result)
    return result
