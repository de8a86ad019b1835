"""Loading facts into SpiceDB, so that an interrupted load permits nothing that neither the old facts nor the new ones do.

What is written are the differences, in four steps: what takes away is added, what gives is deleted, what gives is
added, and what took away is deleted (:func:`~cartaguard.directories.spicedb_rows.narrows`). After the second step only what
old and new facts have in common gives anything; from then on nothing is added that the new facts do not say. So a
load that ends in the middle, wherever it is, holds less than one of the two, and running it again completes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cartaguard.directories import spicedb_names as names
from cartaguard.directories.local_store import Group, Stored, User
from cartaguard.directories.spicedb_calls import SpiceDB
from cartaguard.directories.spicedb_names import Object, Row
from cartaguard.directories.spicedb_rings import rings, stars
from cartaguard.directories.spicedb_rows import DEEPEST, narrows, rows_of
from cartaguard.directories.spicedb_schema import DEFINITIONS, of, schema
from cartaguard.drivers.effects import Steps
from cartaguard.errors import DirectoryError
from cartaguard.model.permission import ACTIONS

__all__ = ["BATCH", "Plan", "planned", "stored_rows", "sync", "write_schema"]

#: How many relationships are written in one call, which is all or nothing: SpiceDB's own limit.
BATCH = 1000

#: Seconds for one call. Nobody waits for a decision meanwhile.
PATIENCE = 60.0

#: The types that facts are stored in.
_STORED = ("user", "login", "organization", "group", "resource", "secret", "record")

_DEFINED = re.compile(r"^\s*(?:definition|caveat)\s+([\w/]+)", re.MULTILINE)


class Plan(NamedTuple):
    """What has to be written: to be added, to be deleted, and how much stays as it is."""

    add: tuple[Row, ...]
    remove: tuple[Row, ...]
    unchanged: int

    def batches(self) -> Iterator[list[tuple[Row, bool]]]:
        """What is written in each call, in order: each relationship, and whether it is added."""
        for rows, present, narrowing in (
            (self.add, True, True),
            (self.remove, False, False),
            (self.add, True, False),
            (self.remove, False, True),
        ):
            some = [(row, present) for row in rows if narrows(row) is narrowing]
            for start in range(0, len(some), BATCH):
                yield some[start : start + BATCH]


def planned(
    stored: Collection[Row], users: Sequence[User], groups: Sequence[Group], resources: Sequence[Stored], *, prune: bool = False
) -> Plan:
    """What has to be written so that these facts count.

    What is stored about users, groups and resources among them is replaced. What is stored about others stays.

    :param prune: that is deleted too, so that these facts are all there are.
    :raises cartaguard.errors.DirectoryError: they cannot be stored; or, beside what stays, groups or resources would stand
        in a ring (code ``ring``) or be nested too deep (``too_deep``).
    """
    wanted = rows_of(users, groups, resources)
    told: set[Object] = {names.user(user.name) for user in users}
    told.update(names.group(group.name) for group in groups)
    told.update(names.record(one.resource) for one in resources)
    known_as: dict[Object, list[Object]] = {}
    for row in stored:
        if row.object.type == "login" and row.relation == "user":
            known_as.setdefault(row.object, []).append(row.subject.object)
    missing = [row for row in stored if row not in wanted]
    remove = [row for row in missing if prune or not told.isdisjoint(_about(row, known_as))]
    if not prune:
        gone = set(remove)
        _check_nesting([*(row for row in stored if row not in gone), *wanted])
    have = set(stored)
    add = tuple(row for row in wanted if row not in have)
    return Plan(add, tuple(remove), len(stored) - len(remove))


def _about(row: Row, known_as: Mapping[Object, Iterable[Object]]) -> Iterable[Object]:
    """The users, the group or the resource (as its record) that a relationship says something of."""
    match row.object.type:
        case "login":
            return known_as.get(row.object, ())
        case "organization":
            return (row.subject.object,)
        case "resource" | "secret":
            return (Object("record", row.object.id),)
    return (row.object,)


def _check_nesting(rows: Iterable[Row]) -> None:
    edges: dict[str, dict[Object, list[Object]]] = {relation: {} for relation in ("inner", *map(of, ACTIONS))}
    for row in rows:
        if row.relation in edges:
            edges[row.relation].setdefault(row.object, []).append(row.subject.object)
    for relation, found in edges.items():
        for ring in rings(found):
            if len(ring) > 1 or ring[0] in found.get(ring[0], ()):
                raise DirectoryError(
                    f"beside what is stored, there would be a ring of {len(ring)} by `{relation}`; load all facts together, with `--prune`",
                    code="ring",
                )
    depths = {relation: stars(found).depth for relation, found in edges.items()}
    depth = depths.pop("inner") + max(depths.values())
    if depth > DEEPEST:
        raise DirectoryError(
            f"beside what is stored, the nesting would be {depth} deep, and SpiceDB follows {DEEPEST} with certainty", code="too_deep"
        )


def stored_rows(spicedb: SpiceDB) -> Steps[set[Row]]:
    """All facts that are stored, as of now."""
    rows: set[Row] = set()
    for stored in _STORED:
        rows.update((yield from spicedb.read_all(stored, spicedb.clock() + PATIENCE)))
    return rows


def sync(spicedb: SpiceDB, plan: Plan, advance: Callable[[int], object]) -> Steps[str]:
    """Write what is planned; the token of the last write, empty when there was nothing to write.

    :param advance: told how many relationships were written, after each call.
    :raises cartaguard.errors.FactsUnavailable: it ended in the middle; running it again completes it.
    """
    token = ""
    for updates in plan.batches():
        token = yield from spicedb.write(updates, spicedb.clock() + PATIENCE)
        advance(len(updates))
    return token


def write_schema(spicedb: SpiceDB) -> Steps[str]:
    """Store the schema; the token of that moment.

    :raises cartaguard.errors.DirectoryError: a schema with other definitions is there, which this one would replace.
    """
    there = yield from spicedb.read_schema(spicedb.clock() + PATIENCE)
    foreign = [name for name in _DEFINED.findall(there) if name not in DEFINITIONS]
    if foreign:
        raise DirectoryError(
            f"the stored schema has `{foreign[0]}`, which is not cartaguard's and would be lost; give cartaguard a SpiceDB of its own",
            code="foreign_schema",
        )
    return (yield from spicedb.write_schema(schema(), spicedb.clock() + PATIENCE))
