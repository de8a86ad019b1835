"""What a snapshot file says about itself. docs/snapshots.md has the format in ten lines."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from cartaguard.directories.compact_layout import Hashed, Span, TableLayout
from cartaguard.tokens.kept import KeptKeys

__all__ = ["BLOCK", "FORMAT", "MAGIC", "Answers", "Header", "LeftOut", "Part", "Table", "spans"]

#: The first and the last bytes of a snapshot, and the version of what is between them.
MAGIC, FORMAT = b"cartaguard facts", 2

#: Bytes that one digest is about.
BLOCK = 64 * 1024


class Table(msgspec.Struct, tag="table", frozen=True, forbid_unknown_fields=True):
    """All facts of one local directory."""

    source: str
    table: TableLayout


class Answers(msgspec.Struct, tag="answers", frozen=True, forbid_unknown_fields=True):
    """What was remembered of one remote directory: as many records, by what they are about."""

    source: str
    key: bytes
    count: int
    uses_groups: bool
    partial_groups: bool
    records: Hashed
    texts: Span


class LeftOut(msgspec.Struct, tag="left out", frozen=True, forbid_unknown_fields=True):
    """A directory whose facts could not be copied: whatever it might say is in doubt."""

    source: str
    why: str


Part: TypeAlias = Table | Answers | LeftOut


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but the facts.

    ``created_at`` is in seconds since 1970. ``digests`` are the SHA-256 of each :data:`BLOCK` bytes of the body,
    which has ``body`` bytes. ``issuers`` are those that the writer trusted; none: it was told of none.
    """

    format: int
    seal: str
    created_at: float
    namespace: str
    issuers: tuple[str, ...]
    parts: tuple[Part, ...]
    keys: tuple[KeptKeys, ...]
    body: int
    digests: bytes

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The directories that are not in it."""
        return tuple(part for part in self.parts if isinstance(part, LeftOut))


def spans(part: Part) -> list[Span]:
    """All spans of a part."""
    match part:
        case Table():
            table = part.table
            runs = [span for run in (table.grants, table.records) for span in (run.entries, run.index)]
            return [*runs, table.texts, table.names, table.ends, table.postings]
        case Answers():
            return [part.records.entries, part.records.index, part.texts]
    return []
