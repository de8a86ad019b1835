"""What stands where in a compact table: the descriptions in its header, and its records.

A table is part of one flat buffer and is made of *spans* of it. Grants and records are found by 16-byte keys
(:mod:`cartaguard.directories.compact_keys`), which are kept sorted in buckets by their leading bits. All numbers
in the buffer are little-endian.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from cartaguard.errors import DirectoryError

__all__ = ["Counts", "Hashed", "Kinds", "Membership", "Named", "Person", "Shared", "Span", "TableLayout", "pack", "unpack_as", "unstorable"]

#: Where something begins in the buffer, and how many bytes it has.
Span: TypeAlias = tuple[int, int]


class Hashed(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A sorted run of entries of one width, each a key and a payload, and where each bucket of them begins."""

    entries: Span
    index: Span
    #: How many leading bits of a key say which bucket it is in.
    bits: int


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a table holds. A grant is one grantee's flags on one resource; an owner is a grantee."""

    users: int = 0
    groups: int = 0
    resources: int = 0
    grants: int = 0


class TableLayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One compact table.

    ``key`` is what its keys are hashed with; it is no secret. ``names`` are the resources' texts, one after the
    other, ``ends`` where each begins and the last one ends, ``postings`` the numbers of the resources of each
    grantee in turn. ``bare`` are some of the users who do not say whose they are.
    """

    key: bytes
    counts: Counts
    grants: Hashed
    records: Hashed
    texts: Span
    names: Span
    ends: Span
    postings: Span
    bare: tuple[str, ...]


class Named(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A listed user."""

    username: str | None
    subject: str | None
    issuer: str | None
    organizations: tuple[str, ...]


class Membership(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The record of a grantee: the groups that name it, and where in ``postings`` its resources are, and how many."""

    of: tuple[str, ...] = ()
    start: int = 0
    count: int = 0


class Person(Membership, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The record of a user's name: the user who is listed under it, and who else is, under another name, with it as login name."""

    named: Named | None = None
    others: tuple[str, ...] = ()


class Kinds(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The record of a resource: what has to be looked for at all, and the flags of its groups where they are few."""

    kinds: int
    groups: dict[str, int]


class Shared(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A second record, of a resource with more than grants to users and groups: its restriction, and what is granted to resources."""

    level: str | None
    allowed: tuple[str, ...]
    organization: str | None
    resources: dict[str, int]


def pack(record: object) -> bytes:
    """The bytes of a record.

    :raises cartaguard.errors.DirectoryError: a name is no text that can be stored.
    """
    try:
        return msgspec.msgpack.encode(record)
    except UnicodeEncodeError:
        raise unstorable() from None


def unstorable() -> DirectoryError:
    """The fault of a name that cannot be stored."""
    return DirectoryError("a name holds a lone surrogate, which is no text that can be stored", code="malformed_fact")


#: Readers of records, strict in their types.
unpack_as = {
    Membership: msgspec.msgpack.Decoder(Membership),
    Person: msgspec.msgpack.Decoder(Person),
    Kinds: msgspec.msgpack.Decoder(Kinds),
    Shared: msgspec.msgpack.Decoder(Shared),
}
