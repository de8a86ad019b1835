"""A described set of facts of any size, as a stream, and the compact table of it.

With n grants there are n / 100 users, n / 10,000 groups and n / 20 resources (at least 10 of each), so that ten
million grants are 100,000 users, 1,000 groups and 500,000 resources. Each user is in three groups, and every tenth
group is within another. Each resource has an owner, grants to 16 users and to three groups, drawn evenly; every
tenth has a restriction, and every fiftieth has one grant to another resource in place of one to a group.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import NamedTuple

from cartaguard import Principal, Resource
from cartaguard.directories.compact_build import Progress
from cartaguard.directories.graph import Holders
from cartaguard.directories.local_store import Everything, Group, Stored, User
from cartaguard.directories.snapshot_export import Local, write_parts
from cartaguard.directories.snapshot_layout import Header, Table
from cartaguard.model.restriction import Restriction

__all__ = ["KEY", "Built", "Scale", "build_table", "facts", "principal", "resource"]

#: What tables of these facts are signed with: no secret.
KEY = b"benchmark " * 4

_USERS, _GROUPS = 16, 3
_ROLES = (1, 5, 7)


class Scale(NamedTuple):
    """How many there are of each."""

    users: int
    groups: int
    resources: int

    @classmethod
    def of(cls, grants: int) -> Scale:
        """The scale for about so many grants."""
        return cls(*(max(10, grants // part) for part in (100, 10_000, 20)))


def user(number: int) -> str:
    return f"user{number:07}"


def group(number: int) -> str:
    return f"Org{number % 97:02}:Group{number:05}"


def resource(number: int) -> Resource:
    """A resource, by its number from 0 on."""
    return Resource("Project", f"p{number:08}")


def principal(number: int) -> Principal:
    """The caller who is a user, by its number from 0 on."""
    return Principal(issuer="https://issuer.example", subject=f"sub-{number:07}", username=user(number))


def facts(grants: int, *, seed: int = 1) -> Everything:
    """About so many grants, with their users, groups and resources. The same for the same seed."""
    scale = Scale.of(grants)
    users = (User(user(number), user(number), organizations=frozenset((f"Org{number % 97:02}",))) for number in range(scale.users))
    return Everything(users, _groups(scale, Random(seed)), _resources(scale, Random(seed + 1)))


def _groups(scale: Scale, random: Random) -> Iterator[Group]:
    members: list[list[str]] = [[] for _ in range(scale.groups)]
    for number in range(scale.users):
        for chosen in random.sample(range(scale.groups), _GROUPS):
            members[chosen].append(user(number))
    for number, names in enumerate(members):
        within = (group(number + 1),) if number % 10 == 0 and number + 1 < scale.groups else ()
        yield Group(group(number), tuple(names), within)


def _resources(scale: Scale, random: Random) -> Iterator[Stored]:
    everybody, all_groups = [user(number) for number in range(scale.users)], [group(number) for number in range(scale.groups)]
    for number in range(scale.resources):
        owner = everybody[int(random.random() * scale.users)]
        users = dict.fromkeys(random.choices(everybody, k=_USERS), _ROLES[number % 3])
        shared = {} if number % 50 else {str(resource((number + 1) % scale.resources)): 1}
        groups = dict.fromkeys(random.choices(all_groups, k=_GROUPS - len(shared)), 1)
        restriction = Restriction("any_organization", frozenset((owner,))) if number % 10 == 0 else None
        yield Stored(resource(number), Holders(owner, users, groups, shared), None, restriction)


class Built(NamedTuple):
    """A table that was built, and what that took."""

    header: Header
    bytes: int
    seconds: float

    @property
    def grants(self) -> int:
        [table] = self.header.parts
        assert isinstance(table, Table)
        return table.table.counts.grants

    @property
    def bytes_per_grant(self) -> float:
        """All bytes of the file, by its grants."""
        return self.bytes / self.grants


def build_table(path: Path, grants: int, progress: Progress = lambda what, done, total: None) -> Built:
    """Write the compact table of about so many grants."""
    started = time.perf_counter()
    header = write_parts(path, [Local("facts", nullcontext(facts(grants)))], key=KEY, progress=progress)
    return Built(header, path.stat().st_size, time.perf_counter() - started)
