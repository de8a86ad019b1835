"""A call as a method of a client, in the client's colour: written once, typed twice."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

from cartaguard.carta.operation import Operation

if TYPE_CHECKING:
    from typing import Self

    from cartaguard.carta.client import AsyncCartaClient, CartaClient

__all__ = ["AsyncSection", "Method", "Part", "Section"]

P = ParamSpec("P")
T = TypeVar("T")


class _Blocking(Protocol):
    def call(self, operation: Operation[T]) -> T: ...


class _Async(Protocol):
    def call(self, operation: Operation[T]) -> Awaitable[T]: ...


class Section:
    """The calls about one thing, of a blocking client."""

    def __init__(self, client: _Blocking) -> None:
        self._client = client


class AsyncSection:
    """The calls about one thing, of an asynchronous client."""

    def __init__(self, client: _Async) -> None:
        self._client = client


class Method(Generic[P, T]):
    """Turns a function that makes an operation into a method that performs it.

    On a :class:`Section` the method returns the result, on an :class:`AsyncSection` an awaitable of it; name,
    parameters and documentation are the function's.
    """

    def __init__(self, make: Callable[P, Operation[T]]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, section: None, owner: type) -> Self: ...
    @overload
    def __get__(self, section: Section, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, section: AsyncSection, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, section: Any, owner: type) -> Any:
        if section is None:
            return self

        @functools.wraps(self._make)
        def performed(*args: P.args, **kwargs: P.kwargs) -> Any:
            return section._client.call(self._make(*args, **kwargs))

        return performed


S = TypeVar("S", bound=Section)
A = TypeVar("A", bound=AsyncSection)


class Part(Generic[S, A]):
    """A section of a client, in the client's colour: ``client.users`` and so on."""

    def __init__(self, blocking: type[S], aio: type[A]) -> None:
        self._blocking = blocking
        self._aio = aio
        self.__doc__ = inspect.getdoc(blocking)

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: CartaClient, owner: type) -> S: ...
    @overload
    def __get__(self, client: AsyncCartaClient, owner: type) -> A: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self
        return (self._aio if client.asynchronous else self._blocking)(client)
