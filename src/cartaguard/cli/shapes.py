"""The members of what ``--json`` prints; docs/cli.md has them, and they stay."""

from __future__ import annotations

from cartaguard.carta.records import ApiToken, Connection, Entry, Person, Record
from cartaguard.cli.output import Row

__all__ = ["connection", "holder", "key", "person", "resource"]

_KINDS = {"User": "user", "UserGroup": "group"}


def person(user: Person) -> Row:
    """A user."""
    return {
        "name": user.name,
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "organization": user.organization,
        "groups": list(user.groups),
    }


def resource(record: Record) -> Row:
    """A resource, with what the asking user holds on it; ``fields`` are Carta's own, by its names."""
    return {
        "type": record.type,
        "id": record.id,
        "name": record.name,
        "permission": list(record.permission.words),
        "fields": dict(record.fields),
    }


def holder(entry: Entry) -> Row:
    """Somebody who holds something on a resource."""
    return {
        "kind": _KINDS.get(entry.user_type, "resource"),
        "name": entry.name if entry.user_type in _KINDS else f"{entry.user_type.removesuffix('Item')}:{entry.name}",
        "permission": list(entry.permission.words),
    }


def connection(made: Connection) -> Row:
    """A project's connection."""
    return {
        "name": made.name,
        "id": made.id,
        "backend": made.backend,
        "key_path": made.key_path,
        "native_id": dict(made.native_id),
    }


def key(token: ApiToken) -> Row:
    """An API token without its key."""
    return {
        "name": token.name,
        "allowed_endpoints": list(token.allowed_endpoints),
        "expires": None if token.expires is None else token.expires.isoformat(),
        "uses": token.uses,
        "revoked": token.revoked,
        "auto_remove": token.auto_remove,
        "last_used": None if token.last_used is None else token.last_used.isoformat(),
    }
