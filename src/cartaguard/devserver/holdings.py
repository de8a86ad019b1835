"""What one node holds on another (v2): the rules of :mod:`cartaguard.directories.graph`, asked for any kind of node.

Users and groups are no resources, so that nothing is granted on them: a user holds everything on themselves and on the
groups that they made, and members may read their group.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from cartaguard.devserver.groups import Groups
from cartaguard.devserver.nodes import Node, Nodes
from cartaguard.devserver.permissions import Permissions, Tiers
from cartaguard.devserver.world import SqlWorld
from cartaguard.directories.graph import Grantee, Holders, listing, permission_on
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission

__all__ = ["Holdings"]

#: The name of a group that nobody can make: groups have names that are not blank.
_STANDING = ""


class _Viewpoint(NamedTuple):
    """Who asks the graph: its user, its groups, and the world as seen from there."""

    world: SqlWorld
    user: str | None
    groups: frozenset[str]


class Holdings:
    """What nodes hold, within one transaction."""

    def __init__(self, connection: Connection, nodes: Nodes, groups: Groups, permissions: Permissions) -> None:
        self._connection = connection
        self._nodes = nodes
        self._groups = groups
        self._permissions = permissions

    def held(self, source: Node, target: Node) -> Permission:
        """What a node holds on another, along every path."""
        if target.resource is None:
            return self._on_people(source, target)
        view = self._viewpoint(source)
        return permission_on(view.world, view.user, view.groups, target.resource)

    def direct(self, source: Node, target: Node) -> Tiers:
        """What was granted to a node on another."""
        if target.resource is None:
            return Tiers(self._on_people(source, target))
        return self._permissions.tiers(target.resource, source.grantee)

    def reached(self, source: Node) -> list[tuple[Node, Permission]]:
        """The nodes on which a node holds something, but itself, with what it holds."""
        view = self._viewpoint(source)
        found: list[tuple[Node, Permission]] = []
        for kind in self._nodes.types():
            for resource, permission in listing(view.world, view.user, view.groups, kind):
                found += [(node, permission) for node in self._nodes.all_of([Grantee.of(resource)])]
        made = self._groups.made_by(view.user) if view.user else []
        names = sorted({*view.groups, *made} - {_STANDING})
        groups = self._nodes.all_of(Grantee("group", name) for name in names)
        found += [(node, self._on_people(source, node)) for node in groups]
        return [(node, permission) for node, permission in found if node.id != source.id]

    def accessors(self, target: Node, label: str) -> list[tuple[Node, Tiers]]:
        """The nodes with a label to which something was granted on a node."""
        if target.resource is not None:
            grantees: Iterable[Grantee] = [grant.grantee for grant in self._permissions.granted(target.resource)]
        elif target.grantee.kind == "group":
            maker = self._groups.creator(target.name) or ""
            inside = [Grantee(kind, name) for kind in ("user", "group") for name in self._groups.within(target.name, kind=kind)]
            grantees = dict.fromkeys([Grantee("user", maker), *inside])
        else:
            grantees = [target.grantee]
        return [(node, self.direct(node, target)) for node in self._nodes.all_of(grantees) if label in node.labels]

    def _viewpoint(self, source: Node) -> _Viewpoint:
        if source.resource is not None:
            return _Viewpoint(_Standing(self._connection, source.resource), None, frozenset({_STANDING}))
        if source.grantee.kind == "user":
            return _Viewpoint(SqlWorld(self._connection), source.name, self._groups.of(source.name))
        return _Viewpoint(SqlWorld(self._connection), None, self._groups.reached(source.name))

    def _on_people(self, source: Node, target: Node) -> Permission:
        if target.grantee.kind == "user":
            return Permission.ALL if source.id == target.id else Permission.NONE
        if source.grantee == Grantee("user", self._groups.creator(target.name) or ""):
            return Permission.ALL
        inside = source.id != target.id and source.resource is None and target.name in self._viewpoint(source).groups
        return Permission.READ if inside else Permission.NONE


class _Standing(SqlWorld):
    """The world with one more group, which holds everything on one resource: what it holds elsewhere is what the resource does."""

    def __init__(self, connection: Connection, resource: Resource) -> None:
        super().__init__(connection)
        self._resource = resource

    def holders(self, resource: Resource) -> Holders | None:
        holders = super().holders(resource)
        if holders is None or resource != self._resource:
            return holders
        return holders.granting("group", {_STANDING: int(Permission.ALL)})

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        return [self._resource] if grantee == Grantee("group", _STANDING) else super().granted_to(grantee)
