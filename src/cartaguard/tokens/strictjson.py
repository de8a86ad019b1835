"""Strict JSON: what two readers could understand in two ways is refused.

UTF-8 only (RFC 8259 section 8.1), no member twice (RFC 7519 section 4), no ``NaN`` or ``Infinity``, no lone
surrogate, no number that overflows, and bounds on nesting and on the length of numbers.
"""

from __future__ import annotations

from json import JSONDecoder
from math import isinf
from typing import Any

from cartaguard.errors import CartaGuardError

__all__ = ["DEEPEST", "JsonError", "read"]

#: How many arrays and objects may lie within each other.
DEEPEST = 16

#: The longest integer, in digits, and the longest other number, in characters.
LONGEST_INTEGER, LONGEST_FLOAT = 20, 40


class JsonError(CartaGuardError, ValueError):
    """These bytes are no strict JSON. Nothing of them is in the message."""

    code = "bad_json"


def read(raw: bytes) -> Any:
    """Read one JSON text.

    :raises JsonError: for anything that is not strictly one JSON text within the bounds.
    """
    try:
        text = raw.decode().strip(" \t\n\r")
        value, end = _scan(text)
        good = end == len(text)
        # What has few brackets is not deep, and what has no escape has no surrogate: nearly every token.
        if len(raw) - len(raw.translate(None, b"[{")) > DEEPEST or b"\\" in raw:
            _look_inside(value)
    except (ValueError, RecursionError):
        # Raised anew outside: the decoder's own faults carry the whole text with them, and ours need no words.
        good = False
    if not good:
        raise JsonError("this is not strict JSON")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER and len(text.lstrip("-")) > LONGEST_INTEGER:
        raise ValueError
    return int(text)


def _float(text: str) -> float:
    if len(text) > LONGEST_FLOAT or isinf(value := float(text)):
        raise ValueError
    return value


def _constant(_: str) -> None:
    """`NaN` and the like, which the decoder would take."""
    raise ValueError


_scan = JSONDecoder(object_pairs_hook=_members, parse_int=_integer, parse_float=_float, parse_constant=_constant).raw_decode


def _look_inside(value: Any) -> None:
    """Level by level: refuse what lies too deep, and text that could not have been UTF-8."""
    level, depth = [value], 0
    while level:
        deeper: list[Any] = []
        nested = False
        for item in level:
            if isinstance(item, str):
                item.encode()  # raises for a lone surrogate
            elif isinstance(item, dict):
                nested = True
                deeper += item.keys()
                deeper += item.values()
            elif isinstance(item, list):
                nested = True
                deeper += item
        depth += nested
        if depth > DEEPEST:
            raise ValueError
        level = deeper
