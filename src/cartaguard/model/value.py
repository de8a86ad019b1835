"""Values: small immutable objects that are equal by what is in them, and cost an application's start next to nothing.

``dataclasses`` and ``NamedTuple`` write the methods of each class as text and compile it at every start of a process,
which for the two dozen classes that every guard needs takes longer than importing all the rest of it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, ClassVar, TypeVar

__all__ = ["Value", "fill", "replace"]

V = TypeVar("V", bound="Value")

#: How an ``__init__`` sets what nobody else may set: ``fill(self, "name", name)``.
fill = object.__setattr__


class Value:
    """The base of such a class.

    It names its fields once, ``__slots__ = __match_args__ = ("name", …)``, in the order of the parameters of its
    ``__init__``, which sets each of them with :data:`fill`. It is not subclassed further.
    """

    __slots__: tuple[str, ...] = ()

    #: Fields that the repr leaves out, since they may hold a secret.
    _unshown: ClassVar[frozenset[str]] = frozenset()

    _content: ClassVar[attrgetter[Any]]

    def __init_subclass__(cls) -> None:
        cls._content = attrgetter(*cls.__slots__)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        content = self._content
        same: bool = content(self) == content(other)
        return same

    def __hash__(self) -> int:
        return hash(self._content(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a value of `{type(self).__name__}` cannot be changed: `{name}`")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a value of `{type(self).__name__}` cannot be changed: `{name}`")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), tuple(getattr(self, name) for name in self.__slots__))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__slots__ if name not in self._unshown)
        return f"{type(self).__qualname__}({', '.join(shown)})"


def replace(value: V, **changes: object) -> V:
    """The same value with other fields.

    :raises TypeError: it has no field of such a name.
    """
    fields: dict[str, object] = {name: getattr(value, name) for name in value.__slots__}
    return type(value)(**{**fields, **changes})
