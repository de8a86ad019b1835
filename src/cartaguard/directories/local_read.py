"""Reading the facts of a local directory: a table of users, groups and resources.

A malformed fact never grants. With ``strict`` it is an error that names it. Otherwise it is logged and read
as the least it can mean: what it may have narrowed (a pin to a subject, an owner, a restriction) is then
taken to be as narrow as possible.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cartaguard.directories.graph import NOBODY, Grantee, Holders
from cartaguard.directories.local_store import Facts, Group, Stored, User
from cartaguard.errors import DirectoryError, RequirementError
from cartaguard.events import emit
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.restriction import STRICTEST, Restriction
from cartaguard.model.role import Role

__all__ = ["granted_flags", "read_facts"]

_IGNORED = {
    "second_owner": "is ignored: the resource has an owner already, and there is exactly one",
    "secret": "is ignored: a secret is never shared",
}

#: The key of a grant that a fault is about.
_BLAMED = {"bad_grantee": "to", "unknown_role": "role", "unknown_permission": "permissions"}


def read_facts(table: object, *, strict: bool = True) -> Facts:
    """Read ``{"users": …, "groups": …, "resources": …}``; the keys of each are described in the documentation.

    :raises cartaguard.errors.DirectoryError: with ``strict``, for a malformed fact; the message names its path.
    """
    return _Reader(strict).facts(table)


def granted_flags(role: object = None, permissions: object = None) -> int:
    """The flags of a role (or its name) or of a list of permission words, of exactly one of them.

    :raises cartaguard.errors.DirectoryError: for an unknown role or word, or for both or neither.
    """
    if (role is None) is (permissions is None):
        raise DirectoryError("say either `role` or `permissions`")
    if permissions is None:
        if isinstance(role, Role):
            return int(role.permission)
        if not isinstance(role, str) or role not in Role.names():
            raise DirectoryError(f"`{role}` is not a role; use one of {', '.join(Role.names())}", code="unknown_role")
        return int(Role(role).permission)
    if not isinstance(permissions, (list, tuple, set, frozenset)):
        raise DirectoryError("`permissions` is a list of words", code="unknown_permission")
    try:
        return int(Permission.of(*permissions))
    except RequirementError as fault:
        raise DirectoryError(str(fault), code="unknown_permission") from None


class _Reader:
    def __init__(self, strict: bool) -> None:
        self._strict = strict

    def facts(self, value: object) -> Facts:
        table, _ = self._table(value, "", ("users", "groups", "resources"))
        identities: dict[tuple[str | None, ...], str] = {}
        users = [self._user(key, entry, path, identities) for key, entry, path in self._entries(table, "users")]
        groups = [self._group(key, entry, path) for key, entry, path in self._entries(table, "groups")]
        resources: list[Stored] = []
        for key, entry, path in self._entries(table, "resources"):
            try:
                resource = Resource.parse(key)
            except ValueError as fault:
                self._malformed(path, f"is malformed: {fault}")
            else:
                resources.append(self._resource(resource, entry, path))
        return Facts(users, groups, resources)

    def _user(self, name: str, value: object, path: str, identities: dict[tuple[str | None, ...], str]) -> User:
        table, sound = self._table(value, path, ("subject", "issuer", "username", "organizations"))
        texts: dict[str, str] = {}
        for key in ("subject", "issuer", "username"):
            if key in table:
                text = self._text(table[key], f"{path}.{key}")
                sound = sound and text is not None
                texts[key] = text or ""
        organizations = frozenset(self._names(table, "organizations", path))
        if not sound:
            # It may have been pinned to somebody. Nobody is it, and nobody else may take its name.
            return User(name, None, organizations=organizations)
        user = User(name, texts.get("username", name), texts.get("subject"), texts.get("issuer"), organizations)
        other = identities.setdefault((user.username, user.subject, user.issuer), path)
        if other != path:
            self._malformed(path, f"is the same caller as `{other}`; tell them apart by `subject` or `issuer`")
        return user

    def _group(self, name: str, value: object, path: str) -> Group:
        table, _ = self._table(value, path, ("users", "groups", "admins"))
        return Group(name, *(self._names(table, key, path) for key in ("users", "groups", "admins")))

    def _resource(self, resource: Resource, value: object, path: str) -> Stored:
        table, sound = self._table(value, path, ("owner", "organization", "restricted", "grants"))
        owner = self._text(table["owner"], f"{path}.owner") or NOBODY if "owner" in table else None
        organization = self._text(table["organization"], f"{path}.organization") if "organization" in table else None
        restriction: Restriction | None = None
        if "restricted" in table:
            try:
                restriction = Restriction.read(table["restricted"], organization=organization)
            except DirectoryError as fault:
                self._malformed(f"{path}.restricted", f"is malformed: {fault}")
                restriction = STRICTEST
        if not sound:
            # A key that is not known may have been a misspelt owner or restriction.
            owner = NOBODY if owner is None else owner
            restriction = restriction or STRICTEST

        def ignored(grantee: Grantee, reason: str) -> None:
            emit("fact_skipped", path=path, reason=f"the grant to `{grantee}` {_IGNORED[reason]}")

        return Stored(resource, Holders.settle(resource, owner, self._grants(table, path), ignored), organization, restriction)

    def _grants(self, table: Mapping[str, Any], path: str) -> Iterator[tuple[Grantee, int]]:
        grants = table.get("grants", ())
        if not isinstance(grants, (list, tuple)):
            self._malformed(f"{path}.grants", "is not a list of tables")
            return
        for index, value in enumerate(grants):
            here = f"{path}.grants[{index}]"
            grant, sound = self._table(value, here, ("to", "role", "permissions"))
            if not sound:
                continue
            to = self._text(grant.get("to"), f"{here}.to")
            try:
                if to is not None:
                    yield Grantee.parse(to), granted_flags(grant.get("role"), grant.get("permissions"))
            except DirectoryError as fault:
                key = _BLAMED.get(fault.code)
                self._malformed(f"{here}.{key}" if key else here, f"is malformed: {fault}")

    # -- shapes ----------------------------------------------------------------------------------------

    def _table(self, value: object, path: str, keys: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
        """The known keys of a table, and whether it was a table without others."""
        if not isinstance(value, Mapping):
            self._malformed(path or "the facts", "is not a table")
            return {}, False
        sound = True
        for key in value:
            if key not in keys:
                sound = False
                self._malformed(_join(path, key), f"is not known; use one of {', '.join(keys)}")
        return {key: value[key] for key in keys if key in value}, sound

    def _entries(self, table: Mapping[str, Any], section: str) -> Iterator[tuple[str, object, str]]:
        entries = table.get(section, {})
        if not isinstance(entries, Mapping):
            self._malformed(section, "is not a table")
            return
        for key, entry in entries.items():
            path = _join(section, key)
            if isinstance(key, str) and key:
                yield key, entry, path
            else:
                self._malformed(path, "is no name: names are text and not empty")

    def _text(self, value: object, path: str) -> str | None:
        if isinstance(value, str) and value.strip():
            return value
        self._malformed(path, "is no text, or blank")
        return None

    def _names(self, table: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
        names = table.get(key, ())
        if not isinstance(names, (list, tuple, set, frozenset)):
            self._malformed(f"{path}.{key}", "is not a list of names")
            return ()
        sound: dict[str, None] = {}
        for name in names:
            if isinstance(name, str) and name:
                sound[name] = None
            else:
                self._malformed(f"{path}.{key}", f"holds `{name!r}`, which is no name")
        return tuple(sound)

    def _malformed(self, path: str, why: str) -> None:
        if self._strict:
            raise DirectoryError(f"`{path}` {why}", code="malformed_fact")
        emit("fact_skipped", path=path, reason=why)


def _join(path: str, key: object) -> str:
    """The path of a key as TOML writes it: bare where it may be, else quoted."""
    text = str(key)
    bare = text.isascii() and text.replace("-", "_").isidentifier()
    return f"{path}.{text if bare else json.dumps(text, ensure_ascii=False)}" if path else text
