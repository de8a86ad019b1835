"""Both drivers, so that a test says once what holds for threads and for tasks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from cartaguard.drivers import aio, blocking
from cartaguard.drivers.effects import Steps

__all__ = ["COLOURS", "Run", "close_client"]

Run: TypeAlias = Callable[[Steps[Any]], Any]


def _in_a_task(steps: Steps[Any]) -> Any:
    async def main() -> Any:
        try:
            return await aio.run(steps)
        finally:
            await close_client()

    return asyncio.run(main())


async def close_client() -> None:
    """Close this loop's own HTTP client and connections to Redis, since a test's loop ends with the test."""
    from cartaguard.drivers import transport

    held = transport._per_loop.get(asyncio.get_running_loop())
    if held is not None:
        await held[1].aclose()
    redis = sys.modules.get("cartaguard.caches.redis")
    if redis is not None:
        await redis.aclose()


#: For ``@pytest.mark.parametrize("run", …)``; the ids are ``blocking`` and ``asyncio``.
COLOURS: dict[str, Run] = {"blocking": blocking.run, "asyncio": _in_a_task}
