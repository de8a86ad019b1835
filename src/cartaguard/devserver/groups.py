"""Groups and who is in them."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, insert, select

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.schema import groups, members
from cartaguard.devserver.world import SqlWorld
from cartaguard.directories.graph import closure

__all__ = ["ADMINISTRATORS", "Groups", "group_id"]

#: Whose members may do everything but own what others own.
ADMINISTRATORS = "Administrators"


class Groups:
    """The groups, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._world = SqlWorld(connection)

    def add(self, name: str, *, creator: str) -> None:
        """A new group. :raises ApiError: 400 for a name that is blank or taken."""
        if not name.strip():
            raise ApiError(400, "a group needs a name")
        if self.creator(name) is not None:
            raise ApiError(400, "duplicate record")
        self._connection.execute(insert(groups).values(name=name, id=group_id(name), creator=creator))

    def creator(self, name: str) -> str | None:
        """Who made the group; ``None`` when there is no such group."""
        return self._connection.scalar(select(groups.c.creator).where(groups.c.name == name))

    def with_id(self, id: str) -> str | None:
        """The name of the group whose node has this id."""
        return self._connection.scalar(select(groups.c.name).where(groups.c.id == id))

    def made_by(self, user: str) -> list[str]:
        """The groups that a user made, by name."""
        return list(self._connection.scalars(select(groups.c.name).where(groups.c.creator == user).order_by(groups.c.name)))

    def within(self, group: str, *, kind: str) -> list[str]:
        """The direct members of one kind, by name."""
        return sorted(self._direct(group, kind))

    def reached(self, group: str) -> frozenset[str]:
        """This group and every group that it is in."""
        return closure([group], self._world.parents)

    def join(self, group: str, member: str, *, kind: str = "user") -> None:
        """Make a user or group (``kind``) a member. Who is one stays one."""
        row = {"group": group, "kind": kind, "member": member}
        present = select(members.c.group).where(*(members.c[key] == value for key, value in row.items()))
        if self._connection.scalar(present) is None:
            self._connection.execute(insert(members).values(**row))

    def of(self, user: str) -> frozenset[str]:
        """Every group that a user is in, through other groups too."""
        return closure(self._world.groups_of(user), self._world.parents)

    def members(self, group: str) -> list[str]:
        """The names of the users in a group, through other groups too."""
        found: set[str] = set()
        for inner in closure([group], self._inside):
            found.update(self._direct(inner, "user"))
        return sorted(found)

    def _inside(self, group: str) -> list[str]:
        return self._direct(group, "group")

    def _direct(self, group: str, kind: str) -> list[str]:
        found = select(members.c.member).where(members.c.group == group, members.c.kind == kind)
        return list(self._connection.scalars(found))


def group_id(name: str) -> str:
    """The id of a group's node. It follows from the name, so that it is the same on every fresh store."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"carta:group:{name}"))
