"""Carta's answers, read strictly: a shape that is not Carta's is refused rather than half understood.

Each function raises :class:`~cartaguard.errors.CartaError` with the code ``carta_malformed``; no text of the
answer is in the message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from cartaguard.errors import CartaError
from cartaguard.model.permission import Permission

__all__ = [
    "Item",
    "User",
    "an_array",
    "an_object",
    "json_value",
    "malformed",
    "optional_text",
    "parse_permission",
    "read_item",
    "read_items",
    "read_permission",
    "read_user",
    "read_users",
    "text_of",
]

#: The words that Carta's permission text is made of. There is no word for an owner: `Owner` is an unknown one.
_WORDS = frozenset({"read", "write", "execute", "clone", "admin"})

#: What no list of words holds, but quoted text, JSON and HTML do.
_FOREIGN = frozenset("\"'{}[]<>")


@dataclass(frozen=True, slots=True)
class Item:
    """A resource in an answer. ``permission`` is what the asking user holds; nothing when it is left out."""

    id: str
    permission: Permission = Permission.NONE


@dataclass(frozen=True, slots=True)
class User:
    """A user in an answer. ``name`` is the login name, ``id`` the token's ``sub``."""

    name: str
    id: str = ""
    organization: str = ""
    groups: frozenset[str] = frozenset()


def read_permission(body: bytes) -> Permission:
    """Bare text such as ``Read, Write``. Case and spacing do not matter, unknown words grant nothing."""
    return parse_permission(text_of(body).strip(" \t\r\n"))


def read_item(body: bytes, id: str) -> Item:
    """One Item, which must be the one that was asked for; its id may be left out."""
    value = an_object(json_value(body))
    if value.get("id", id) != id:
        raise malformed("another resource was answered than was asked for")
    return _item({**value, "id": id})


def read_items(body: bytes) -> tuple[list[Item], bool]:
    """A list of Items in the order of their ids, and whether some entry was malformed and left out."""
    entries = an_array(json_value(body))
    items: dict[str, Item] = {}
    sound = True
    for entry in entries:
        try:
            item = _item(an_object(entry))
        except CartaError:
            sound = False
            continue
        if item.id in items:
            # Two answers about one thing: only what both say is sure.
            sound = False
            item = Item(item.id, item.permission & items[item.id].permission)
        items[item.id] = item
    return sorted(items.values(), key=lambda item: item.id), sound


def read_user(body: bytes) -> User:
    """One User."""
    return _user(json_value(body))


def read_users(body: bytes) -> list[User]:
    """A list of Users."""
    return [_user(entry) for entry in an_array(json_value(body))]


def parse_permission(text: str) -> Permission:
    if not text.isprintable() or not _FOREIGN.isdisjoint(text):
        raise malformed("the permission text is no list of words")
    words = (word.strip().lower() for word in text.split(","))
    return Permission.of(*(word for word in words if word in _WORDS))


def _item(value: dict[str, Any]) -> Item:
    id_ = value.get("id")
    if not isinstance(id_, str) or not id_:
        raise malformed("the id of a resource is no text")
    permission = value.get("permission")
    if permission is None:
        return Item(id_)
    if not isinstance(permission, str):
        raise malformed("the permission of a resource is no text")
    return Item(id_, parse_permission(permission))


def _user(value: object) -> User:
    fields = an_object(value)
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        raise malformed("the name of a user is no text")
    id_, organization = (optional_text(fields, key) for key in ("id", "organization"))
    groups = fields.get("groups")
    if groups is None:
        groups = []
    if not isinstance(groups, list) or not all(isinstance(group, str) and group for group in groups):
        raise malformed("the groups of a user are no list of names")
    return User(name, id_, organization, frozenset(groups))


def optional_text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(f"the {key} of a user is no text")
    return value


def an_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed("an object was expected")
    return value


def an_array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise malformed("a list was expected")
    return value


def json_value(body: bytes) -> object:
    try:
        return json.loads(text_of(body), object_pairs_hook=_members, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise malformed("the answer is no JSON") from None


def _members(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise malformed("a member is there twice")
        members[key] = value
    return members


def text_of(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise malformed("the answer is no UTF-8") from None


def _constant(_: str) -> NoReturn:
    raise malformed("NaN and Infinity are no JSON")


def malformed(why: str) -> CartaError:
    return CartaError(f"carta's answer cannot be read: {why}", code="carta_malformed")
