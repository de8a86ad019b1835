"""Options that are a key and a value, and may be repeated."""

from __future__ import annotations

from collections.abc import Sequence

from cartaguard.errors import ParameterError

__all__ = ["pairs"]


def pairs(given: Sequence[str] | None, divider: str) -> dict[str, str]:
    """Read ``KEY=VALUE``, or with another divider ``KEY: VALUE``.

    :raises ParameterError: for one without divider or key, and for a key that is there twice; values may be secret
        and are in no message.
    """
    found: dict[str, str] = {}
    for text in given or ():
        key, there, value = text.partition(divider)
        key = key.strip()
        if not there or not key:
            raise ParameterError(f"each of these options is `KEY{divider}VALUE`")
        if key in found:
            raise ParameterError(f"`{key}` is there twice")
        found[key] = value.strip()
    return found
