"""Restriction levels by caller; what is malformed is the strictest one and never public."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cartaguard import errors
from cartaguard.model.restriction import LEVELS, STRICTEST, Restriction

#: Who asks: authenticated, names, organizations.
CALLERS: dict[str, tuple[bool, tuple[str, ...], frozenset[str]]] = {
    "anonymous": (False, (), frozenset()),
    "anonymous by a listed name": (False, ("ada",), frozenset({"OrgA"})),
    "stranger": (True, ("eve",), frozenset()),
    "listed": (True, ("ada",), frozenset()),
    "listed by address": (True, ("x", "bob"), frozenset()),
    "elsewhere": (True, ("eve",), frozenset({"OrgB"})),
    "colleague": (True, ("eve",), frozenset({"OrgA", "OrgB"})),
}

PASS = {
    "public": set(CALLERS),
    "registered": {"stranger", "listed", "listed by address", "elsewhere", "colleague"},
    "only_allowed_users": {"listed", "listed by address"},
    "any_organization": {"listed", "listed by address", "elsewhere", "colleague"},
    "same_organization": {"listed", "listed by address", "colleague"},
    "nonsense": set(),
}


@pytest.mark.parametrize("level", PASS)
@pytest.mark.parametrize("caller", CALLERS)
def test_each_level_admits_exactly_these_callers(level: str, caller: str) -> None:
    authenticated, names, organizations = CALLERS[caller]
    restriction = Restriction(level, frozenset({"ada", "bob"}), "OrgA")
    assert restriction.admits(authenticated=authenticated, names=names, organizations=organizations) is (caller in PASS[level])


def test_the_same_organization_needs_one_to_be_the_same_as() -> None:
    restriction = Restriction("same_organization")
    assert not restriction.admits(authenticated=True, names=("eve",), organizations=frozenset({"OrgA", ""}))


@pytest.mark.parametrize("level", LEVELS)
def test_only_two_levels_need_to_know_organizations(level: str) -> None:
    assert Restriction(level).needs_organizations is ("organization" in level)


def test_nobody_passes_the_strictest_restriction() -> None:
    for authenticated, names, organizations in CALLERS.values():
        assert not STRICTEST.admits(authenticated=authenticated, names=names, organizations=organizations)


@pytest.mark.parametrize("names", ["ada, bob", "ada,bob,", [" ada ", "bob", ""]])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_table_or_its_json_text_is_read_and_names_are_trimmed(names: object, as_json: bool) -> None:
    table = {"level": "only_allowed_users", "allowed_users": names}
    read = Restriction.read(json.dumps(table) if as_json else table, organization="OrgA")
    assert read == Restriction("only_allowed_users", frozenset({"ada", "bob"}), "OrgA")


def test_nobody_is_listed_where_no_names_are() -> None:
    assert Restriction.read({"level": "only_allowed_users"}).allowed_users == frozenset()
    assert Restriction.read({"level": "only_allowed_users", "allowed_users": " , "}).allowed_users == frozenset()


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        "",
        "public",
        '"public"',
        '{"level": "public"',
        '{"level": "only_allowed_users", "level": "public"}',
        "[" * 100_000,
        "null",
        [],
        {},
        {"level": "Public"},
        {"level": " public"},
        {"level": ""},
        {"level": None},
        {"level": ["public"]},
        {"level": "public", "allowed_users": None},
        {"level": "public", "allowed_users": ["ada", 1]},
        {"level": "public", "allowed_users": {"ada": 1}},
        {"level": "public", "allowedUsers": "ada"},
    ],
)
def test_what_is_malformed_is_an_error_or_the_strictest_and_never_public(malformed: Any) -> None:
    with pytest.raises(errors.DirectoryError) as caught:
        Restriction.read(malformed)
    assert caught.value.code == "malformed_restriction"
    assert Restriction.read(malformed, organization="OrgA", strict=False) is STRICTEST
