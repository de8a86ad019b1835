"""The driver for asyncio."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, TypeVar

from cartaguard.drivers.effects import Call, Effect, Shared, Steps, Together
from cartaguard.errors import Unavailable
from cartaguard.http.exchange import HttpRequest

__all__ = ["run"]

T = TypeVar("T")

#: How many steps of one :class:`Together` run at the same time.
WIDTH = 16

#: Seconds that a follower waits for a flight that another leads: longer than any fetch may take.
PATIENCE = 30.0

_flying: set[asyncio.Task[None]] = set()


async def run(steps: Steps[T]) -> T:
    """Run steps to their end and return what they return."""
    try:
        effect = next(steps)
        while True:
            try:
                result = await _perform(effect)
            except Exception as fault:  # noqa: BLE001 (thrown into the steps, which alone know what it means)
                effect = steps.throw(fault)
            else:
                effect = steps.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        steps.close()


async def _perform(effect: Effect) -> Any:
    match effect:
        case HttpRequest():
            from cartaguard.drivers.transport import asend

            return await asend(effect)
        case Call():
            return await (asyncio.to_thread(effect.blocking) if effect.aio is None else effect.aio())
        case Together():
            return await _together(effect)
        case Shared():
            return await _share(effect)
    raise TypeError(f"no effect: `{type(effect).__name__}`")


async def _together(effect: Together) -> list[Any]:
    places = asyncio.Semaphore(WIDTH)

    async def one(steps: Steps[Any]) -> Any:
        async with places:
            return await run(steps)

    tasks = [asyncio.ensure_future(one(steps)) for steps in effect.steps]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _share(effect: Shared) -> Any:
    flight, lead = effect.flights.join(effect.key, effect.within)
    if lead:
        # A task of its own: whoever leads may be cancelled (a client hangs up) and the flight still lands.
        task = asyncio.create_task(_fly(effect, flight))
        _flying.add(task)
        task.add_done_callback(_flying.discard)
        # A task that is cancelled before its first step runs nothing of `_fly`.
        task.add_done_callback(lambda _: effect.flights.land(effect.key, flight, fault=_interrupted()))
    waiter: asyncio.Future[Any] = asyncio.wrap_future(flight)
    try:
        return await asyncio.wait_for(asyncio.shield(waiter), PATIENCE)
    except TimeoutError:
        fault = Unavailable("waited too long for another task's fetch", code="timeout")
        # Whoever led is gone (its loop was closed, say): the next one leads anew.
        effect.flights.land(effect.key, flight, fault=fault)
        raise fault from None


async def _fly(effect: Shared, flight: Future[Any]) -> None:
    try:
        result = await run(effect.steps())
    except BaseException as fault:
        # The loop is shutting down, or the steps failed: nobody may be left waiting for ever.
        shared = fault if isinstance(fault, Exception) else _interrupted()
        effect.flights.land(effect.key, flight, fault=shared)
        if not isinstance(fault, Exception):
            raise
    else:
        effect.flights.land(effect.key, flight, result=result)


def _interrupted() -> Unavailable:
    return Unavailable("the fetch was interrupted", code="interrupted")
