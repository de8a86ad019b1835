"""A list of routes that says when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Watched"]


class Watched(list[Any]):
    """A list that calls ``note`` after every change of it."""

    def __init__(self, items: Iterable[Any], note: Callable[[], None]) -> None:
        super().__init__(items)
        self.note = note


def _noting(name: str) -> Any:
    plain = getattr(list, name)

    def change(self: Watched, *args: Any, **kwargs: Any) -> Any:
        try:
            return plain(self, *args, **kwargs)
        finally:
            # Not earlier: another thread could look between the note and the change, and would see none.
            self.note()

    return change


for _name in (
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "sort",
    "reverse",
    "__setitem__",
    "__delitem__",
    "__iadd__",
    "__imul__",
):
    setattr(Watched, _name, _noting(_name))
