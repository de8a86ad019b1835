"""Reading answers into records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from cartaguard.carta.answers import (
    an_array,
    an_object,
    boolean,
    json_value,
    malformed,
    moment,
    names,
    number,
    optional_text,
    part,
    text,
    text_of,
)
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
from cartaguard.errors import CartaError
from cartaguard.http.exchange import HttpResponse
from cartaguard.model.permission import Permission

__all__ = [
    "FLAGS",
    "accessor",
    "api_token",
    "authenticated",
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
    "sound",
    "texts",
    "user_pool",
]

T = TypeVar("T")
H = TypeVar("H", Record, Node)
Reader = Callable[[HttpResponse], T]

#: The words of v2's flags. There is no clone in v2.
FLAGS = ("execute", "write", "read", "admin", "owner")

#: The words that v1's permission text is made of. There is no word for an owner: `Owner` is an unknown one.
_WORDS = frozenset({"read", "write", "execute", "clone", "admin"})

#: What no list of words holds, but quoted text, JSON and HTML do.
_FOREIGN = frozenset("\"'{}[]<>")


def ignored(response: HttpResponse) -> None:
    """An answer that says nothing more than its status."""


def one(read: Callable[[dict[str, Any]], T]) -> Reader[T]:
    """One object."""
    return lambda response: read(an_object(json_value(response.body)))


def listed(read: Callable[[dict[str, Any]], T]) -> Reader[tuple[T, ...]]:
    """A list of objects."""
    return lambda response: tuple(read(an_object(entry)) for entry in an_array(json_value(response.body)))


def texts(response: HttpResponse) -> tuple[str, ...]:
    """A list of names."""
    return names({"the list": json_value(response.body)}, "the list")


def authenticated(response: HttpResponse) -> bool:
    """``true`` or ``false``; a 401 is false too."""
    if response.status == 401:
        return False
    value = json_value(response.body)
    if not isinstance(value, bool):
        raise malformed("true or false was expected")
    return value


def plain_text(response: HttpResponse) -> str:
    """Bare text, as it is."""
    return text_of(response.body)


def permission_text(response: HttpResponse) -> Permission:
    """Bare text such as ``Read, Write``. Case and spacing do not matter, unknown words grant nothing."""
    return _permission(text_of(response.body).strip(" \t\r\n"))


def reply(response: HttpResponse) -> Reply:
    """A service's own answer."""
    return Reply(response.status, response.headers, response.body)


def person(fields: dict[str, Any]) -> Person:
    """v1's User."""
    return Person(
        text(fields, "name"),
        optional_text(fields, "id"),
        optional_text(fields, "email"),
        optional_text(fields, "firstName"),
        optional_text(fields, "lastName"),
        optional_text(fields, "organization"),
        names(fields, "groups"),
    )


def record(type: str, id: str | None = None) -> Callable[[dict[str, Any]], Record]:
    """v1's Item of one type; everything beyond id, name and permission is kept as it came.

    :param id: the one that was asked for, if it was one: another is malformed, and it may be left out.
    """

    def read(fields: dict[str, Any]) -> Record:
        if id is not None:
            if fields.get("id", id) != id:
                raise malformed("another resource was answered than was asked for")
            fields = {**fields, "id": id}
        rest = {key: value for key, value in fields.items() if key not in ("id", "name", "permission")}
        held = _permission(optional_text(fields, "permission"))
        return Record(text(fields, "id"), type, optional_text(fields, "name"), held, rest)

    return read


def sound(read: Callable[[dict[str, Any]], H]) -> Reader[tuple[list[H], bool]]:
    """A list of Items or Nodes in the order of their ids, and whether every entry was well-formed; those that were not are left out."""

    def read_all(response: HttpResponse) -> tuple[list[H], bool]:
        found: dict[str, H] = {}
        all_sound = True
        for entry in an_array(json_value(response.body)):
            try:
                item = read(an_object(entry))
            except CartaError:
                all_sound = False
                continue
            if item.id in found:
                # Two answers about one thing: only what both say is sure.
                all_sound = False
                item = replace(item, permission=item.permission & found[item.id].permission)
            found[item.id] = item
        return sorted(found.values(), key=lambda item: item.id), all_sound

    return read_all


def connection(fields: dict[str, Any]) -> Connection:
    """A project's Connection."""
    native = {key: value for key, value in part(fields, "nativeId").items() if isinstance(value, str)}
    return Connection(
        text(fields, "name"), optional_text(fields, "id"), optional_text(fields, "backend"), optional_text(fields, "keyPath"), native
    )


def entry(fields: dict[str, Any]) -> Entry:
    """v1's entry of a resource's permissions."""
    held = _permission(optional_text(fields, "permission"))
    return Entry(optional_text(fields, "id"), text(fields, "userId"), text(fields, "userType"), held)


def flags(fields: dict[str, Any]) -> Permission:
    """v2's flags: booleans by name; one that is left out is false."""
    return Permission.of(*(word for word in FLAGS if boolean(fields, word)))


def permission_set(fields: dict[str, Any]) -> PermissionSet:
    """v2's three tiers."""
    return PermissionSet(*(flags(part(fields, tier)) for tier in ("user", "private", "shared")))


def node(fields: dict[str, Any]) -> Node:
    """v2's Node, with the flags on it where the answer has them."""
    return Node(text(fields, "id"), text(fields, "name"), names(fields, "labels"), part(fields, "props"), flags(part(fields, "permission")))


def accessor(fields: dict[str, Any]) -> Accessor:
    """v2's accessor: who can reach a resource."""
    return Accessor(text(fields, "id"), text(fields, "name"), permission_set(part(fields, "permission")))


def api_token(fields: dict[str, Any]) -> ApiToken:
    """v2's Token."""
    return ApiToken(
        text(fields, "name"),
        text(fields, "token"),
        names(fields, "allowedEndpoints"),
        moment(fields, "expires"),
        number(fields, "uses"),
        boolean(fields, "revoked"),
        boolean(fields, "autoRemove"),
        moment(fields, "lastUsed"),
    )


def user_pool(fields: dict[str, Any]) -> UserPool:
    """The pool behind a Carta."""
    return UserPool(
        text(fields, "region"), text(fields, "userPoolId"), text(fields, "userPoolWebClientId"), optional_text(fields, "cognitoUrl")
    )


def password_policy(fields: dict[str, Any]) -> PasswordPolicy:
    """What a password must have."""
    length = number(fields, "minimumLength")
    if length is None:
        raise malformed("minimumLength is no whole number")
    wanted = ("requireLowercase", "requireUppercase", "requireNumbers", "requireSymbols")
    return PasswordPolicy(length, *(boolean(fields, key) for key in wanted))


def _permission(words: str) -> Permission:
    if not words.isprintable() or not _FOREIGN.isdisjoint(words):
        raise malformed("the permission text is no list of words")
    found = (word.strip().lower() for word in words.split(","))
    return Permission.of(*(word for word in found if word in _WORDS))
