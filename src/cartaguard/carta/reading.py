"""Reading answers into records: strict about shapes, silent about members that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from cartaguard.carta.answers import an_array, an_object, json_value, malformed, parse_permission, text_of
from cartaguard.carta.records import (
    Accessor,
    ApiToken,
    Connection,
    Entry,
    Node,
    PasswordPolicy,
    PermissionSet,
    Person,
    Record,
    Reply,
    UserPool,
)
from cartaguard.http.exchange import HttpResponse
from cartaguard.model.permission import Permission

__all__ = [
    "accessor",
    "api_token",
    "connection",
    "entry",
    "flags",
    "ignored",
    "listed",
    "node",
    "one",
    "password_policy",
    "permission_set",
    "permission_text",
    "person",
    "plain_text",
    "record",
    "reply",
    "texts",
    "truth",
    "user_pool",
]

T = TypeVar("T")
Reader = Callable[[HttpResponse], T]

#: The words of v2's flags. There is no clone in v2.
_FLAG_WORDS = ("execute", "write", "read", "admin", "owner")


def ignored(response: HttpResponse) -> None:
    """An answer that says nothing more than its status."""


def one(read: Callable[[dict[str, Any]], T]) -> Reader[T]:
    """One object."""
    return lambda response: read(an_object(json_value(response.body)))


def listed(read: Callable[[dict[str, Any]], T]) -> Reader[tuple[T, ...]]:
    """A list of objects."""
    return lambda response: tuple(read(an_object(entry)) for entry in an_array(json_value(response.body)))


def texts(response: HttpResponse) -> tuple[str, ...]:
    """A list of text."""
    values = an_array(json_value(response.body))
    if not all(isinstance(value, str) for value in values):
        raise malformed("a list of text was expected")
    return tuple(values)


def truth(response: HttpResponse) -> bool:
    """``true`` or ``false``."""
    value = json_value(response.body)
    if not isinstance(value, bool):
        raise malformed("true or false was expected")
    return value


def plain_text(response: HttpResponse) -> str:
    """Bare text, as it is."""
    return text_of(response.body)


def permission_text(response: HttpResponse) -> Permission:
    """Bare text such as ``Read, Write``."""
    return parse_permission(text_of(response.body).strip(" \t\r\n"))


def reply(response: HttpResponse) -> Reply:
    """A service's own answer."""
    return Reply(response.status, response.headers, response.body)


def person(fields: dict[str, Any]) -> Person:
    """v1's User."""
    return Person(
        _text(fields, "name"),
        _optional(fields, "id"),
        _optional(fields, "email"),
        _optional(fields, "firstName"),
        _optional(fields, "lastName"),
        _optional(fields, "organization"),
        _names(fields, "groups"),
    )


def record(type: str) -> Callable[[dict[str, Any]], Record]:
    """v1's Item of one type; everything beyond id, name and permission is kept as it came."""

    def read(fields: dict[str, Any]) -> Record:
        rest = {key: value for key, value in fields.items() if key not in ("id", "name", "permission")}
        held = fields.get("permission")
        if held is not None and not isinstance(held, str):
            raise malformed("the permission of a resource is no text")
        return Record(_text(fields, "id"), type, _optional(fields, "name"), parse_permission(held or ""), rest)

    return read


def connection(fields: dict[str, Any]) -> Connection:
    """A project's Connection."""
    native = an_object(fields.get("nativeId") or {})
    return Connection(
        _text(fields, "name"),
        _optional(fields, "id"),
        _optional(fields, "backend"),
        _optional(fields, "keyPath"),
        {key: value for key, value in native.items() if isinstance(value, str)},
    )


def entry(fields: dict[str, Any]) -> Entry:
    """v1's entry of a resource's permissions."""
    return Entry(
        _optional(fields, "id"), _text(fields, "userId"), _text(fields, "userType"), parse_permission(_optional(fields, "permission"))
    )


def flags(fields: dict[str, Any]) -> Permission:
    """v2's flags: booleans by name; one that is left out is false."""
    words = []
    for word in _FLAG_WORDS:
        value = fields.get(word, False)
        if not isinstance(value, bool):
            raise malformed(f"the flag {word} is neither true nor false")
        if value:
            words.append(word)
    return Permission.of(*words)


def permission_set(fields: dict[str, Any]) -> PermissionSet:
    """v2's three tiers."""
    return PermissionSet(*(flags(an_object(fields.get(tier) or {})) for tier in ("user", "private", "shared")))


def node(fields: dict[str, Any]) -> Node:
    """v2's Node, with the flags on it where the answer has them."""
    return Node(
        _text(fields, "id"),
        _text(fields, "name"),
        _names(fields, "labels"),
        an_object(fields.get("props") or {}),
        flags(an_object(fields.get("permission") or {})),
    )


def accessor(fields: dict[str, Any]) -> Accessor:
    """v2's accessor: who can reach a resource."""
    return Accessor(_text(fields, "id"), _text(fields, "name"), permission_set(an_object(fields.get("permission"))))


def api_token(fields: dict[str, Any]) -> ApiToken:
    """v2's Token."""
    uses = fields.get("uses")
    if uses is not None and (isinstance(uses, bool) or not isinstance(uses, int)):
        raise malformed("the uses of a token are no number")
    return ApiToken(
        _text(fields, "name"),
        _text(fields, "token"),
        _names(fields, "allowedEndpoints"),
        _time(fields, "expires"),
        uses,
        _bool(fields, "revoked"),
        _bool(fields, "autoRemove"),
        _time(fields, "lastUsed"),
    )


def user_pool(fields: dict[str, Any]) -> UserPool:
    """The pool behind a Carta."""
    return UserPool(_text(fields, "region"), _text(fields, "userPoolId"), _text(fields, "userPoolWebClientId"))


def password_policy(fields: dict[str, Any]) -> PasswordPolicy:
    """What a password must have."""
    length = fields.get("minimumLength")
    if isinstance(length, bool) or not isinstance(length, int):
        raise malformed("the minimum length is no number")
    return PasswordPolicy(
        length, *(_bool(fields, key) for key in ("requireLowercase", "requireUppercase", "requireNumbers", "requireSymbols"))
    )


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise malformed(f"{key} is no text")
    return value


def _optional(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise malformed(f"{key} is no text")
    return value or ""


def _names(fields: dict[str, Any], key: str) -> tuple[str, ...]:
    values = an_array(fields.get(key) or [])
    if not all(isinstance(value, str) for value in values):
        raise malformed(f"{key} is no list of text")
    return tuple(values)


def _bool(fields: dict[str, Any], key: str) -> bool:
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise malformed(f"{key} is neither true nor false")
    return bool(value)


def _time(fields: dict[str, Any], key: str) -> datetime | None:
    text = _optional(fields, key)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise malformed(f"{key} is no time")
    # Carta's times without a zone are UTC.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
