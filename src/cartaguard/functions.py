"""The door of plain functions: ``@authorize(groups=["Org:Name"])`` judges the caller of the current request.

Importing this module tells the other doors to bind the caller of each request from then on. Elsewhere (a
script, a worker, a test) ``with guard.acting_as(principal):`` says who is calling.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from cartaguard.errors import NotAuthorized, RequirementError, WouldBlock
from cartaguard.guard import current
from cartaguard.guard.guard import Guard
from cartaguard.model import requirement as words
from cartaguard.model.decision import Decision
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import HasPermission, Requirement, Unrestricted

__all__ = ["authorize", "current_principal"]

P = ParamSpec("P")
R = TypeVar("R")
Caller = tuple[Guard, Principal]
_Kind = inspect.Parameter

current.use()


def current_principal() -> Principal:
    """The caller of the current request; ``Principal.anonymous`` where the route is open to everybody.

    :raises cartaguard.errors.NoPrincipal: outside a guarded request and a ``guard.acting_as(…)`` block.
    """
    return current.caller()[1]


@overload
def authorize(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def authorize(
    users: Collection[str] | None = None, groups: Collection[str] | None = None, requirement: Requirement | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def authorize(users: Any = None, groups: Any = None, requirement: Requirement | None = None) -> Any:
    """Let only those callers use a function who are one of the users or in one of the groups.

    :param users: user names; :param groups: group names (``Org:Name``). Who fulfils either may.
    :param requirement: is demanded in addition. Its templates are filled from the function's arguments, defaults
        included, by name; neither ``self``, ``cls``, ``*args`` nor ``**kwargs`` fill any.

    Without any argument (``@authorize`` or ``@authorize()``) every authenticated caller may.

    It goes on functions, methods, class and static methods. An ordinary function and a generator are decided when
    they are called, before anything of them runs; an ``async def`` function when it is awaited; an asynchronous
    generator at its first step, on whoever was the caller when it was called.

    :raises cartaguard.errors.RequirementError: while decorating: an empty list, one text in place of a list, or a
        template that names no argument of the function.

    A call raises :class:`~cartaguard.errors.NotAuthorized` (also known as ``AuthenticationError``), whose
    ``decision`` is a denial or, when facts cannot be had, indeterminate; :class:`~cartaguard.errors.NoPrincipal`
    when nobody is calling; and :class:`~cartaguard.errors.WouldBlock` when a function that is not asynchronous
    lacks facts inside a running event loop.
    """
    if callable(users) or isinstance(users, (staticmethod, classmethod)):
        return _decorated(users, words.authenticated)
    demanded = _demanded(users, groups, requirement)
    return lambda function: _decorated(function, demanded)


def _demanded(users: object, groups: object, requirement: object) -> Requirement:
    alternatives = []
    if users is not None:
        alternatives.append(words.users(*_names("users", users)))
    if groups is not None:
        alternatives.append(words.groups(*_names("groups", groups)))
    demands = [words.any_of(*alternatives) if len(alternatives) > 1 else alternatives[0]] if alternatives else []
    if requirement is not None:
        if not isinstance(requirement, Requirement):
            raise RequirementError(
                f"`requirement` is `{type(requirement).__name__}`; give what `permission(…)` or its like builds", code="not_a_requirement"
            )
        demands.append(requirement)
    if not demands:
        return words.authenticated
    return demands[0] if len(demands) == 1 else words.all_of(*demands)


def _names(what: str, names: object) -> Collection[str]:
    if isinstance(names, str):
        raise RequirementError(f'`{what}` is one text and not a list of names; write {what}=["{names}"]', code="bad_name")
    if not isinstance(names, (list, tuple, set, frozenset)):
        raise RequirementError(f"`{what}` is a list of names, not `{type(names).__name__}`", code="bad_name")
    return names


def _decorated(function: Any, demanded: Requirement) -> Any:
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(_decorated(function.__func__, demanded))
    if not inspect.isroutine(function):
        raise RequirementError(
            f"`authorize` goes on a function or a method, not on `{getattr(function, '__name__', type(function).__name__)}`; "
            "decorate the function that does the work",
            code="not_a_function",
        )
    params = _Params(function, demanded)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            await _insist(current.caller(), demanded, params(args, kwargs))
            return await function(*args, **kwargs)

        return coroutine

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            check = functools.partial(_insist, current.caller(), demanded, params(args, kwargs))
            return _Behind(check, function(*args, **kwargs))

        return generator

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        guard, principal = current.caller()
        try:
            decision = guard.check(principal, demanded, params(args, kwargs))
        except WouldBlock:
            raise WouldBlock(
                f"`{function.__qualname__}` lacks facts that have to be fetched, and an event loop runs here; "
                "make it `async def`, or call it in a thread (`asyncio.to_thread`)"
            ) from None
        _permitted(decision)
        return function(*args, **kwargs)

    return plain


class _Params:
    """What fills the templates: those of a function's arguments that they name."""

    __slots__ = ("_signature", "_wanted")

    def __init__(self, function: Callable[..., Any], demanded: Requirement) -> None:
        self._signature = inspect.signature(function)
        parameters = list(self._signature.parameters.values())
        own = parameters[1:] if parameters and parameters[0].name in ("self", "cls") else parameters
        names = [parameter.name for parameter in own if parameter.kind not in (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD)]
        demanded.bind(names, function.__qualname__)
        wanted = {name for leaf in demanded.leaves() if isinstance(leaf, (HasPermission, Unrestricted)) for name in leaf.on.names}
        self._wanted = [(index, parameter) for index, parameter in enumerate(parameters) if parameter.name in wanted]

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
        params: dict[str, Any] = {}
        for index, parameter in self._wanted:
            name, kind = parameter.name, parameter.kind
            if kind is not _Kind.KEYWORD_ONLY and index < len(args):
                params[name] = args[index]
            elif kind is not _Kind.POSITIONAL_ONLY and name in kwargs:
                params[name] = kwargs[name]
            elif parameter.default is not _Kind.empty:
                params[name] = parameter.default
            else:
                # Says in Python's own words which argument is missing.
                self._signature.bind(*args, **kwargs)
        return params


async def _insist(caller: Caller, demanded: Requirement, params: Mapping[str, Any]) -> None:
    guard, principal = caller
    _permitted(await guard.acheck(principal, demanded, params))


def _permitted(decision: Decision) -> None:
    if not decision.permitted:
        raise NotAuthorized(decision=decision)


class _Behind(AsyncGenerator[Any, Any]):
    """An asynchronous generator whose first step comes after a check."""

    def __init__(self, check: Callable[[], Awaitable[None]], steps: AsyncGenerator[Any, Any]) -> None:
        self._check: Callable[[], Awaitable[None]] | None = check
        self._steps = steps

    async def asend(self, value: Any) -> Any:
        if self._check is not None:
            await self._check()
            self._check = None
        return await self._steps.asend(value)

    async def athrow(self, *fault: Any) -> Any:
        # Before the first step this raises the fault, and nothing of the generator runs.
        return await self._steps.athrow(*fault)

    async def aclose(self) -> None:
        await self._steps.aclose()
