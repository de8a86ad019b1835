"""Facts, and the needs that ask for them: what passes between the decision and the directories.

A fact may carry a ``doubt``: a source that could have said more did not answer. What is known still
permits; what is not known is then Indeterminate, never Deny and never allow. A fact that is ``stale`` was
remembered for longer than usual, because its source does not answer and a requirement allows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import Restriction

__all__ = [
    "Fact",
    "Facts",
    "Freshness",
    "Granted",
    "GroupsNeed",
    "Known",
    "Listed",
    "ListingNeed",
    "Memberships",
    "Need",
    "Organizations",
    "OrganizationsNeed",
    "PermissionNeed",
    "RestrictionNeed",
]


@dataclass(frozen=True, slots=True)
class Memberships:
    """Every group of a principal: the token's and the directory's, closed over nesting."""

    groups: frozenset[str] = frozenset()
    doubt: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """Everything that a principal may do with one resource."""

    permission: Permission = Permission.NONE
    doubt: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Organizations:
    """The organizations that a principal belongs to."""

    names: frozenset[str] = frozenset()
    doubt: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Whether a resource is known, and the restrictions on it (several sources may each have one: all hold)."""

    known: bool = False
    restrictions: tuple[Restriction, ...] = ()
    doubt: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """Resources of one type on which a principal holds something, in the order of their ids."""

    resources: tuple[tuple[Resource, Permission], ...] = ()
    doubt: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class GroupsNeed:
    """Asks for :class:`Memberships`. ``wanted`` names the groups in question (see :class:`Facts`)."""

    principal: Principal
    wanted: frozenset[str] = frozenset()
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True)
class PermissionNeed:
    """Asks for :class:`Granted`. ``principal.groups`` are those known so far, ``flag`` the one in question."""

    principal: Principal
    resource: Resource
    flag: int = 0
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True)
class OrganizationsNeed:
    """Asks for :class:`Organizations`."""

    principal: Principal
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True)
class RestrictionNeed:
    """Asks for :class:`Known`. The principal is there for sources that answer in the caller's name."""

    principal: Principal
    resource: Resource
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True)
class ListingNeed:
    """Asks for :class:`Listed`."""

    principal: Principal
    type: str


Need: TypeAlias = GroupsNeed | PermissionNeed | OrganizationsNeed | RestrictionNeed | ListingNeed
Fact: TypeAlias = Memberships | Granted | Organizations | Known | Listed


class Facts(Protocol):
    """Facts at hand. Each method answers at once, without I/O, or ``None``: not at hand.

    The whole fact is answered. ``wanted`` and ``flag`` say what the question is about: a remembered fact may
    serve for long where it holds what is asked (an allow) and only shortly where it does not (a deny); ``fresh``
    narrows that.
    """

    #: Whether several issuers are trusted, so that a bare user name says nobody.
    @property
    def qualified(self) -> bool: ...

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None: ...

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None: ...

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None: ...

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None: ...
