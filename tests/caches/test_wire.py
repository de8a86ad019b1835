"""How facts are written for other processes: whatever is read is exactly what was written for this question, or nothing."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard import Group, Permission, Resource
from cartaguard.caches import wire
from cartaguard.caches.entry import Entry, Key
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.restriction import LEVELS, Restriction

WHO = ("https://a.example", "s-1", "olga")

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
names = st.frozensets(texts | texts.map(Group), max_size=4)
permissions = st.integers(0, 63).map(Permission)
restrictions = st.builds(Restriction, st.sampled_from(LEVELS), names, st.none() | texts)
resources = st.builds(Resource, texts.filter(lambda text: ":" not in text), texts)

FACTS: dict[type, st.SearchStrategy[Any]] = {
    GroupsNeed: st.builds(Memberships, names),
    PermissionNeed: st.builds(Granted, permissions),
    OrganizationsNeed: st.builds(Organizations, names),
    RestrictionNeed: st.builds(Known, st.booleans(), st.lists(restrictions, max_size=3).map(tuple)),
    ListingNeed: st.builds(Listed, st.lists(st.tuples(resources, permissions), max_size=4).map(tuple)),
}
SIMPLE: dict[type, Fact] = {
    GroupsNeed: Memberships(frozenset({"Team"})),
    PermissionNeed: Granted(Permission.READ),
    OrganizationsNeed: Organizations(),
    RestrictionNeed: Known(),
    ListingNeed: Listed(),
}


def ask(
    kind: type = PermissionNeed, *what: str, who: tuple[str, str, str] = WHO, groups: frozenset[str] | None = None, source: str = "t"
) -> wire.Question:
    key: Key = (*who, groups, kind, *what)
    asked = wire.question(source, key)
    assert asked is not None
    return asked


@given(
    st.sampled_from(list(FACTS)).flatmap(lambda kind: st.tuples(st.just(kind), FACTS[kind])),
    st.floats(0, 1e10),
    st.floats(0, 1e10) | st.just(inf),
)
def test_what_is_written_is_read(written: tuple[type, Fact], since: float, until: float) -> None:
    """Each kind of fact, with its times."""
    kind, fact = written
    entry = Entry(fact, since, until)
    value = wire.write(ask(kind), entry)
    assert value is not None
    assert wire.read(ask(kind), value) == entry


QUESTIONS = [
    ask(),
    ask(PermissionNeed, "Project", "p1"),
    ask(PermissionNeed, "Projec", "tp1"),
    ask(PermissionNeed, "Project", "p2"),
    ask(RestrictionNeed, "Project", "p1"),
    ask(GroupsNeed, "Project", "p1"),
    ask(who=("https://b.example", "s-1", "olga")),
    ask(who=("https://a.example", "s-2", "olga")),
    ask(who=("https://a.example", "s-1", "adam")),
    ask(who=("https://a.examples", "-1", "olga")),
    ask(groups=frozenset()),
    ask(groups=frozenset({"Team"})),
    ask(groups=frozenset({"Te", "am"})),
    ask(source="u"),
]


def test_no_two_questions_are_the_same() -> None:
    """Source, issuer, subject, login name, groups, kind, type and id all count, and none runs into the next."""
    assert len({asked.text for asked in QUESTIONS}) == len({asked.digest for asked in QUESTIONS}) == len(QUESTIONS)
    assert ask(groups=frozenset({"a", "b"})) == ask(groups=frozenset({Group("b"), Group("a")}))


@pytest.mark.parametrize("index", range(len(QUESTIONS)))
def test_an_answer_serves_no_other_question(index: int) -> None:
    """Even where it lies in its place."""
    asked = QUESTIONS[index]
    [kind] = [kind for kind, fact in SIMPLE.items() if type(fact) is asked.kind]
    value = wire.write(asked, Entry(SIMPLE[kind], 1.0, inf))
    assert value is not None
    assert [wire.read(other, value) is not None for other in QUESTIONS] == [other is asked for other in QUESTIONS]


def value(**changes: Any) -> bytes:
    """What is stored, changed."""
    fact = {"type": "permission", "flags": 1}
    whole = {"version": 1, "question": ask().text, "since": 1.0, "until": None, "fact": fact}
    return msgspec.msgpack.encode({name: given for name, given in {**whole, **changes}.items() if given is not ...})


def test_what_is_stored_is_as_the_next_test_thinks() -> None:
    """So that each of its changes is what makes it nothing."""
    assert wire.read(ask(), value()) == Entry(Granted(Permission.READ), 1.0, inf)
    assert wire.read(ask(), value(until=5.0)) == Entry(Granted(Permission.READ), 1.0, 5.0)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\xc1",
        value()[:-1],
        value() + b"\x00",
        value(version=2),
        value(version="1"),
        value(version=...),
        value(more=True),
        value(question=ask().digest),
        value(question=...),
        value(question=ask().text.decode("latin-1")),
        value(since="1"),
        value(since=None),
        value(since=nan),
        value(since=inf),
        value(until=nan),
        value(until="x"),
        value(until=...),
        value(fact={"type": "permission", "flags": 64}),
        value(fact={"type": "permission", "flags": -1}),
        value(fact={"type": "permission", "flags": True}),
        value(fact={"type": "permission", "flags": 1.5}),
        value(fact={"type": "permission", "flags": "1"}),
        value(fact={"type": "permission"}),
        value(fact={"type": "permission", "flags": 1, "doubt": ""}),
        value(fact={"type": "everything", "flags": 63}),
        value(fact={"flags": 63}),
        value(fact={"type": "groups", "groups": ["Team"]}),
        value(fact=None),
        msgspec.msgpack.encode([1, ask().text, 1.0, None, 1]),
        msgspec.json.encode({"version": 1}),
    ],
)
def test_anything_else_is_no_answer(stored: bytes) -> None:
    """Another version's, somebody else's, cut off, of another type or out of bounds."""
    assert wire.read(ask(), stored) is None


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        (
            RestrictionNeed,
            {"type": "restriction", "known": True, "restrictions": [{"level": "open", "allowed_users": [], "organization": None}]},
        ),
        (RestrictionNeed, {"type": "restriction", "known": True, "restrictions": [{"level": "public"}]}),
        (RestrictionNeed, {"type": "restriction", "known": 1, "restrictions": []}),
        (ListingNeed, {"type": "listing", "resources": [["", "p1", 1]]}),
        (ListingNeed, {"type": "listing", "resources": [["Project", "", 1]]}),
        (ListingNeed, {"type": "listing", "resources": [["Pro:ject", "p1", 1]]}),
        (ListingNeed, {"type": "listing", "resources": [["Project", "p1", 64]]}),
        (GroupsNeed, {"type": "groups", "groups": "Team"}),
        (GroupsNeed, {"type": "groups", "groups": [None]}),
    ],
)
def test_a_fact_that_cannot_be_is_no_answer(kind: type, fact: dict[str, Any]) -> None:
    """An unknown level would otherwise be one that nobody has thought of."""
    assert wire.read(ask(kind), value(question=ask(kind).text, fact=fact)) is None


@given(st.binary(max_size=200))
def test_reading_never_fails(stored: bytes) -> None:
    """Whatever somebody stored there."""
    assert wire.read(ask(), stored) is None


@given(st.data())
def test_a_value_with_a_changed_byte_grants_nothing_that_was_not_written(data: st.DataObject) -> None:
    """At most the times or the flags differ, and then they are within their bounds: who may write may grant, and nothing worse."""
    stored = bytearray(value())
    stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    read = wire.read(ask(), bytes(stored))
    assert read is None or (type(read.fact) is Granted and 0 <= read.fact.permission <= 63)


@pytest.mark.parametrize(
    "fact",
    [
        Granted(Permission.READ, doubt="down"),
        Granted(Permission.READ, stale=True),
        Memberships(),
    ],
)
def test_what_is_in_doubt_or_beside_the_question_is_not_shared(fact: Fact) -> None:
    """Nobody could tell it from a fact."""
    assert wire.write(ask(), Entry(fact, 1.0, inf)) is None


def test_what_is_too_long_or_no_text_is_not_shared() -> None:
    """Each process then asks for itself."""
    long = Listed(tuple((Resource("Project", str(index)), Permission.READ) for index in range(10_000)))
    assert wire.write(ask(ListingNeed), Entry(long, 1.0, inf)) is None
    assert wire.write(ask(GroupsNeed), Entry(Memberships(frozenset({"\ud800"})), 1.0, inf)) is None
    assert wire.question("t", (*WHO, None, PermissionNeed, "Project", "\ud800")) is None
