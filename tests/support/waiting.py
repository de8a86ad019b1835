"""Waiting for what has no event of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["eventually", "until"]


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until it is so."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


def eventually(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait in a thread until it is so; fails after a time that is far beyond what it takes."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never was so"
        time.sleep(0.005)
