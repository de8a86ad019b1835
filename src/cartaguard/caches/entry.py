"""A remembered fact."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

__all__ = ["Entry", "Key"]

#: What a fact is about: issuer and subject come first.
Key: TypeAlias = tuple[Any, ...]


class Entry(NamedTuple):
    """A fact, when it was asked for, and when it ends with the token. Seconds since the epoch."""

    fact: Any
    since: float
    until: float
