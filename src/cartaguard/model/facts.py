"""Facts, and the needs that ask for them: what passes between the decision and the directories.

A fact may carry a ``doubt``: a source that could have said more did not answer. What is known still
permits; what is not known is then Indeterminate, never Deny and never allow. A fact that is ``stale`` was
remembered for longer than usual, because its source does not answer and a requirement allows it.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import Restriction
from cartaguard.model.value import Value, fill

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


class Memberships(Value):
    """Every group of a principal: the token's and the directory's, closed over nesting."""

    __slots__ = __match_args__ = ("groups", "doubt", "stale")

    groups: frozenset[str]
    doubt: str
    stale: bool

    def __init__(self, groups: frozenset[str] = frozenset(), doubt: str = "", stale: bool = False) -> None:
        fill(self, "groups", groups)
        fill(self, "doubt", doubt)
        fill(self, "stale", stale)


class Granted(Value):
    """Everything that a principal may do with one resource."""

    __slots__ = __match_args__ = ("permission", "doubt", "stale")

    permission: Permission
    doubt: str
    stale: bool

    def __init__(self, permission: Permission = Permission.NONE, doubt: str = "", stale: bool = False) -> None:
        fill(self, "permission", permission)
        fill(self, "doubt", doubt)
        fill(self, "stale", stale)


class Organizations(Value):
    """The organizations that a principal belongs to."""

    __slots__ = __match_args__ = ("names", "doubt", "stale")

    names: frozenset[str]
    doubt: str
    stale: bool

    def __init__(self, names: frozenset[str] = frozenset(), doubt: str = "", stale: bool = False) -> None:
        fill(self, "names", names)
        fill(self, "doubt", doubt)
        fill(self, "stale", stale)


class Known(Value):
    """Whether a resource is known, and the restrictions on it (several sources may each have one: all hold)."""

    __slots__ = __match_args__ = ("known", "restrictions", "doubt", "stale")

    known: bool
    restrictions: tuple[Restriction, ...]
    doubt: str
    stale: bool

    def __init__(self, known: bool = False, restrictions: tuple[Restriction, ...] = (), doubt: str = "", stale: bool = False) -> None:
        fill(self, "known", known)
        fill(self, "restrictions", restrictions)
        fill(self, "doubt", doubt)
        fill(self, "stale", stale)


class Listed(Value):
    """Resources of one type on which a principal holds something, in the order of their ids."""

    __slots__ = __match_args__ = ("resources", "doubt", "stale")

    resources: tuple[tuple[Resource, Permission], ...]
    doubt: str
    stale: bool

    def __init__(self, resources: tuple[tuple[Resource, Permission], ...] = (), doubt: str = "", stale: bool = False) -> None:
        fill(self, "resources", resources)
        fill(self, "doubt", doubt)
        fill(self, "stale", stale)


class GroupsNeed(Value):
    """Asks for :class:`Memberships`. ``wanted`` names the groups in question (see :class:`Facts`)."""

    __slots__ = __match_args__ = ("principal", "wanted", "fresh")

    principal: Principal
    wanted: frozenset[str]
    fresh: Freshness | None

    def __init__(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> None:
        fill(self, "principal", principal)
        fill(self, "wanted", wanted)
        fill(self, "fresh", fresh)


class PermissionNeed(Value):
    """Asks for :class:`Granted`. ``principal.groups`` are those known so far, ``flag`` the one in question."""

    __slots__ = __match_args__ = ("principal", "resource", "flag", "fresh")

    principal: Principal
    resource: Resource
    flag: int
    fresh: Freshness | None

    def __init__(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> None:
        fill(self, "principal", principal)
        fill(self, "resource", resource)
        fill(self, "flag", flag)
        fill(self, "fresh", fresh)

    __eq__ = Value.__eq__

    def __hash__(self) -> int:
        # Listings and filters ask for thousands of them.
        return hash((self.principal, self.resource, self.flag, self.fresh))


class OrganizationsNeed(Value):
    """Asks for :class:`Organizations`."""

    __slots__ = __match_args__ = ("principal", "fresh")

    principal: Principal
    fresh: Freshness | None

    def __init__(self, principal: Principal, fresh: Freshness | None = None) -> None:
        fill(self, "principal", principal)
        fill(self, "fresh", fresh)


class RestrictionNeed(Value):
    """Asks for :class:`Known`. The principal is there for sources that answer in the caller's name."""

    __slots__ = __match_args__ = ("principal", "resource", "fresh")

    principal: Principal
    resource: Resource
    fresh: Freshness | None

    def __init__(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> None:
        fill(self, "principal", principal)
        fill(self, "resource", resource)
        fill(self, "fresh", fresh)


class ListingNeed(Value):
    """Asks for :class:`Listed`."""

    __slots__ = __match_args__ = ("principal", "type")

    principal: Principal
    type: str

    def __init__(self, principal: Principal, type: str) -> None:
        fill(self, "principal", principal)
        fill(self, "type", type)


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
