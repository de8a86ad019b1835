"""Carta's client in both colours: :class:`CartaClient` and :class:`AsyncCartaClient`."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from cartaguard.carta.endpoint import Endpoint, Pause, wait
from cartaguard.carta.operation import Operation
from cartaguard.carta.perform import Login, perform
from cartaguard.carta.sections import Sections

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AsyncCartaClient", "CartaClient"]

T = TypeVar("T")

#: The largest answer that a client reads, in bytes: listings come whole, and services send files.
_LARGEST = 64 * 1024 * 1024


class _Client(Sections):
    asynchronous: ClassVar[bool]

    def __init__(self, host: str, login: Login | None = None, *, timeout: float = 10.0, http: Any = None, pause: Pause = wait) -> None:
        self._carta = Endpoint(host, timeout, http, pause, _LARGEST)
        self._login = login
        self._own: Any = None

    @classmethod
    def from_environment(cls, *, timeout: float = 10.0, http: Any = None, **given: Any) -> Self:
        """A client for whoever the arguments or this process's environment name.

        :param given: as for :func:`cartaguard.carta.environment.find_login`.
        :raises cartaguard.errors.LoginError: when nobody is named, or only half.
        """
        from cartaguard.carta.environment import find_login

        found = find_login(**given)
        return cls(found.host, found.login, timeout=timeout, http=http)

    @classmethod
    def from_profile(cls, name: str, *, host: str | None = None, timeout: float = 10.0, http: Any = None) -> Self:
        """A client for a profile of the file that Carta's users have; of the environment only ``CARTA_HOST`` counts.

        :raises cartaguard.errors.LoginError: (code ``no_profile``) when there is none of that name.
        """
        return cls.from_environment(profile=name, host=host or os.environ.get("CARTA_HOST"), variables={}, timeout=timeout, http=http)

    @property
    def host(self) -> str:
        """Carta's address."""
        return self._carta.host

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.host}>"

    def _keep(self, client: Any) -> None:
        """From now on use this HTTP client, which is ours to close."""
        self._own = client
        self._carta = replace(self._carta, client=client)

    def _let_go(self) -> Any:
        own, self._own = self._own, None
        if own is not None:
            self._carta = replace(self._carta, client=None)
        return own


class CartaClient(_Client):
    """Carta's REST API, blocking: ``CartaClient(host, TokenLogin(token)).users.current()``.

    :param host: Carta's address: https, or http on this machine.
    :param login: who asks; see :mod:`cartaguard.carta.login`. Without it only what everybody may know is answered.
    :param timeout: seconds for each request as a whole.
    :param http: an HTTP client of your own.
    :param pause: how time passes between retries, as steps.

    Every call raises a subclass of :class:`~cartaguard.errors.CartaError`, with Carta's own words in ``text``. It may
    be used by several threads at once. In a ``with`` block it has connections of its own, which end with the block.
    """

    asynchronous = False

    def call(self, operation: Operation[T]) -> T:
        """Perform any operation."""
        from cartaguard.drivers import blocking

        return blocking.run(perform(self._carta, self._login, operation), twin="AsyncCartaClient")

    def close(self) -> None:
        """End the connections that are its own."""
        own = self._let_go()
        if own is not None:
            own.close()

    def __enter__(self) -> Self:
        if self._carta.client is None:
            from cartaguard.drivers.transport import new_client

            self._keep(new_client())
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncCartaClient(_Client):
    """Carta's REST API under asyncio; the same as :class:`CartaClient`, awaited."""

    asynchronous = True

    def call(self, operation: Operation[T]) -> Awaitable[T]:
        """Perform any operation."""
        from cartaguard.drivers import aio

        return aio.run(perform(self._carta, self._login, operation))

    async def close(self) -> None:
        """End the connections that are its own."""
        own = self._let_go()
        if own is not None:
            await own.aclose()

    async def __aenter__(self) -> Self:
        if self._carta.client is None:
            from cartaguard.drivers.transport import new_async_client

            self._keep(new_async_client())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
