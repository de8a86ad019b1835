"""The local directory: facts in this process, from a dict, a file or SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from typing import Any

from cartaguard.caches.memory import MemoryCache
from cartaguard.directories import graph
from cartaguard.directories.base import Directory
from cartaguard.directories.graph import Grantee, Holders
from cartaguard.directories.local_caller import Caller, recognise
from cartaguard.directories.local_memory import MemoryStore
from cartaguard.directories.local_read import granted_flags, read_facts
from cartaguard.directories.local_store import Everything, Store, Stored, View
from cartaguard.directories.local_write import Author, Writer
from cartaguard.drivers.forks import renew_in_children
from cartaguard.errors import ConfigurationError, DirectoryError, FactsUnavailable
from cartaguard.model.facts import Freshness, Granted, Known, Listed, Memberships, Organizations
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import Restriction
from cartaguard.model.role import Role

__all__ = ["LocalDirectory"]

_UNKNOWN = Known()
_GRANTED = tuple(Granted(permission) for permission in graph.PERMISSIONS)


class LocalDirectory(Directory):
    """Users, groups and resources that are known here; every fact is at hand.

    Made by :meth:`from_dict`, :meth:`from_file` or :meth:`open`. Reading takes no lock where an answer is
    remembered, and any write makes it forget. The writing methods obey the rules of
    :mod:`cartaguard.directories.local_write`; ``by`` is the verified caller, or ``DEPLOYER`` from there.
    """

    uses_groups = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "standing" not in vars(cls):
            # Its facts may come from elsewhere too, or depend on the time: only it can tell how long they stand.
            cls.standing = Directory.standing  # type: ignore[method-assign]

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memo = _Memo(None)
        self._qualified = False
        renew_in_children(self)

    @classmethod
    def from_dict(cls, facts: object, *, strict: bool = True) -> LocalDirectory:
        """The directory of ``{"users": …, "groups": …, "resources": …}``. It takes writes, in memory.

        :param strict: a malformed fact is an error; otherwise it grants nothing and is logged.
        :raises cartaguard.errors.DirectoryError: with ``strict``, for a malformed fact; the message names its path.
        """
        return cls(MemoryStore(read_facts(facts, strict=strict)))

    @classmethod
    def from_file(cls, path: str | PathLike[str], *, strict: bool = True) -> LocalDirectory:
        """The directory of a TOML or JSON file, read once. It takes no writes: the file is edited by people.

        :raises cartaguard.errors.DirectoryError: the file cannot be read, or as in :meth:`from_dict`.
        """
        from cartaguard.directories.local_file import load

        read_only = f"`{path}` is read only; edit the file, or use `LocalDirectory.open(…)` for facts that are written"
        return cls(MemoryStore(read_facts(load(path), strict=strict), read_only=read_only))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> LocalDirectory:
        """The directory of an SQLite file, made if there is none; several processes may use and change it.

        :raises cartaguard.errors.DirectoryError: the file cannot be opened, or is another database.
        """
        from cartaguard.directories.local_sqlite import SqliteStore

        return cls(SqliteStore(path))

    # -- facts -------------------------------------------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships:
        try:
            return Memberships(self._caller(principal).groups)
        except FactsUnavailable as fault:
            return Memberships(principal.groups, fault.code)

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
        key = (resource.id, resource.type, principal.subject, principal.issuer, principal.username, principal.groups)
        try:
            memo = self._memo
            if memo.version != self._store.state:
                memo = self._remembered()
            granted = memo.permissions.get(key)
            if granted is None:
                with self._store.reading() as view:
                    caller = self._caller_within(view, memo, principal)
                    granted = _GRANTED[graph.permission_on(view, caller.user, caller.groups, resource)]
                memo.permissions.put(key, granted)
            return granted
        except FactsUnavailable as fault:
            return Granted(doubt=fault.code)

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations:
        try:
            return Organizations(self._caller(principal).organizations)
        except FactsUnavailable as fault:
            return Organizations(doubt=fault.code)

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known:
        try:
            memo = self._remembered()
            known = memo.known.get(resource)
            if known is None:
                with self._store.reading() as view:
                    known = view.known(resource) or _UNKNOWN
                memo.known.put(resource, known)
            return known
        except FactsUnavailable as fault:
            return Known(doubt=fault.code)

    def listing(self, principal: Principal, type: str) -> Listed:
        try:
            memo = self._remembered()
            with self._store.reading() as view:
                caller = self._caller_within(view, memo, principal)
                return Listed(tuple(graph.listing(view, caller.user, caller.groups, type)))
        except FactsUnavailable as fault:
            return Listed(doubt=fault.code)

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        """Forget everything that is remembered; what is written through a directory needs no call."""
        self._memo = _Memo(None)

    def qualify(self) -> None:
        """From now on only listed users with an ``issuer`` are known by name.

        :raises cartaguard.errors.ConfigurationError: a listed user has none (code ``unqualified_user``).
        """
        with self._store.reading() as view:
            bare = view.unqualified()
        if bare:
            raise ConfigurationError(
                f"`users.{bare[0]}` does not say whose user it is, and several issuers are trusted; add `issuer = …`",
                code="unqualified_user",
            )
        self._qualified = True
        self.invalidate()

    def everything(self) -> AbstractContextManager[Everything]:
        """One state of all facts, for a copy of them.

        :raises cartaguard.errors.DirectoryError: this directory is a copy itself (code ``read_only``).
        """
        return self._store.everything()

    def close(self) -> None:
        self._store.close()

    def renew(self) -> None:
        """Begin anew in a forked process: a thread that stayed behind may have held a lock of the memory."""
        self._memo = _Memo(None)

    def standing(self) -> object | None:
        """What is remembered belongs to one version of the facts, and so stands for it."""
        try:
            memo = self._memo
            return memo if memo.version == self._store.state else self._remembered()
        except FactsUnavailable:
            return None

    def _remembered(self) -> _Memo:
        """What is remembered of the facts as they are now."""
        version = self._store.state
        memo = self._memo
        if memo.version != version:
            memo = self._memo = _Memo(version)
        return memo

    def _caller(self, principal: Principal) -> Caller:
        memo = self._remembered()
        caller = memo.callers.get(_who(principal))
        if caller is None:
            with self._store.reading() as view:
                caller = self._caller_within(view, memo, principal)
        return caller

    def _caller_within(self, view: View, memo: _Memo, principal: Principal) -> Caller:
        """A caller as this view knows it: old memberships and new grants together might permit what never was."""
        key = _who(principal)
        caller = memo.callers.get(key) if self._store.version(exactly=True) == memo.version else None
        if caller is None:
            caller = recognise(view, principal, qualified=self._qualified)
            memo.callers.put(key, caller)
        return caller

    # -- writing -----------------------------------------------------------------------------------------

    def grant(
        self,
        *,
        by: Author,
        to: Grantee | str,
        on: Resource | str,
        role: Role | str | None = None,
        permissions: Sequence[str] | None = None,
    ) -> None:
        """Grant a role, or permission words, in place of what the grantee was granted on that resource before.

        The role ``None`` (the word) takes the grant away.

        :param by: who grants; needs admin on the resource.
        :param to: ``user:NAME``, ``group:ORG:NAME`` or ``resource:TYPE:ID``.
        :raises cartaguard.errors.NotAuthorized: the author may not (``lacks_permission``), ownership would change
            (``owner_is_safe``, ``one_owner``), or it is a secret (``secret_not_shared``).
        :raises cartaguard.errors.DirectoryError: an unknown role, word or resource, or a malformed grantee.
        """
        flags = granted_flags(role, permissions)
        with self._writing(by) as writer:
            writer.grant(_grantee(to), _resource(on), flags)

    def revoke(self, *, by: Author, to: Grantee | str, on: Resource | str) -> None:
        """Take away what a grantee was granted on a resource; nothing happens when there was nothing.

        :raises cartaguard.errors.NotAuthorized: as in :meth:`grant`.
        """
        with self._writing(by) as writer:
            writer.grant(_grantee(to), _resource(on), 0)

    def add_member(self, *, by: Author, group: str, user: str | None = None, member_group: str | None = None) -> None:
        """Make a user, or the members of another group, members of a group. ``DEPLOYER`` so makes new groups.

        :raises cartaguard.errors.NotAuthorized: the author is none of the group's ``admins``.
        """
        with self._writing(by) as writer:
            writer.member(group, _member(group, user, member_group), present=True)

    def remove_member(self, *, by: Author, group: str, user: str | None = None, member_group: str | None = None) -> None:
        """Undo :meth:`add_member`; nothing happens when it was no member."""
        with self._writing(by) as writer:
            writer.member(group, _member(group, user, member_group), present=False)

    def create_resource(self, *, by: Author, resource: Resource | str, organization: str | None = None, restricted: object = None) -> None:
        """Add a resource. The caller becomes its owner, and is listed and pinned by subject if not listed yet.

        :param restricted: a restriction as in a file; malformed ones are errors.
        :raises cartaguard.errors.DirectoryError: it exists (code ``duplicate``), or is malformed.
        :raises cartaguard.errors.NotAuthorized: the author is not verified or known under no name of their own, or
            something is granted to that resource already, which its owner would get.
        """
        restriction = None if restricted is None else Restriction.read(restricted, organization=organization)
        stored = Stored(_resource(resource), Holders(), organization, restriction)
        with self._writing(by) as writer:
            writer.create(stored)

    def include(self, facts: object, *, strict: bool = True) -> None:
        """Take in facts as :meth:`from_dict` reads them, in place of those of the same names: the deployer's own write.

        :raises cartaguard.errors.DirectoryError: as in :meth:`from_dict`; nothing is taken in then.
        """
        read = read_facts(facts, strict=strict)
        with self._store.writing() as view:
            for user in read.users:
                view.put_user(user)
            for group in read.groups:
                view.put_group(group)
            for stored in read.resources:
                view.put_resource(stored)

    @contextmanager
    def _writing(self, by: Author) -> Iterator[Writer]:
        with self._store.writing() as view:
            yield Writer(view, by, qualified=self._qualified)


class _Memo:
    """Answers that were worked out from one version of the facts."""

    __slots__ = ("callers", "known", "permissions", "version")

    def __init__(self, version: object) -> None:
        self.version = version
        self.permissions: MemoryCache[tuple[Any, ...], Granted] = MemoryCache()
        self.callers: MemoryCache[tuple[Any, ...], Caller] = MemoryCache()
        self.known: MemoryCache[Resource, Known] = MemoryCache()


def _who(principal: Principal) -> tuple[Any, ...]:
    return (principal.subject, principal.issuer, principal.username, principal.groups)


def _grantee(to: Grantee | str) -> Grantee:
    return Grantee.parse(str(to))


def _resource(resource: Resource | str) -> Resource:
    try:
        return resource if isinstance(resource, Resource) else Resource.parse(resource)
    except ValueError as fault:
        raise DirectoryError(str(fault), code="malformed_fact") from None


def _member(group: str, user: str | None, member_group: str | None) -> Grantee:
    kind, name = ("group", member_group) if user is None else ("user", user)
    if not (group and name) or (user is not None and member_group is not None):
        raise DirectoryError("say a `group` and either `user` or `member_group`")
    return Grantee(kind, name)
