"""A list of routes that says when it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Watched", "watch"]


Note = Callable[[], None]


class Watched(list[Any]):
    """A list that calls everybody who watches it after every change."""

    notes: list[Note]


def watch(owner: Any, name: str, note: Note) -> None:
    """Be told of the changes of a list; several applications may watch the same one."""
    routes = getattr(owner, name)
    if type(routes) is not Watched:
        routes = Watched(routes)
        routes.notes = []
        setattr(owner, name, routes)
    if note not in routes.notes:
        routes.notes.append(note)


def _noting(name: str) -> Any:
    plain = getattr(list, name)

    def change(self: Watched, *args: Any, **kwargs: Any) -> Any:
        try:
            return plain(self, *args, **kwargs)
        finally:
            # Not earlier: another thread could look between the note and the change, and would see none.
            for note in self.notes:
                note()

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
