"""Numbers by which things are known for as long as a process runs: no two ever have the same one.

The identity of an object is given again once it is gone; such a number is not.
"""

from __future__ import annotations

import threading

__all__ = ["new_number"]

_lock = threading.Lock()
_last = 0


def new_number() -> int:
    """A number from 1 on that nothing else has."""
    global _last
    # Adding is two steps, which other threads could share without the lock.
    with _lock:
        _last += 1
        return _last
