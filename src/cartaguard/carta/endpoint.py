"""Where Carta is, and how it is called."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cartaguard.drivers.effects import Call, Steps
from cartaguard.errors import ConfigurationError
from cartaguard.http.urls import secure_url

__all__ = ["Endpoint", "Pause", "wait"]

#: Lets seconds pass, as steps.
Pause = Callable[[float], Steps[None]]


def wait(seconds: float) -> Steps[None]:
    """Let time pass, in a thread or a task."""

    async def sleep() -> None:
        import asyncio

        await asyncio.sleep(seconds)

    yield Call(lambda: time.sleep(seconds), sleep)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One Carta.

    :param host: ``https://…``, or ``http://`` on this machine; trailing slashes are dropped.
    :param timeout: seconds for one request as a whole.
    :param client: an HTTP client of the caller's own.
    :param pause: how time passes between retries.
    :param max_bytes: the largest answer that is read, in bytes.
    :raises ConfigurationError: for another host, or a timeout that is not more than zero.
    """

    host: str
    timeout: float = 10.0
    client: Any = field(default=None, repr=False)
    pause: Pause = field(default=wait, repr=False)
    max_bytes: int = 2 * 1024 * 1024

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", secure_url(self.host, "host").rstrip("/"))
        if not self.timeout > 0:
            raise ConfigurationError(f"`timeout` is more than 0 seconds, not `{self.timeout}`")
