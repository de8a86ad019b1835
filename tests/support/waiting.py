"""Waiting under asyncio for what has no event of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["until"]


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until it is so."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)
