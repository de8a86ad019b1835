"""What every message of an exception has in common."""

from __future__ import annotations

import re

from cartaguard.errors import CartaGuardError

__all__ = ["worded"]


def worded(fault: CartaGuardError) -> str:
    """The message of a fault, which begins in lower case or with what it is about, and says more than the code does."""
    said = str(fault)
    assert re.match("[a-z`]", said), f"`{said}` does not begin in lower case"
    assert said != fault.code.replace("_", " "), f"`{said}` is only the code"
    return said
