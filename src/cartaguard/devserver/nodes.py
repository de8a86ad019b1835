"""Nodes, as Carta's v2 has them: users, groups and resources alike, each known by its id alone.

They are another view of what the first generation stores: a project is a node with the label ``Project``. Only generic
resources are made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.groups import Groups, group_id
from cartaguard.devserver.people import People, Person
from cartaguard.devserver.permissions import Permissions
from cartaguard.devserver.schema import resources
from cartaguard.directories.graph import SECRET, Grantee
from cartaguard.model.names import Resource

__all__ = ["Node", "Nodes"]

#: Carta's labels for nodes that hold permissions of their own.
_USER, _GROUP = "User", "UserGroup"

#: Labels of what is made by calls of its own, or by nobody.
_KEPT = frozenset({_USER, _GROUP, SECRET, "Self", "Namespace", "Service"})


class Node(NamedTuple):
    """One node. ``grantee`` is what it is in a grant; ``generic`` whether it was made, and may be removed, as a node."""

    id: str
    name: str
    labels: tuple[str, ...]
    props: Mapping[str, Any]
    grantee: Grantee
    generic: bool = False

    @property
    def resource(self) -> Resource | None:
        """What it is if permissions are granted on it; ``None`` for a user or group."""
        return Resource.parse(self.grantee.name) if self.grantee.kind == "resource" else None


class Nodes:
    """The nodes, within one transaction."""

    def __init__(self, connection: Connection, people: People, groups: Groups, permissions: Permissions) -> None:
        self._connection = connection
        self._people = people
        self._groups = groups
        self._permissions = permissions

    def of_person(self, person: Person) -> Node:
        """A user's node."""
        return Node(person.id, person.name, (_USER,), {"email": person.email}, Grantee("user", person.name))

    def of(self, grantee: Grantee) -> Node | None:
        """The node of a grantee; ``None`` when there is none."""
        if grantee.kind == "user":
            person = self._people.named(grantee.name)
            return None if person is None else self.of_person(person)
        if grantee.kind == "group":
            return Node(group_id(grantee.name), grantee.name, (_GROUP,), {}, grantee)
        return self._resource(Resource.parse(grantee.name).id)

    def found(self, id: str) -> Node | None:
        """The node with this id."""
        person = self._people.with_id(id)
        if person is not None:
            return self.of_person(person)
        group = self._groups.with_id(id)
        return self._resource(id) if group is None else self.of(Grantee("group", group))

    def all_of(self, grantees: Iterable[Grantee]) -> list[Node]:
        """The nodes of those grantees that there are."""
        return [node for node in map(self.of, grantees) if node is not None]

    def create(self, name: str, labels: Sequence[str], props: Mapping[str, Any], *, owner: str) -> Node:
        """A new generic resource. :raises ApiError: 400 for a label that is none, or Carta's own."""
        if not labels or not all(_is_label(label) for label in labels):
            raise ApiError(400, "a resource needs labels: words without a colon or a slash, and not carta's own")
        made = self._permissions.create(labels[0], owner=owner, fields={"name": name})
        values = {"labels": list(dict.fromkeys(labels)), "props": dict(props)}
        self._connection.execute(update(resources).where(resources.c.id == made.resource.id).values(**values))
        return self._node(made.resource, made.fields)

    def update(self, node: Node, *, by: str, name: str | None, props: Mapping[str, Any] | None) -> Node:
        """Give a generic resource another name or other props; what is ``None`` stays."""
        resource, fields = Resource.parse(node.grantee.name), {"name": node.name if name is None else name}
        self._permissions.change(resource, by=by, fields=fields)
        if props is not None:
            self._connection.execute(update(resources).where(resources.c.id == resource.id).values(props=dict(props)))
        return self._node(resource, fields)

    def types(self) -> list[str]:
        """The types of the resources that there are."""
        return sorted(self._connection.scalars(select(resources.c.type).distinct()))

    def _resource(self, id: str) -> Node | None:
        stored = self._permissions.stored(id)
        return None if stored is None else self._node(stored.resource, stored.fields)

    def _node(self, resource: Resource, fields: Mapping[str, Any]) -> Node:
        made = select(resources.c.labels, resources.c.props).where(resources.c.id == resource.id)
        labels, props = self._connection.execute(made).one()
        name, generic = str(fields.get("name", resource.id)), labels is not None
        if not generic:
            labels, props = [resource.type], {key: value for key, value in fields.items() if key != "name"}
        return Node(resource.id, name, tuple(labels), props, Grantee.of(resource), generic)


def _is_label(label: str) -> bool:
    return label.isprintable() and label == label.strip() != "" and len(label) <= 128 and not set(label) & set(":/") and label not in _KEPT
