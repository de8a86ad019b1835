"""What Carta's calls answer, as typed records (protocol: Carta REST v1 and v2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cartaguard.carta.answers import json_value
from cartaguard.model.permission import Permission

__all__ = [
    "Accessor",
    "ApiToken",
    "Connection",
    "Entry",
    "Node",
    "PasswordPolicy",
    "PermissionSet",
    "Person",
    "Record",
    "Reply",
    "UserPool",
]


@dataclass(frozen=True, slots=True)
class Person:
    """A user. ``name`` is the login name, ``id`` the token's ``sub``; what is not said is empty."""

    name: str
    id: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A resource: namespace, service, project, connection, workspace or file.

    ``permission`` is what the asking user holds on it, ``fields`` everything else that Carta said, by its names.
    """

    id: str
    type: str
    name: str = ""
    permission: Permission = Permission.NONE
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """A project's connection to where its files are."""

    name: str
    id: str = ""
    backend: str = ""
    key_path: str = ""
    native_id: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who holds what on a resource: a user or a group, by name, and its permission."""

    id: str
    name: str
    user_type: str
    permission: Permission


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the v2 graph: anything that holds permissions, or that they are held on."""

    id: str
    name: str
    labels: tuple[str, ...] = ()
    props: Mapping[str, Any] = field(default_factory=dict)
    permission: Permission = Permission.NONE


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """The three tiers in which v2 stores permissions."""

    user: Permission = Permission.NONE
    private: Permission = Permission.NONE
    shared: Permission = Permission.NONE


@dataclass(frozen=True, slots=True)
class Accessor:
    """Somebody who can reach a resource, with the tiers that give it."""

    id: str
    name: str
    permission: PermissionSet


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token. ``token`` is the whole key when it was just made, and obscured in a listing.

    It stays out of the repr. ``expires`` and ``last_used`` carry their time zone.
    """

    name: str
    token: str = field(repr=False)
    allowed_endpoints: tuple[str, ...] = ()
    expires: datetime | None = None
    uses: int | None = None
    revoked: bool = False
    auto_remove: bool = False
    last_used: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserPool:
    """The Cognito pool behind a Carta. Only an embedded Carta has a ``cognito_url``: the address of its own Cognito."""

    region: str
    user_pool_id: str
    client_id: str
    cognito_url: str = ""


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a password must have."""

    minimum_length: int
    require_lowercase: bool
    require_uppercase: bool
    require_numbers: bool
    require_symbols: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """A service's own answer, as it came."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises :class:`~cartaguard.errors.CartaError` (code ``carta_malformed``) when it is none."""
        return json_value(self.body)
