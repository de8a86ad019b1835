"""What can be asked about a caller, and about a resource, and what SpiceDB's answers say of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from cartaguard.directories import spicedb_names as names
from cartaguard.directories.graph import SECRET
from cartaguard.directories.spicedb_callers import Caller
from cartaguard.directories.spicedb_calls import Check, Seen, SpiceDB
from cartaguard.directories.spicedb_names import Object, Row
from cartaguard.directories.spicedb_rows import UNRESTRICTED
from cartaguard.drivers.effects import Steps, Together
from cartaguard.errors import DirectoryError, FactsUnavailable
from cartaguard.model.facts import Granted, Known, Listed, Memberships, Organizations
from cartaguard.model.names import Resource
from cartaguard.model.permission import ACTIONS, Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import LEVELS, STRICTEST, Restriction

__all__ = ["About", "known"]

K = TypeVar("K", bound=Hashable)
N = TypeVar("N")

_FLAGS = tuple((word, 1 << index) for index, word in enumerate(ACTIONS))


class About(NamedTuple):
    """Questions about one caller, all of the moment at which it was recognised.

    Each raises :class:`~cartaguard.errors.FactsUnavailable` when there is no usable answer.
    """

    spicedb: SpiceDB
    principal: Principal
    caller: Caller
    deadline: float

    def permissions(self, resources: Sequence[Resource]) -> Steps[dict[Resource, Granted]]:
        """What the caller holds on resources: each permission of each of its subjects."""
        asked: dict[tuple[Resource, int], list[Check]] = {}
        for resource in resources:
            known_as = _stored(names.resource, resource)
            if known_as is not None:
                for word, flag in _FLAGS:
                    asked[resource, flag] = [Check(known_as, word, subject) for subject in self.caller.subjects]
        found = yield from self._any(asked, self._question("permission", frozenset(resources)))
        facts: dict[Resource, Granted] = {}
        for resource in resources:
            answers = {flag: found.get((resource, flag), False) for _, flag in _FLAGS}
            permission = Permission(sum(flag for flag, answer in answers.items() if answer is True)).effective
            doubt = next((answer for flag, answer in answers.items() if isinstance(answer, str) and not permission & flag), "")
            facts[resource] = Granted(permission, doubt)
        return facts

    def groups(self, wanted: frozenset[str]) -> Steps[Memberships]:
        """Which of the groups in question the caller is in; all of its groups where none is named."""
        known, question = self.principal.groups, self._question("groups")
        if not wanted:
            within: set[str] = set()
            for subject in self.caller.subjects:
                groups = yield from self.spicedb.lookup("group", "membership", subject, self.caller.seen, question, self.deadline)
                within.update(map(_name_of, groups))
            return Memberships(known | within)
        asked: dict[str, list[Check]] = {}
        for name in sorted(wanted - known):
            group = _stored(names.group, name)
            if group is not None:
                asked[name] = [Check(group, "membership", subject) for subject in self.caller.subjects]
        found = yield from self._any(asked, question)
        doubt = next((answer for answer in found.values() if isinstance(answer, str)), "")
        return Memberships(known.union(name for name, answer in found.items() if answer is True), doubt)

    def organizations(self) -> Steps[Organizations]:
        """The organizations of the listed user that the caller is."""
        user = self.caller.user
        if user is None or not self.caller.listed:
            return Organizations()
        rows = yield from self.spicedb.read(
            "organization", self.caller.seen, self._question("organizations"), self.deadline, relation="member", subject=user
        )
        return Organizations(frozenset(_name_of(row.object) for row in rows))

    def listing(self, type: str) -> Steps[Listed]:
        """The resources of a type on which something is held: each permission of each of the caller's subjects."""
        kind, question = "secret" if type == SECRET else "resource", self._question("listing", type)
        asked = [(flag, word, subject) for word, flag in _FLAGS for subject in self.caller.subjects]
        plans = [self.spicedb.lookup(kind, word, subject, self.caller.seen, question, self.deadline) for _, word, subject in asked]
        held: dict[Resource, int] = {}
        for (flag, _, _), objects in zip(asked, (yield Together(plans)), strict=True):
            for resource in map(_resource_of, objects):
                if resource.type == type:
                    held[resource] = held.get(resource, 0) | flag
        found = [(resource, Permission(flags).effective) for resource, flags in held.items()]
        return Listed(tuple(sorted(found, key=lambda item: item[0].id)))

    def _any(self, asked: Mapping[K, Sequence[Check]], question: Hashable) -> Steps[dict[K, bool | str]]:
        """For each key whether any of its checks says yes, or a doubt where none does and not all say no."""
        checks = [(key, check) for key, some in asked.items() for check in some]
        found: dict[K, bool | str] = {}
        if checks:
            checked = yield from self.spicedb.check([check for _, check in checks], self.caller.seen, question, self.deadline)
            for (key, _), answer in zip(checks, checked.answers, strict=True):
                found[key] = _or(found.get(key, False), answer)
        return found

    def _question(self, *what: Hashable) -> Hashable:
        """What may fail alone: if it counted for all, one caller could turn SpiceDB off for everybody."""
        return (self.principal.issuer, self.principal.subject, *what)


def known(spicedb: SpiceDB, resource: Resource, seen: Seen, deadline: float) -> Steps[Known]:
    """What is known of a resource beside permissions.

    :raises cartaguard.errors.FactsUnavailable: there is no usable answer.
    """
    record = _stored(names.record, resource)
    if record is None:
        return Known()
    rows = yield from spicedb.read("record", seen, ("record", resource), deadline, id=record.id)
    return _known(rows)


def _known(rows: Sequence[Row]) -> Known:
    """What the relationships of a record say. More than one level, or one that is none, is the strictest."""
    levels = [row.subject.object.id for row in rows if row.relation == "level"]
    if not levels:
        return Known()
    if levels == [UNRESTRICTED]:
        return Known(known=True)
    if len(levels) > 1 or levels[0] not in LEVELS:
        return Known(known=True, restrictions=(STRICTEST,))
    allowed = frozenset(_name_of(row.subject.object) for row in rows if row.relation == "allowed")
    organizations = [_name_of(row.subject.object) for row in rows if row.relation == "organization"]
    organization = organizations[0] if len(organizations) == 1 else None
    return Known(known=True, restrictions=(Restriction(levels[0], allowed, organization),))


def _or(one: bool | str, other: bool | str) -> bool | str:
    """A yes counts whatever else is in doubt, and a doubt before a no."""
    return True if one is True or other is True else one or other


def _stored(name_of: Callable[[N], Object], name: N) -> Object | None:
    """The object of a name; ``None`` for a name that cannot be stored, which is that of nothing."""
    try:
        return name_of(name)
    except DirectoryError:
        return None


def _name_of(object: Object) -> str:
    try:
        [name] = names.parts_of(object.id)
    except ValueError:
        name = None
    if not name:
        raise _foreign(object.type)
    return name


def _resource_of(object: Object) -> Resource:
    try:
        return names.resource_of(object)
    except ValueError:
        raise _foreign(object.type) from None


def _foreign(type: str) -> FactsUnavailable:
    return FactsUnavailable(f"spicedb holds a {type} whose id is no name as cartaguard writes it", code="spicedb_malformed")
