"""The parts of a snapshot as directories, each of which says nothing that is too old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cartaguard.directories.base import Directory
from cartaguard.directories.compact_hash import Buffer
from cartaguard.directories.compact_table import CompactStore, CompactTable
from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.snapshot_age import Ages
from cartaguard.directories.snapshot_answers import About, Remembered, all_answers, answer_reader
from cartaguard.directories.snapshot_layout import Answers, LeftOut, Part, Table
from cartaguard.errors import FactsUnavailable
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import holds
from cartaguard.model.principal import Principal
from cartaguard.model.value import replace

__all__ = ["Kept", "Unknown", "part_directory"]

F = TypeVar("F", bound=Fact)


def part_directory(part: Part, buffer: Buffer, created_at: float, ages: Ages, answer_ages: Ages) -> Directory:
    """The directory of a part of a snapshot.

    :param ages: the rule of age for whole facts.
    :param answer_ages: the rule of age for remembered answers.
    """
    match part:
        case Table():
            return _Whole(LocalDirectory(CompactStore(CompactTable(buffer, part.table))), part.source, created_at, ages)
        case Answers():
            return Kept(part, buffer, answer_ages)
        case LeftOut():
            return Unknown(part.source)


class _Part(Directory):
    """A part of a snapshot: every fact is at hand, or in doubt."""

    uses_groups = True

    def __init__(self, source: str) -> None:
        self._source = source

    @property
    def source(self) -> str:
        return self._source


class _Whole(_Part):
    """All facts of a local directory, as they were at one time."""

    def __init__(self, facts: LocalDirectory, source: str, since: float, ages: Ages) -> None:
        super().__init__(source)
        self._facts = facts
        self._since = since
        self._ages = ages

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships:
        return self._told(Memberships, lambda: self._facts.groups(principal, wanted), principal, fresh)

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
        return self._told(Granted, lambda: self._facts.permission(principal, resource, flag), principal, fresh)

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations:
        return self._told(Organizations, lambda: self._facts.organizations(principal), principal, fresh)

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known:
        return self._told(Known, lambda: self._facts.restriction(principal, resource), principal, fresh)

    def listing(self, principal: Principal, type: str) -> Listed:
        return self._told(Listed, lambda: self._facts.listing(principal, type), principal, None)

    def _told(self, kind: Callable[..., F], ask: Callable[[], F], principal: Principal, fresh: Freshness | None) -> F:
        word = self._ages.word(self._since, principal, fresh)
        if word.doubt:
            return kind(doubt=word.doubt)
        fact = ask()
        # What could not be read tells nothing, and so is no older than it should be.
        return replace(fact, stale=True) if word.stale and not fact.doubt else fact

    def qualify(self) -> None:
        self._facts.qualify()


class Kept(_Part):
    """What was remembered of a remote directory: each answer has its own age, and what was not asked is in doubt."""

    def __init__(self, part: Answers, buffer: Buffer, ages: Ages) -> None:
        super().__init__(part.source)
        self.uses_groups = part.uses_groups
        self.partial_groups = part.partial_groups
        self._part, self._buffer = part, buffer
        self._answer = answer_reader(buffer, part)
        self._ages = ages

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships:
        what = tuple(sorted(wanted)) if self.partial_groups else ()
        fact: Memberships = self._recall(GroupsNeed, principal, what, fresh, Memberships)
        return _unsure(fact) if wanted and wanted.isdisjoint(fact.groups) else fact

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
        fact: Granted = self._recall(PermissionNeed, principal, (resource.type, resource.id), fresh, Granted)
        return _unsure(fact) if flag and not holds(fact.permission, flag) else fact

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations:
        fact: Organizations = self._recall(OrganizationsNeed, principal, (), fresh, Organizations)
        return fact

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known:
        fact: Known = self._recall(RestrictionNeed, principal, (resource.type, resource.id), fresh, Known)
        return fact

    def listing(self, principal: Principal, type: str) -> Listed:
        fact: Listed = self._recall(ListingNeed, principal, (type,), None, Listed)
        return fact

    def _recall(
        self, kind: type[Need], principal: Principal, what: tuple[str, ...], fresh: Freshness | None, empty: Callable[..., Any]
    ) -> Any:
        groups = principal.groups if self.uses_groups else None
        try:
            answer = self._answer(About(principal.issuer, principal.subject, principal.username, groups, kind, what))
        except FactsUnavailable as fault:
            return empty(doubt=fault.code)
        if answer is None:
            return empty(doubt="not_in_snapshot")
        if self._ages.age(answer.until) >= 0:
            # Nothing outlives the token that it was asked with.
            return empty(doubt="snapshot_too_old")
        word = self._ages.word(answer.since, principal, fresh)
        if word.doubt:
            return empty(doubt=word.doubt)
        return replace(answer.fact, stale=True) if word.stale else answer.fact

    def remembered(self) -> Iterator[Remembered]:
        """The answers that still stand, for another snapshot."""
        for about, answer in all_answers(self._buffer, self._part):
            if self._ages.age(answer.until) < 0 and self._ages.stands(answer.since, about.issuer, about.subject):
                yield Remembered(about, answer)


def _unsure(fact: F) -> F:
    """A fact that does not hold what is asked: it was so, and to say that it still is would be a guess."""
    return fact if fact.doubt else replace(fact, doubt="not_in_snapshot")


class Unknown(_Part):
    """A directory that a snapshot could not take in: whatever it might have said is in doubt."""

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships:
        return Memberships(doubt="not_in_snapshot")

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
        return Granted(doubt="not_in_snapshot")

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations:
        return Organizations(doubt="not_in_snapshot")

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known:
        return Known(doubt="not_in_snapshot")

    def listing(self, principal: Principal, type: str) -> Listed:
        return Listed(doubt="not_in_snapshot")
