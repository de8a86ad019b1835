"""Marks: how a route of a Starlette-like application says its requirement, and how it fails closed alone."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from cartaguard.errors import ConfigurationError
from cartaguard.guard.gate import Pass
from cartaguard.model.requirement import Requirement

__all__ = ["MARK", "confirmed", "marks_of", "requires"]

MARK = "__cartaguard__"

T = TypeVar("T", bound=Callable[..., Any])


def requires(requirement: Requirement) -> Callable[[T], T]:
    """Say who may use an endpoint (function, endpoint class, or a whole ASGI application that is mounted).

    The requirement is decided by :class:`cartaguard.starlette.GuardMiddleware`. Without it the endpoint
    answers nobody: a forgotten middleware is an error, not an open door.
    """
    if not isinstance(requirement, Requirement):
        raise ConfigurationError(f"`{requirement!r}` is not a requirement", code="not_a_requirement")

    def decorate(endpoint: T) -> T:
        inner: Any = endpoint
        while isinstance(inner, functools.partial):
            inner = inner.func
        if (inspect.isfunction(inner) or inspect.ismethod(inner)) and "scope" not in inspect.signature(inner).parameters:
            guarded: Any = _around_function(endpoint, inner, requirement)
        else:
            guarded = _Guarded(endpoint, requirement)
        setattr(guarded, MARK, (*marks_of(endpoint), requirement))
        return cast("T", guarded)

    return decorate


def marks_of(endpoint: object) -> tuple[Requirement, ...]:
    """The requirements that were put on an endpoint, innermost first."""
    while isinstance(endpoint, functools.partial) and not hasattr(endpoint, MARK):
        endpoint = endpoint.func
    marks: tuple[Requirement, ...] = getattr(endpoint, MARK, ())
    return marks


def confirmed(scope: Mapping[str, Any], requirement: Requirement) -> bool:
    """Whether the dispatch check has decided this very requirement for the request with this scope."""
    held = scope.get("cartaguard")
    return isinstance(held, Pass) and requirement in held.decided


def _undecided() -> ConfigurationError:
    return ConfigurationError(
        "this route has a requirement that nothing has decided; add `Middleware(GuardMiddleware, guard=guard)` "
        "from cartaguard.starlette to the application",
        code="no_guard",
    )


def _around_function(endpoint: Any, inner: Any, requirement: Requirement) -> Any:
    def guarded(request: Any = None) -> Any:
        # To go through any arguments, and to call `confirmed`, costs as much as all of the rest.
        try:
            held = request.scope["cartaguard"]
        except (AttributeError, KeyError, TypeError):
            held = None
        if type(held) is Pass and requirement in held.decided:
            return endpoint(request)
        raise _undecided()

    def guarded_anyhow(*arguments: Any, **named: Any) -> Any:
        # The connection is among the arguments: a method has itself before it, a partial what it was given.
        for argument in arguments:
            scope = getattr(argument, "scope", None)
            if isinstance(scope, Mapping):
                if confirmed(scope, requirement):
                    return endpoint(*arguments, **named)
                break
        raise _undecided()

    around = functools.wraps(endpoint)(guarded if _of_a_request_alone(endpoint) else guarded_anyhow)
    return _as_coroutine_function(around) if inspect.iscoroutinefunction(inner) else around


def _of_a_request_alone(endpoint: Any) -> bool:
    """Whether it is a function of `request` and nothing else, as nearly every endpoint; what it wraps does not count."""
    if not inspect.isfunction(endpoint):
        return False
    code = endpoint.__code__
    more = code.co_kwonlyargcount or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    return not more and code.co_varnames[: code.co_argcount] == ("request",)


def _as_coroutine_function(function: Any) -> Any:
    """Let frameworks await what this function returns, which a coroutine of its own would only hand on."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    # What that does, in the word of asyncio, by which frameworks tell before 3.12.
    function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return function


class _Guarded:
    """An ASGI application or endpoint class with a requirement."""

    def __init__(self, app: Any, requirement: Requirement) -> None:
        self.app = app
        self.requirement = requirement
        self.__name__ = getattr(app, "__name__", type(app).__name__)

    @property
    def routes(self) -> Any:
        """The routes of a mounted application that has some, for the inventory and for ``url_path_for``."""
        return getattr(self.app, "routes", [])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan" and not confirmed(scope, self.requirement):
            raise _undecided()
        await self.app(scope, receive, send)
