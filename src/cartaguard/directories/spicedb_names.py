"""How names are written in SpiceDB, and what a stored relationship is.

SpiceDB's object ids are letters, digits and ``/_|-=+``, 1024 of them at most, and Carta's names are any text. So
each name is its UTF-8 as base64url without padding, which can be read back and never collides; what has several
parts is joined by slashes, and a part that is not there is a ``=``, which no name can be.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from cartaguard.directories.graph import SECRET
from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource

__all__ = [
    "LONGEST",
    "YES",
    "Object",
    "Row",
    "Subject",
    "group",
    "level",
    "login",
    "name",
    "object_id",
    "organization",
    "parts_of",
    "record",
    "resource",
    "resource_of",
    "user",
]

#: How long an object id may be: SpiceDB's own limit.
LONGEST = 1024

_MISSING = "="


class Object(NamedTuple):
    """Something that relationships are about."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Subject(NamedTuple):
    """An object, or (with a relation) whoever stands in that relation to it."""

    object: Object
    relation: str = ""


class Row(NamedTuple):
    """A stored relationship."""

    object: Object
    relation: str
    subject: Subject


#: The subject of relationships that say only that something is so.
YES = Subject(Object("fact", "true"))


def object_id(*parts: str | None) -> str:
    """The id of what has a name, or a name of several parts.

    :raises cartaguard.errors.DirectoryError: SpiceDB cannot hold it (code ``unstorable_name``): it is longer than
        768 bytes in UTF-8 as a whole, empty, or holds a lone surrogate.
    """
    try:
        found = "/".join(_MISSING if part is None else urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    except UnicodeEncodeError:
        raise DirectoryError("a name holds a lone surrogate, which is no text that can be stored", code="unstorable_name") from None
    if not found or len(found) > LONGEST:
        shown = ":".join(part or "" for part in parts)
        why = f"is too long for SpiceDB: its id would have {len(found)} characters, and may have {LONGEST}" if found else "is empty"
        raise DirectoryError(f"`{shown[:60]}{'…' if len(shown) > 60 else ''}` {why}; use a shorter name", code="unstorable_name")
    return found


def parts_of(id: str) -> tuple[str | None, ...]:
    """The name, or its parts, of an id. Raises :class:`ValueError` for an id that :func:`object_id` never gives."""
    parts = tuple(None if part == _MISSING else urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode() for part in id.split("/"))
    try:
        if object_id(*parts) == id:
            return parts
    except DirectoryError:
        pass
    raise ValueError("an id that no name has")


def user(name: str) -> Object:
    """A user, by the name that facts say."""
    return Object("user", object_id(name))


def login(username: str, subject: str | None, issuer: str | None) -> Object:
    """What a token has to say for its caller to be somebody; ``None`` is whatever it says."""
    return Object("login", object_id(username, subject, issuer))


def group(name: str) -> Object:
    return Object("group", object_id(name))


def organization(name: str) -> Object:
    return Object("organization", object_id(name))


def name(text: str) -> Object:
    """A login name in a restriction: it is compared as text and is nobody's in particular."""
    return Object("name", object_id(text))


def level(word: str) -> Object:
    """A level of restriction; the words are plain."""
    return Object("level", word)


def resource(resource: Resource) -> Object:
    """A resource as something that permissions are held on. A secret is of a type of its own, that nobody can share."""
    return Object("secret" if resource.type == SECRET else "resource", object_id(resource.type, resource.id))


def record(resource: Resource) -> Object:
    """What is known of a resource beside permissions: that there is one, and whom it is restricted to."""
    return Object("record", object_id(resource.type, resource.id))


def resource_of(object: Object) -> Resource:
    """The resource that an object is. Raises :class:`ValueError` when it is none."""
    kind, name_ = parts_of(object.id)
    found = Resource(kind or "", name_ or "")
    if (object.type == "secret") is not (found.type == SECRET):
        raise ValueError("a secret is no other resource, and no other resource is a secret")
    return found
