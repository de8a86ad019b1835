"""Carta's client in both colours, so that a test says once what holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from cartaguard.carta import AsyncCartaClient, CartaClient
from cartaguard.carta.endpoint import Pause
from cartaguard.carta.perform import Login
from cartaguard.drivers.effects import Steps

__all__ = ["ASKERS", "Ask", "pauses_in"]

#: ``ask(host, login, lambda carta: carta.users.current())``: the result, whatever the colour.
Ask: TypeAlias = Callable[..., Any]


def _blocking(host: str, login: Login | None, call: Callable[[Any], Any], **options: Any) -> Any:
    with CartaClient(host, login, **options) as carta:
        return call(carta)


def _asyncio(host: str, login: Login | None, call: Callable[[Any], Any], **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncCartaClient(host, login, **options) as carta:
            return await call(carta)

    return asyncio.run(main())


#: For ``@pytest.fixture(params=…)``.
ASKERS: dict[str, Ask] = {"blocking": _blocking, "asyncio": _asyncio}


def pauses_in(seconds: list[float]) -> Pause:
    """A pause that takes no time and writes down how long it would have been."""

    def pause(length: float) -> Steps[None]:
        seconds.append(length)
        yield from ()

    return pause
