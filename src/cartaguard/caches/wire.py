"""How a remembered fact is written for other processes, and read again.

Nothing that is read is trusted to be what it should be: it has to be of this version, of exactly these types,
within their bounds, and about the very question that is asked. Anything else is no answer.
"""

from __future__ import annotations

from hashlib import sha256
from math import inf, isfinite, isnan
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from cartaguard.caches.entry import Entry, Key
from cartaguard.errors import CartaGuardError
from cartaguard.model.facts import Fact, Granted, Known, Listed, Memberships, Organizations
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.restriction import Restriction

__all__ = ["LARGEST", "Question", "question", "read", "write"]

#: Bytes that a fact may take; a longer one (a very long listing) is not shared.
LARGEST = 1 << 16

_Flags = Annotated[int, msgspec.Meta(ge=0, le=int(Permission.ALL))]
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Memberships(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="groups"):
    groups: list[str]

    def fact(self) -> Fact:
        return Memberships(frozenset(self.groups))


class _Granted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="permission"):
    flags: _Flags

    def fact(self) -> Fact:
        return Granted(Permission(self.flags))


class _Organizations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="organizations"):
    names: list[str]

    def fact(self) -> Fact:
        return Organizations(frozenset(self.names))


class _Restriction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: Literal["public", "registered", "only_allowed_users", "any_organization", "same_organization"]
    allowed_users: list[str]
    organization: str | None


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="restriction"):
    known: bool
    restrictions: list[_Restriction]

    def fact(self) -> Fact:
        return Known(self.known, tuple(Restriction(one.level, frozenset(one.allowed_users), one.organization) for one in self.restrictions))


class _Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="listing"):
    resources: list[tuple[_Text, _Text, _Flags]]

    def fact(self) -> Fact:
        return Listed(tuple((Resource(kind, name), Permission(flags)) for kind, name, flags in self.resources))


_Any = _Memberships | _Granted | _Organizations | _Known | _Listed


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    question: bytes
    since: float
    until: float | None
    fact: _Any


# A group's name is a text of a kind of its own.
_encoder = msgspec.msgpack.Encoder(enc_hook=str)
_decoder = msgspec.msgpack.Decoder(_Value)

#: Which kind of fact answers a question that begins so.
_KINDS: dict[str, type[Fact]] = {
    "GroupsNeed": Memberships,
    "PermissionNeed": Granted,
    "OrganizationsNeed": Organizations,
    "RestrictionNeed": Known,
    "ListingNeed": Listed,
}


class Question(NamedTuple):
    """What a fact is about, in full, and a digest of it that no other question has."""

    text: bytes
    digest: bytes
    kind: type[Fact]


def question(source: str, key: Key) -> Question | None:
    """A cache's key in writing; ``None`` for what cannot be written (a name that is no text).

    :param source: what gives the fact: the same where the same question has the same answer.
    """
    issuer, subject, username, groups, need, *what = key
    name = need.__name__
    try:
        text = _encoder.encode((source, issuer, subject, username, None if groups is None else sorted(groups), name, *what))
    except UnicodeEncodeError:
        return None
    return Question(text, sha256(text).digest(), _KINDS[name])


def write(question: Question, entry: Entry) -> bytes | None:
    """A fact for others; ``None`` for one that is not to be shared: it is in doubt, too long, or cannot be written."""
    fact: Any = entry.fact
    if type(fact) is not question.kind or fact.doubt or fact.stale:
        return None
    until = None if entry.until == inf else entry.until
    try:
        value = _encoder.encode(_Value(1, question.text, entry.since, until, _wire(fact)))
    except UnicodeEncodeError:
        return None
    return value if len(value) <= LARGEST else None


def _wire(fact: Fact) -> _Any:
    match fact:
        case Memberships():
            return _Memberships(sorted(fact.groups))
        case Granted():
            return _Granted(int(fact.permission))
        case Organizations():
            return _Organizations(sorted(fact.names))
        case Known():
            return _Known(fact.known, [_Restriction(_level(one), sorted(one.allowed_users), one.organization) for one in fact.restrictions])
        case Listed():
            return _Listed([(resource.type, resource.id, int(permission)) for resource, permission in fact.resources])


def _level(restriction: Restriction) -> Any:
    return restriction.level


def read(question: Question, value: bytes) -> Entry | None:
    """The fact that answers this question; ``None`` when the value is anything else."""
    try:
        read = _decoder.decode(value)
        fact = read.fact.fact()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, CartaGuardError):
        return None
    if read.question != question.text or type(fact) is not question.kind:
        return None
    until = inf if read.until is None else read.until
    return Entry(fact, read.since, until) if isfinite(read.since) and not isnan(until) else None
