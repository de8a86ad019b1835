"""The stored facts, as the rules of :mod:`cartaguard.directories.graph` ask for them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from cartaguard.devserver.schema import granted, grants, members, resources
from cartaguard.directories.graph import Grantee, Holders
from cartaguard.model.names import Resource

__all__ = ["SqlWorld"]


class SqlWorld:
    """A :class:`~cartaguard.directories.graph.World` within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def parents(self, group: str) -> Iterable[str]:
        found = select(members.c.group).where(members.c.kind == "group", members.c.member == group)
        return self._connection.scalars(found).all()

    def groups_of(self, user: str) -> Iterable[str]:
        """The groups that have this user as a direct member."""
        found = select(members.c.group).where(members.c.kind == "user", members.c.member == user)
        return self._connection.scalars(found).all()

    def holders(self, resource: Resource) -> Holders | None:
        asked = select(resources.c.owner).where(resources.c.id == resource.id, resources.c.type == resource.type)
        owner = self._connection.scalar(asked)
        if owner is None:
            return None
        stored = select(grants.c.kind, grants.c.grantee, granted).where(grants.c.resource == resource.id)
        rows = self._connection.execute(stored).all()
        return Holders.settle(resource, owner, [(Grantee(row.kind, row.grantee), row.permission) for row in rows])

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        joined = resources.join(grants, grants.c.resource == resources.c.id)
        found = select(resources.c.type, resources.c.id).select_from(joined)
        found = found.where(grants.c.kind == grantee.kind, grants.c.grantee == grantee.name)
        return [Resource(row.type, row.id) for row in self._connection.execute(found)]

    def owned_by(self, user: str) -> Iterable[Resource]:
        found = select(resources.c.type, resources.c.id).where(resources.c.owner == user)
        return [Resource(row.type, row.id) for row in self._connection.execute(found)]
