"""Resources and grants: what there is, who holds what, and who may change that."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.groups import Groups
from cartaguard.devserver.histories import Histories
from cartaguard.devserver.schema import grants, resources
from cartaguard.devserver.world import SqlWorld
from cartaguard.directories.graph import SECRET, Grantee, listing, permission_on
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission

__all__ = ["TYPES", "Grant", "Permissions", "Stored"]

#: Carta's words for types of resources.
TYPES = ("Workspace", "Connection", "File", "Namespace", "Service", "Project")


@dataclass(frozen=True, slots=True)
class Stored:
    """One resource, with the fields that its type has in Carta's answers."""

    resource: Resource
    owner: str
    fields: dict[str, Any] = field(default_factory=dict)


class Grant(NamedTuple):
    """What one grantee holds directly on a resource."""

    grantee: Grantee
    permission: Permission


class Permissions:
    """Resources and grants, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._world = SqlWorld(connection)
        self._groups = Groups(connection)
        self.histories = Histories(connection)

    def create(self, type: str, *, owner: str, fields: dict[str, Any]) -> Stored:
        """A new resource with an id of its own, as Carta gives them."""
        stored = Stored(Resource(type, str(uuid.uuid4())), owner, fields)
        self.add(stored.resource, owner=owner, fields=fields)
        return stored

    def add(self, resource: Resource, *, owner: str, fields: dict[str, Any]) -> None:
        """A new resource. :raises ApiError: 400 for an id that is taken, by whatever type."""
        if self.stored(resource.id) is not None:
            raise ApiError(400, "duplicate record")
        self._connection.execute(insert(resources).values(id=resource.id, type=resource.type, owner=owner, fields=fields))
        self.histories.begin(resource.id, owner)

    def change(self, resource: Resource, *, by: str, fields: dict[str, Any]) -> None:
        """Give a resource other fields; its history remembers who did."""
        self._connection.execute(update(resources).where(resources.c.id == resource.id).values(fields=fields))
        self.histories.changed(resource.id, by)

    def remove(self, resource: Resource) -> None:
        """Remove a resource, what was granted on it, and what it was granted itself."""
        itself = Grantee.of(resource)
        self._connection.execute(delete(grants).where(grants.c.kind == itself.kind, grants.c.grantee == itself.name))
        self._connection.execute(delete(resources).where(resources.c.id == resource.id))

    def stored(self, id: str) -> Stored | None:
        """The resource with this id."""
        row = self._connection.execute(select(resources).where(resources.c.id == id)).one_or_none()
        return None if row is None else Stored(Resource(row.type, row.id), row.owner, row.fields)

    def of_user(self, user: str, resource: Resource) -> Permission:
        """Everything that a user holds on a resource."""
        return permission_on(self._world, user, self._groups.of(user), resource)

    def of(self, grantee: Grantee, resource: Resource) -> Permission:
        """Everything that a grantee holds; of a group or resource, what was granted to itself."""
        if grantee.kind == "user":
            return self.of_user(grantee.name, resource)
        held = (grant.permission for grant in self.granted(resource) if grant.grantee == grantee)
        return next(held, Permission.NONE)

    def reached_by(self, user: str, type: str) -> list[tuple[Resource, Permission]]:
        """The resources of a type on which a user holds something, by id."""
        return listing(self._world, user, self._groups.of(user), type)

    def granted(self, resource: Resource) -> list[Grant]:
        """The direct grants, the owner's first."""
        holders = self._world.holders(resource)
        if holders is None:
            return []
        found = [Grant(Grantee("user", holders.owner or ""), Permission.ALL)]
        for kind, names in (("user", holders.users), ("group", holders.groups), ("resource", holders.resources)):
            found += [Grant(Grantee(kind, name), Permission(flags)) for name, flags in sorted(names.items()) if name != holders.owner]
        return found

    def grant(self, resource: Resource, grantee: Grantee, permission: Permission) -> None:
        """Let a grantee hold exactly this directly; nothing takes back what was granted.

        :raises ApiError: 400 for a second owner or a secret, 403 for a change to the owner.
        """
        if resource.type == SECRET:
            raise ApiError(400, "a secret cannot be shared")
        if permission.owner:
            raise ApiError(400, "a resource has one owner")
        stored = self.stored(resource.id)
        if stored is not None and grantee == Grantee("user", stored.owner):
            raise ApiError(403, "the owner keeps everything")
        where = (grants.c.resource == resource.id, grants.c.kind == grantee.kind, grants.c.grantee == grantee.name)
        self._connection.execute(delete(grants).where(*where))
        if permission:
            row = {"resource": resource.id, "kind": grantee.kind, "grantee": grantee.name, "permission": int(permission)}
            self._connection.execute(insert(grants).values(**row))
