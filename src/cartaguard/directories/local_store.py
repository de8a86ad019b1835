"""What a local directory stores, and what a store of it has to answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from cartaguard.directories.graph import Grantee, Holders, World
from cartaguard.model.facts import Known
from cartaguard.model.names import Resource
from cartaguard.model.restriction import Restriction

__all__ = ["Draft", "Everything", "Facts", "Group", "Store", "Stored", "User", "View"]


class User(NamedTuple):
    """A listed user. ``name`` is what grants and groups say; the rest tells which callers it is.

    ``subject`` and ``issuer`` pin it to a token's ``sub`` and ``iss``. ``username`` is ``None`` for a user
    whose facts could not be read: the name is taken and no caller is it.
    """

    name: str
    username: str | None
    subject: str | None = None
    issuer: str | None = None
    organizations: frozenset[str] = frozenset()


class Group(NamedTuple):
    """A group: its users, the groups whose members are members of it, and the users who may change it."""

    name: str
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()


class Stored(NamedTuple):
    """A resource."""

    resource: Resource
    holders: Holders = Holders()
    organization: str | None = None
    restriction: Restriction | None = None

    @property
    def known(self) -> Known:
        return Known(known=True, restrictions=() if self.restriction is None else (self.restriction,))


class Facts(NamedTuple):
    """Everything that a file or a dict says."""

    users: Sequence[User] = ()
    groups: Sequence[Group] = ()
    resources: Sequence[Stored] = ()


class Everything(NamedTuple):
    """All that a store holds, to be read through once: it need not fit into memory."""

    users: Iterable[User] = ()
    groups: Iterable[Group] = ()
    resources: Iterable[Stored] = ()


class View(World, Protocol):
    """One state of the facts."""

    def user(self, name: str) -> User | None:
        """The listed user of this name."""

    def users_named(self, username: str) -> Sequence[User]:
        """The listed users with this login name."""

    def unqualified(self) -> Sequence[str]:
        """The listed users without an issuer."""

    def groups_of(self, user: str) -> Collection[str]:
        """The groups that name this user, without nesting."""

    def known(self, resource: Resource) -> Known | None:
        """The restriction facts of a listed resource."""


class Draft(View, Protocol):
    """One state of the facts, and the way to change it."""

    def holders(self, resource: Resource) -> Holders | None: ...

    def admins(self, group: str) -> Collection[str]:
        """The users who may change this group's members."""

    def put_user(self, user: User) -> None: ...

    def put_group(self, group: Group) -> None: ...

    def put_member(self, group: str, member: Grantee, *, present: bool) -> None: ...

    def put_resource(self, stored: Stored) -> None: ...

    def put_grant(self, resource: Resource, grantee: Grantee, flags: int) -> None:
        """Set what a grantee is granted on a listed resource; no flags remove the grant."""


class Store(Protocol):
    """Where a local directory keeps its facts.

    A store that cannot answer raises :class:`~cartaguard.errors.FactsUnavailable`.
    """

    @property
    def state(self) -> object:
        """Something that is another with each write; what others wrote may count a moment late."""

    def version(self, *, exactly: bool = False) -> object:
        """The state; with ``exactly`` as it is at this very moment."""

    def reading(self) -> AbstractContextManager[View]:
        """See one state of the facts."""

    def writing(self) -> AbstractContextManager[Draft]:
        """See the facts and change them as the only one. A fault keeps what was put from being kept.

        :raises cartaguard.errors.DirectoryError: the store is read only.
        """

    def everything(self) -> AbstractContextManager[Everything]:
        """See one state of all facts, for a copy of them. Who reads or writes meanwhile is not held up.

        :raises cartaguard.errors.DirectoryError: the store is a copy itself.
        """

    def close(self) -> None: ...
