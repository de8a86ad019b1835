"""Carta's answers, read strictly: a shape that is not Carta's is refused rather than half understood.

Each function raises :class:`~cartaguard.errors.CartaError` with the code ``carta_malformed``; no text of the
answer is in the message. Members that nobody knows are no fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NoReturn

from cartaguard.errors import CartaError

__all__ = [
    "an_array",
    "an_object",
    "boolean",
    "json_value",
    "malformed",
    "moment",
    "names",
    "number",
    "optional_text",
    "part",
    "text",
    "text_of",
]


def malformed(why: str) -> CartaError:
    """The fault of an answer that cannot be read."""
    return CartaError(f"carta's answer cannot be read: {why}", code="carta_malformed")


def text_of(body: bytes) -> str:
    """The body as text."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise malformed("the answer is no UTF-8") from None


def json_value(body: bytes) -> object:
    """The body as JSON, without repeated members, NaN and Infinity."""
    try:
        return json.loads(text_of(body), object_pairs_hook=_members, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise malformed("the answer is no JSON") from None


def an_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed("an object was expected")
    return value


def an_array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise malformed("a list was expected")
    return value


# -- members of an object; one that is null is one that is absent ---------------------------------------


def text(fields: dict[str, Any], key: str) -> str:
    """A text that has to be there and is not empty."""
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise malformed(f"{key} is no text")
    return value


def optional_text(fields: dict[str, Any], key: str) -> str:
    """A text, or empty."""
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise malformed(f"{key} is no text")
    return value or ""


def names(fields: dict[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts that are not empty."""
    value = fields.get(key)
    values = [] if value is None else an_array(value)
    if not all(isinstance(value, str) and value for value in values):
        raise malformed(f"{key} is no list of names")
    return tuple(values)


def boolean(fields: dict[str, Any], key: str) -> bool:
    """True or false; false when it is absent."""
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise malformed(f"{key} is neither true nor false")
    return bool(value)


def number(fields: dict[str, Any], key: str) -> int | None:
    """A whole number."""
    value = fields.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise malformed(f"{key} is no whole number")
    return value


def moment(fields: dict[str, Any], key: str) -> datetime | None:
    """A time in ISO 8601; without a zone it is UTC."""
    value = optional_text(fields, key)
    if not value:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        raise malformed(f"{key} is no time") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def part(fields: dict[str, Any], key: str) -> dict[str, Any]:
    """An object within the object, or an empty one."""
    value = fields.get(key)
    return {} if value is None else an_object(value)


def _members(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise malformed("a member is there twice")
        members[key] = value
    return members


def _constant(_: str) -> NoReturn:
    raise malformed("NaN and Infinity are no JSON")
