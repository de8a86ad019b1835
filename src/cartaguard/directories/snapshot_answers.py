"""Remembered answers of remote directories in a snapshot: one record for each, with the time at which it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from cartaguard.directories.compact_build import Records, Scratch
from cartaguard.directories.compact_hash import Buffer, Sink
from cartaguard.directories.compact_table import reader
from cartaguard.directories.snapshot_layout import Answers
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
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.restriction import Restriction

__all__ = ["About", "Answer", "Remembered", "all_answers", "answer_reader", "write_answers"]


class About(NamedTuple):
    """What an answer is about: the caller, the kind of need, and what else there is to it.

    ``groups`` are those of the caller's that the answer depends on, ``None`` if it does on none.
    """

    issuer: str
    subject: str
    username: str
    groups: frozenset[str] | None
    kind: type[Need]
    what: tuple[str, ...]

    @property
    def text(self) -> str:
        """Another text for everything else."""
        groups = None if self.groups is None else sorted(self.groups)
        try:
            return msgspec.json.encode((*self[:3], groups, _WORDS[self.kind], self.what)).decode()
        except UnicodeEncodeError:
            # A lone surrogate: it was never stored.
            return ""


class Answer(NamedTuple):
    """A fact, when it was asked for, and when it ends with the caller's token. Seconds since 1970."""

    fact: Fact
    since: float
    until: float


class Remembered(NamedTuple):
    """An answer and what it is about."""

    about: About
    answer: Answer


_WORDS: dict[type[Need], str] = {
    GroupsNeed: "groups",
    PermissionNeed: "permission",
    OrganizationsNeed: "organizations",
    RestrictionNeed: "restriction",
    ListingNeed: "listing",
}

_KINDS = {word: kind for kind, word in _WORDS.items()}


class _Record(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    about: str
    since: float
    until: float
    fact: _Stored


class _Groups(msgspec.Struct, tag="groups", array_like=True, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]


class _Granted(msgspec.Struct, tag="permission", array_like=True, frozen=True, forbid_unknown_fields=True):
    flags: int


class _Organizations(msgspec.Struct, tag="organizations", array_like=True, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]


class _Known(msgspec.Struct, tag="restriction", array_like=True, frozen=True, forbid_unknown_fields=True):
    known: bool
    restrictions: tuple[tuple[str, tuple[str, ...], str | None], ...]


class _Listed(msgspec.Struct, tag="listing", array_like=True, frozen=True, forbid_unknown_fields=True):
    resources: tuple[tuple[str, int], ...]


_Stored: TypeAlias = _Groups | _Granted | _Organizations | _Known | _Listed


def write_answers(
    sink: Sink, scratch: Scratch, key: bytes, found: Iterator[Remembered], said: Callable[[int], None], **layout: Any
) -> Answers:
    """Write answers, and say where everything is.

    :param scratch: where temporary files go.
    :param key: what the records' keys are hashed with.
    :param layout: the other members of the layout.
    """
    records, count = Records(scratch, key), 0
    for about, answer in found:
        text = about.text
        if text:
            records.put("A", text, _Record(text, answer.since, answer.until, _stored(answer.fact)))
            count += 1
    run, texts = records.write(sink, said)
    return Answers(key=key, count=count, records=run, texts=texts, **layout)


def answer_reader(buffer: Buffer, layout: Answers) -> Callable[[About], Answer | None]:
    """What gives the answer that is about something."""
    record, decoder = reader(buffer, layout, layout.key), msgspec.msgpack.Decoder(_Record)

    def answer(about: About) -> Answer | None:
        text = about.text
        found: _Record | None = record("A", text, decoder) if text else None
        if found is None:
            return None
        if found.about != text:
            raise FactsUnavailable("a snapshot contradicts itself", code="snapshot_damaged")
        return Answer(_fact(found.fact), found.since, found.until)

    return answer


def all_answers(buffer: Buffer, layout: Answers) -> Iterator[Remembered]:
    """Every answer, with what it is about."""
    place, end, decoder = layout.texts[0], sum(layout.texts), msgspec.msgpack.Decoder(_Record)
    while place < end:
        size = int.from_bytes(buffer.read(place, place + 4), "little")
        record = _decoded(decoder, buffer.read(place + 4, place + 4 + size))
        yield Remembered(_about(record.about), Answer(_fact(record.fact), record.since, record.until))
        place += 4 + size


def _decoded(decoder: msgspec.msgpack.Decoder[_Record], text: bytes) -> _Record:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        raise FactsUnavailable("a snapshot contradicts itself", code="snapshot_damaged") from None


def _about(text: str) -> About:
    issuer, subject, username, groups, word, what = msgspec.json.decode(text)
    return About(issuer, subject, username, None if groups is None else frozenset(groups), _KINDS[word], tuple(what))


def _stored(fact: Fact) -> _Stored:
    match fact:
        case Memberships():
            return _Groups(tuple(sorted(fact.groups)))
        case Granted():
            return _Granted(int(fact.permission))
        case Organizations():
            return _Organizations(tuple(sorted(fact.names)))
        case Known():
            return _Known(fact.known, tuple((one.level, tuple(sorted(one.allowed_users)), one.organization) for one in fact.restrictions))
        case Listed():
            return _Listed(tuple((str(resource), int(permission)) for resource, permission in fact.resources))


def _fact(stored: _Stored) -> Fact:
    match stored:
        case _Groups():
            return Memberships(frozenset(stored.names))
        case _Granted():
            return Granted(Permission(stored.flags & Permission.ALL))
        case _Organizations():
            return Organizations(frozenset(stored.names))
        case _Known():
            return Known(
                stored.known,
                tuple(Restriction(level, frozenset(names), organization) for level, names, organization in stored.restrictions),
            )
        case _Listed():
            return Listed(tuple((Resource.parse(name), Permission(flags & Permission.ALL)) for name, flags in stored.resources))
