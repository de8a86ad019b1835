"""Connections of projects: resources that belong to another, and go with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from cartaguard.devserver.permissions import Permissions, Stored
from cartaguard.devserver.schema import connections
from cartaguard.directories.graph import Grantee
from cartaguard.model.names import Resource
from cartaguard.model.role import Role

__all__ = ["Connections"]


class Connections:
    """The connections, within one transaction."""

    def __init__(self, connection: Connection, permissions: Permissions) -> None:
        self._connection = connection
        self._permissions = permissions

    def add(self, project: Stored, *, owner: str, fields: dict[str, Any]) -> Stored:
        """A new connection of a project. What somebody may do with the project's data, they may do with the connection's."""
        stored = self._permissions.create("Connection", owner=owner, fields=fields)
        self._connection.execute(insert(connections).values(resource=stored.resource.id, project=project.resource.id))
        self._permissions.grant(stored.resource, Grantee.of(project.resource), Role.EDITOR.permission)
        return stored

    def project(self, connection: Stored) -> Stored | None:
        """The project that a connection belongs to."""
        project = self._connection.scalar(select(connections.c.project).where(connections.c.resource == connection.resource.id))
        return None if project is None else self._permissions.stored(project)

    def remove_all(self, project: Stored) -> None:
        """Remove the connections of a project."""
        found = select(connections.c.resource).where(connections.c.project == project.resource.id)
        for connection in self._connection.scalars(found).all():
            self._permissions.remove(Resource("Connection", connection))
