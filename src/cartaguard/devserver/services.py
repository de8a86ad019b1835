"""Namespaces and the services in them: resources that are also found by name."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import Permissions, Stored
from cartaguard.devserver.schema import addresses
from cartaguard.model.names import Resource

__all__ = ["Services", "checked_name"]

#: Names that Carta's own paths below ``service/`` have.
_TAKEN = frozenset({"carta", "details", "register", "remove", "rename", "reserve"})

#: The longest name, in characters.
_LONGEST = 128


def checked_name(name: str) -> str:
    """The name of a namespace or service, if it can stand in a path.

    :raises ApiError: 400 when it is blank, too long, or holds what clients or paths would change.
    """
    if not name.strip() or name != name.strip() or len(name) > _LONGEST:
        raise ApiError(400, f"a name has 1 to {_LONGEST} characters and no spaces at its ends")
    if name in (".", "..") or "/" in name or not name.isprintable():
        raise ApiError(400, "a name holds no slash and nothing that cannot be printed, and is no dot")
    return name


class Services:
    """The namespaces and services, within one transaction."""

    def __init__(self, connection: Connection, permissions: Permissions) -> None:
        self._connection = connection
        self._permissions = permissions

    def reserve(self, namespace: str, *, owner: str) -> Stored:
        """A new namespace. :raises ApiError: 400 for a name that cannot be, or is taken."""
        if checked_name(namespace) in _TAKEN:
            raise ApiError(400, f"`{namespace}` is Carta's own; choose another name")
        return self._added(namespace, "", owner, {"name": namespace})

    def register(self, namespace: str, service: str, base_url: str, *, owner: str) -> Stored:
        """A new service in a namespace that there is. :raises ApiError: 400 for a name that cannot be, or is taken."""
        return self._added(namespace, checked_name(service), owner, {"name": service, "baseUrl": base_url})

    def found(self, namespace: str, service: str = "") -> Stored | None:
        """A namespace, or a service in it."""
        where = (addresses.c.namespace == namespace, addresses.c.service == service)
        found = self._connection.scalar(select(addresses.c.resource).where(*where))
        return None if found is None else self._permissions.stored(found)

    def occupied(self, namespace: str) -> bool:
        """Whether there are services in a namespace."""
        where = (addresses.c.namespace == namespace, addresses.c.service != "")
        return self._connection.execute(select(addresses.c.service).where(*where).limit(1)).one_or_none() is not None

    def rename(self, stored: Stored, namespace: str, name: str, *, by: str) -> None:
        """Give a service another name in its namespace. :raises ApiError: 400 for one that cannot be, or is taken."""
        if self.found(namespace, checked_name(name)) is not None:
            raise ApiError(400, "duplicate record")
        self._connection.execute(update(addresses).where(addresses.c.resource == stored.resource.id).values(service=name))
        self._permissions.change(stored.resource, by=by, fields={**stored.fields, "name": name})

    def remove(self, stored: Stored) -> None:
        """Remove a service, or a namespace without services."""
        self._connection.execute(delete(addresses).where(addresses.c.resource == stored.resource.id))
        self._permissions.remove(stored.resource)

    def place(self, resource: Resource, *, owner: str, fields: dict[str, Any]) -> Resource:
        """Put in any resource under an id of one's own; a ``Service:NAMESPACE/NAME`` with its namespace, if there is none.

        A service's id follows from its names and holds no slash, since clients put it into paths as it is. Returns
        the resource with the id that it got.
        """
        namespace, _, service = resource.id.partition("/")
        if resource.type == "Namespace":
            return self._added(resource.id, "", owner, {"name": resource.id, **fields}, id=resource.id).resource
        if resource.type == "Service" and service:
            if self.found(namespace) is None:
                self._added(namespace, "", owner, {"name": namespace}, id=namespace)
            fixed = str(uuid.uuid5(uuid.NAMESPACE_URL, f"carta:{resource}"))
            return self._added(namespace, service, owner, {"name": service, **fields}, id=fixed).resource
        self._permissions.add(resource, owner=owner, fields=fields)
        return resource

    def _added(self, namespace: str, service: str, owner: str, fields: dict[str, Any], *, id: str = "") -> Stored:
        if self.found(namespace, service) is not None:
            raise ApiError(400, "duplicate record")
        kind = "Service" if service else "Namespace"
        stored = Stored(Resource(kind, id or str(uuid.uuid4())), owner, fields)
        self._permissions.add(stored.resource, owner=owner, fields=fields)
        self._connection.execute(insert(addresses).values(namespace=namespace, service=service, resource=stored.resource.id))
        return stored
