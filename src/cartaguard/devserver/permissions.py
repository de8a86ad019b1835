"""Resources and grants: what there is, who holds what, and who may change that."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.groups import Groups
from cartaguard.devserver.histories import Histories
from cartaguard.devserver.schema import addresses, grants, resources
from cartaguard.devserver.world import SqlWorld
from cartaguard.directories.graph import SECRET, Grantee, listing, permission_on
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission

__all__ = ["TYPES", "Grant", "Permissions", "Stored", "Tiers"]

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


class Tiers(NamedTuple):
    """What one grantee holds directly, as Carta's v2 divides it."""

    user: Permission = Permission.NONE
    private: Permission = Permission.NONE
    shared: Permission = Permission.NONE


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
        """The resource with this id. A service is found by ``NAMESPACE/NAME`` too."""
        row = self._connection.execute(select(resources).where(resources.c.id == id)).one_or_none()
        namespace, _, service = id.partition("/")
        if row is None and service:
            address = select(addresses.c.resource).where(addresses.c.namespace == namespace, addresses.c.service == service)
            row = self._connection.execute(select(resources).where(resources.c.id.in_(address))).one_or_none()
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
            held = ((Grantee(kind, name), flags) for name, flags in sorted(names.items()))
            found += [Grant(grantee, Permission(flags)) for grantee, flags in held if grantee != found[0].grantee]
        return found

    def tiers(self, resource: Resource, grantee: Grantee) -> Tiers:
        """What was granted directly, tier by tier. The owner's everything is in the first."""
        holders = self._world.holders(resource)
        if holders is not None and holders.owns(grantee):
            return Tiers(Permission.ALL)
        found = select(grants.c.user, grants.c.private, grants.c.shared).where(*_between(resource, grantee))
        row = self._connection.execute(found).one_or_none()
        return Tiers() if row is None else Tiers(*map(Permission, row))

    def grant(self, resource: Resource, grantee: Grantee, permission: Permission) -> None:
        """Let a grantee hold exactly this directly; nothing takes back what was granted."""
        self.grant_tiers(resource, grantee, Tiers(permission))

    def grant_tiers(self, resource: Resource, grantee: Grantee, tiers: Tiers) -> None:
        """The same, tier by tier.

        :raises ApiError: 400 for a second owner or a secret, 403 for a change to the owner, 404 for a resource that is not there.
        """
        if resource.type == SECRET:
            raise ApiError(400, "a secret cannot be shared")
        if any(permission.owner for permission in tiers):
            raise ApiError(400, "a resource has one owner")
        stored = self.stored(resource.id)
        if stored is None or stored.resource.type != resource.type:
            raise ApiError(404, "not found")
        if grantee == Grantee("user", stored.owner):
            raise ApiError(403, "the owner keeps everything")
        resource = stored.resource
        if grantee.kind == "resource":
            holder = self.stored(Resource.parse(grantee.name).id)
            grantee = grantee if holder is None else Grantee.of(holder.resource)
        self._connection.execute(delete(grants).where(*_between(resource, grantee)))
        if any(tiers):
            row = {"resource": resource.id, "kind": grantee.kind, "grantee": grantee.name}
            self._connection.execute(insert(grants).values(**row, **{tier: int(flags) for tier, flags in tiers._asdict().items()}))


def _between(resource: Resource, grantee: Grantee) -> tuple[ColumnElement[bool], ...]:
    return grants.c.resource == resource.id, grants.c.kind == grantee.kind, grants.c.grantee == grantee.name
