"""What a child process must not share with its parent is made anew in it, before anything else of the child runs.

A fork copies a lock as it is just then: one that another thread holds is never opened in the child, where that
thread does not exist.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

__all__ = ["Owner", "in_every_child", "renew_in_children"]


class Owner(Protocol):
    """Who has locks, or anything else that belongs to one process."""

    def renew(self) -> None:
        """Make them anew. No other thread runs yet."""


_owners: WeakSet[Owner] = WeakSet()


def renew_in_children(owner: Owner) -> None:
    """Have an owner, for as long as there is one, renew what it has in every process that is forked from this one."""
    _owners.add(owner)


def in_every_child(renew: Callable[[], None]) -> Callable[[], None]:
    """Have a function of a module called in every process that is forked from this one."""
    if sys.platform != "win32":  # which has no fork
        import os

        os.register_at_fork(after_in_child=renew)
    return renew


@in_every_child
def _renew_all() -> None:
    for owner in tuple(_owners):
        owner.renew()
