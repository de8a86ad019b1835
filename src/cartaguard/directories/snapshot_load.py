"""Loading a snapshot: whether a file is the one that is wanted, and the directories of its parts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cartaguard.directories.base import Directory
from cartaguard.directories.snapshot_age import Ages
from cartaguard.directories.snapshot_file import Check, Identity, open_snapshot
from cartaguard.directories.snapshot_layout import Header
from cartaguard.directories.snapshot_part import part_directory
from cartaguard.directories.snapshot_seal import Seal
from cartaguard.errors import SnapshotError

__all__ = ["Loaded", "Wanted"]

_AGES = {
    "snapshot_too_old": "is older than `max_age` allows; write it anew",
    "snapshot_from_the_future": "was written later than now; a clock is wrong",
}


class Loaded(NamedTuple):
    """A snapshot that may be used, and the directories of its parts."""

    header: Header
    identity: Identity
    parts: tuple[Directory, ...]


class Wanted(NamedTuple):
    """What a snapshot has to be.

    :param issuers: whose callers it is about; ``None``: whoever's.
    :param sources: the live directories that it has to be of; ``None``: whichever.
    :param ages: the rule of age for whole facts.
    :param answer_ages: the rule of age for remembered answers.
    """

    path: Path
    seal: Seal
    check: Check
    namespace: str
    issuers: tuple[str, ...] | None
    sources: tuple[str, ...] | None
    ages: Ages
    answer_ages: Ages

    def load(self) -> Loaded:
        """Open the file that is there now.

        :raises cartaguard.errors.SnapshotError: it is not used.
        """
        opened = open_snapshot(self.path, self.seal, self.check)
        header = opened.header
        if header.namespace != self.namespace:
            raise self._foreign(f"is for the namespace `{header.namespace}`, and `{self.namespace}` is wanted")
        if self.issuers is not None and header.issuers and header.issuers != self.issuers:
            raise self._foreign(f"is about callers of {_listed(header.issuers)}, and those of {_listed(self.issuers)} are trusted")
        sources = tuple(part.source for part in header.parts)
        if self.sources is not None and sources != self.sources:
            raise self._foreign(f"is of the directories {_listed(sources)}, and the live ones are {_listed(self.sources)}")
        beyond = self.ages.beyond(header.created_at)
        if beyond:
            raise SnapshotError(f"`{self.path}` {_AGES[beyond]}", code=beyond)
        parts = [part_directory(part, opened.buffer, header.created_at, self.ages, self.answer_ages) for part in header.parts]
        return Loaded(header, opened.identity, tuple(parts))

    def _foreign(self, why: str) -> SnapshotError:
        return SnapshotError(f"`{self.path}` {why}", code="snapshot_foreign")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
