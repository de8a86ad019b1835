"""Carta's facts for a copy of them: what its API tells an administrator.

Carta does not tell everybody's grants but what each user holds in all, through groups and resources too. So a copy gives
each user the same permissions, as grants of their own; it has no owners, as v1 has no word for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cartaguard.directories.graph import Holders
from cartaguard.directories.local_store import Facts, Group, Stored, User
from cartaguard.model.names import Resource

if TYPE_CHECKING:
    from cartaguard.carta.client import CartaClient

__all__ = ["carta_facts"]


def carta_facts(client: CartaClient, advance: Callable[[], object]) -> Facts:
    """Users with their ids and organizations, their groups, and what each of them holds on what.

    :param advance: told of each user that was asked about.
    """
    people = client.users.search("", prefix=True)
    types = client.resources.types()
    members: dict[str, list[str]] = {}
    held: dict[Resource, dict[str, int]] = {}
    for person in people:
        for group in person.groups:
            members.setdefault(group, []).append(person.name)
        for kind in types:
            for record in client.resources.list(kind, user_id=person.id):
                # A guard names a namespace by its name.
                names = {record.id, record.name} if kind == "Namespace" and record.name else {record.id}
                for name in names:
                    holders = held.setdefault(Resource(kind, name), {})
                    flags = int(record.permission)
                    if flags:
                        holders[person.name] = flags
        advance()
    users = [
        User(person.name, person.name, person.id or None, None, frozenset({person.organization} if person.organization else ()))
        for person in people
    ]
    groups = [Group(name, tuple(users)) for name, users in members.items()]
    return Facts(users, groups, [Stored(resource, Holders(users=holders)) for resource, holders in held.items()])
