"""Values: immutable, equal by what is in them."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest

from cartaguard._settings_keys import Kind, Place
from cartaguard._settings_part import Part
from cartaguard._starlette_routes import Site
from cartaguard.drivers.effects import Call, Shared, Together
from cartaguard.drivers.flights import Flights
from cartaguard.guard.explanation import Explanation
from cartaguard.guard.listing import Listing
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.http.refusal import Refusal
from cartaguard.model.decision import Decision
from cartaguard.model.facts import (
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
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.pattern import PathPattern
from cartaguard.model.permission import Permission
from cartaguard.model.policy import PROTOCOLS, PolicyEntry
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import authenticated
from cartaguard.model.restriction import Restriction
from cartaguard.model.value import Value, replace
from cartaguard.tokens.claims import Row
from support.canary import CANARY

OLGA = Principal(issuer="i", subject="olga")
P1 = Resource("Project", "p1")
FRESH = Freshness(5)
FLIGHTS = Flights()
PATTERN = PathPattern("/p1")

#: Each class, what it needs, and the rest with other values than it has by itself.
ALL: list[tuple[type[Value], dict[str, Any], dict[str, Any]]] = [
    (Memberships, {}, {"groups": frozenset({"a"}), "doubt": "d", "stale": True}),
    (Granted, {}, {"permission": Permission.READ, "doubt": "d", "stale": True}),
    (Organizations, {}, {"names": frozenset({"a"}), "doubt": "d", "stale": True}),
    (Known, {}, {"known": True, "restrictions": (Restriction("public"),), "doubt": "d", "stale": True}),
    (Listed, {}, {"resources": ((P1, Permission.READ),), "doubt": "d", "stale": True}),
    (GroupsNeed, {"principal": OLGA}, {"wanted": frozenset({"a"}), "fresh": FRESH}),
    (PermissionNeed, {"principal": OLGA, "resource": P1}, {"flag": 1, "fresh": FRESH}),
    (OrganizationsNeed, {"principal": OLGA}, {"fresh": FRESH}),
    (RestrictionNeed, {"principal": OLGA, "resource": P1}, {"fresh": FRESH}),
    (ListingNeed, {"principal": OLGA, "type": "Project"}, {}),
    (Freshness, {}, {"max_age": 1.0, "max_stale": 2.0}),
    (Restriction, {"level": "public"}, {"allowed_users": frozenset({"olga"}), "organization": "o"}),
    (PolicyEntry, {"pattern": PATTERN, "requirement": authenticated}, {"methods": frozenset({"GET"}), "protocols": frozenset({"http"})}),
    (
        HttpRequest,
        {"method": "GET", "url": "http://a"},
        {"headers": {"a": "b"}, "body": b"b", "timeout": 1.0, "max_bytes": 1, "client": "c"},
    ),
    (HttpResponse, {"status": 200}, {"headers": {"a": "b"}, "body": b"b"}),
    (Refusal, {"status": 403, "reason": "r", "headers": (("a", "b"),), "body": b"b"}, {"concealed": True}),
    (Site, {"holder": 1, "key": 2, "entry": 3}, {"listed": False}),
    (Explanation, {"decision": Decision(), "parts": (Decision(),), "text": "t"}, {}),
    (Listing, {"resources": (P1,)}, {"cursor": "c"}),
    (Row, {"status": "s", "rule": "r"}, {"test": print, "refusal": "f", "use": "u"}),
    (Kind, {"expected": "e", "check": print}, {"from_text": repr}),
    (Place, {"source": "s"}, {"prefix": "p", "variable": True}),
    (Part, {"values": {"a": 1}, "place": Place("s"), "base": Path()}, {}),
    (Call, {"blocking": print}, {"aio": repr}),
    (Shared, {"flights": FLIGHTS, "key": 1, "steps": iter}, {"within": 1.0}),
    (Together, {"steps": ()}, {}),
]
EACH = pytest.mark.parametrize(("kind", "needed", "other"), ALL, ids=lambda value: value.__name__ if isinstance(value, type) else "")


def content(value: Value) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def test_every_class_of_values_is_in_the_table() -> None:
    """No class of values goes untested."""
    assert {kind for kind in Value.__subclasses__() if kind.__module__.startswith("cartaguard.")} == {kind for kind, *_ in ALL}


@EACH
def test_a_value_holds_what_it_was_made_of(kind: type[Value], needed: dict[str, Any], other: dict[str, Any]) -> None:
    """Fields, parameters and patterns have the same names in the same order, and each field what was given for it."""
    assert list(kind.__slots__) == list(inspect.signature(kind).parameters) == list(kind.__match_args__)  # type: ignore[attr-defined]
    assert content(kind(**needed, **other)) == {**needed, **other}
    assert content(kind(*needed.values(), *other.values())) == {**needed, **other}
    bare = content(kind(**needed))
    assert {name: bare[name] for name in needed} == needed


def test_what_is_left_out_is_nothing() -> None:
    """A fact that was not told grants nothing, doubts nothing and is not stale; a need asks for no more than it says."""
    for kind in (Memberships, Granted, Organizations, Known, Listed):
        assert not any(content(kind()).values()), kind
    assert content(PermissionNeed(OLGA, P1)) == {"principal": OLGA, "resource": P1, "flag": 0, "fresh": None}
    assert content(GroupsNeed(OLGA)) == {"principal": OLGA, "wanted": frozenset(), "fresh": None}
    assert (OrganizationsNeed(OLGA).fresh, RestrictionNeed(OLGA, P1).fresh) == (None, None)
    assert content(Restriction("public")) == {"level": "public", "allowed_users": frozenset(), "organization": None}
    assert content(PolicyEntry(PATTERN, authenticated)) == {
        "pattern": PATTERN,
        "requirement": authenticated,
        "methods": None,
        "protocols": PROTOCOLS,
    }
    assert content(Freshness()) == {"max_age": None, "max_stale": 0.0}
    assert Refusal(403, "r", (), b"").concealed is False
    assert Listing(()).cursor is None
    assert content(Row("s", "r")) == {"status": "s", "rule": "r", "test": None, "refusal": "bad_claim", "use": ""}
    assert Kind("e", print).from_text is str
    assert content(Place("s")) == {"source": "s", "prefix": "", "variable": False}
    assert Call(print).aio is None


def test_an_exchange_has_its_limits_by_itself() -> None:
    """A request takes ten seconds and two mebibytes at most, and has headers of its own."""
    request = HttpRequest("GET", "http://a")
    assert (request.headers, request.body, request.timeout, request.max_bytes, request.client) == ({}, None, 10.0, 2097152, None)
    assert request.headers is not HttpRequest("GET", "http://a").headers
    response = HttpResponse(200)
    assert (response.headers, response.body) == ({}, b"")
    assert response.headers is not HttpResponse(200).headers


@EACH
def test_values_are_equal_by_every_field(kind: type[Value], needed: dict[str, Any], other: dict[str, Any]) -> None:
    """The same content is the same value; any other field makes another one, and so does another class."""
    value = kind(**needed, **other)
    assert value == kind(**needed, **other)
    for name in other:
        assert value != kind(**needed, **{key: given for key, given in other.items() if key != name}), name
    for name in needed:
        assert value != replace(value, **{name: object()}), name
    assert value != tuple(content(value).values())
    assert value.__eq__(object()) is NotImplemented


def test_equal_fields_of_another_class_are_another_value() -> None:
    """What is known of groups is never taken for what is known of organizations."""
    assert Memberships(frozenset({"a"})) != Organizations(frozenset({"a"}))
    assert Memberships() != Granted()


@EACH
def test_equal_values_are_one_key(kind: type[Value], needed: dict[str, Any], other: dict[str, Any]) -> None:
    """Equal values have equal hashes, unless a field has none."""
    try:
        hash(tuple({**needed, **other}.values()))
    except TypeError:
        with pytest.raises(TypeError, match="unhashable"):
            hash(kind(**needed, **other))
    else:
        assert {kind(**needed, **other): 1}[kind(**needed, **other)] == 1
        fewer = {kind(**needed, **{name: given}) for name, given in other.items()}
        assert len({hash(value) for value in fewer}) == len(other)


@EACH
def test_a_value_cannot_be_changed(kind: type[Value], needed: dict[str, Any], other: dict[str, Any]) -> None:
    """No field is set or deleted, and none is added."""
    value = kind(**needed, **other)
    for name in (*kind.__slots__, "more"):
        with pytest.raises(AttributeError, match=f"a value of `{kind.__name__}` cannot be changed: `{name}`"):
            setattr(value, name, None)
        with pytest.raises(AttributeError, match=f"a value of `{kind.__name__}` cannot be changed: `{name}`"):
            delattr(value, name)
    assert content(value) == {**needed, **other}
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize(
    "value", [Granted(Permission.READ, "d"), Known(True, (Restriction("public"),)), HttpRequest("GET", "u", {"a": "b"})]
)
def test_a_value_is_copied_and_sent_whole(value: Value) -> None:
    """A pickle and a copy hold everything."""
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == copy.deepcopy(value) == value


def test_replacing_keeps_every_other_field() -> None:
    """`replace` changes what is named, in another object, and knows no other names."""
    fact = Granted(Permission.READ, "d")
    assert replace(fact, stale=True) == Granted(Permission.READ, "d", stale=True)
    assert fact == Granted(Permission.READ, "d")
    assert replace(fact) == fact
    with pytest.raises(TypeError, match="more"):
        replace(fact, more=1)


def test_the_repr_is_how_it_is_made() -> None:
    """The repr names the class and every field."""
    assert repr(Memberships(frozenset({"a"}), stale=True)) == "Memberships(groups=frozenset({'a'}), doubt='', stale=True)"
    assert repr(Restriction("public")) == "Restriction(level='public', allowed_users=frozenset(), organization=None)"
    assert repr(ListingNeed(OLGA, "Project")) == f"ListingNeed(principal={OLGA!r}, type='Project')"


def test_the_repr_of_an_exchange_has_no_secret() -> None:
    """Headers, bodies and clients stay out."""
    request = HttpRequest("GET", "http://a", {"authorization": CANARY}, CANARY.encode(), client=CANARY)
    assert repr(request) == "HttpRequest(method='GET', url='http://a', timeout=10.0, max_bytes=2097152)"
    assert repr(HttpResponse(200, {"set-cookie": CANARY}, CANARY.encode())) == "HttpResponse(status=200)"
