"""The caller of the current request, for plain functions.

A context variable costs every request, so the doors bind it only once :mod:`cartaguard.functions` is in use.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from cartaguard.errors import NoPrincipal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cartaguard.guard.guard import Guard
    from cartaguard.model.principal import Principal

__all__ = ["acting", "bind", "caller", "look_in", "use", "used"]

_caller: ContextVar[tuple[Guard, Principal] | None] = ContextVar("cartaguard_caller", default=None)

#: Whether a door has to bind the caller of each request.
used = False
_elsewhere: list[Callable[[], tuple[Guard, Principal] | None]] = []


def use() -> None:
    """From now on the doors bind the caller of each request."""
    global used
    used = True


def look_in(find: Callable[[], tuple[Guard, Principal] | None]) -> None:
    """Where nobody is bound, ask this for the caller: for a framework that brings a request back after its call."""
    _elsewhere.append(find)


def bind(guard: Guard, principal: Principal) -> Any:
    """Bind a caller to this context; the token is for :func:`unbind`."""
    return _caller.set((guard, principal))


def unbind(token: Any) -> None:
    """End a binding, so that a reused thread or task does not keep somebody else's caller."""
    _caller.reset(token)


@contextmanager
def acting(guard: Guard, principal: Principal) -> Iterator[Principal]:
    """Act as a principal within a ``with`` block."""
    token = bind(guard, principal)
    try:
        yield principal
    finally:
        unbind(token)


def caller() -> tuple[Guard, Principal]:
    """The guard and the principal of the current request.

    Raises :class:`~cartaguard.errors.NoPrincipal` outside a guarded request and a ``guard.acting_as(…)`` block.
    """
    held = _caller.get() or next(filter(None, (find() for find in _elsewhere)), None)
    if held is None:
        raise NoPrincipal("nobody is calling: this runs outside a guarded request; use `with guard.acting_as(principal):`")
    return held
