"""Users are found by name, id and search, and proven by their password."""

from __future__ import annotations

import pytest

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.pool import POOL
from cartaguard.devserver.store import Store
from support.stored import everything_in


@pytest.fixture
def filled(store: Store) -> Store:
    with store.begin() as tables:
        for name in ("olga", "olga2", "adam"):
            tables.people.add(name, f"{name}-pass", pool_id=POOL.id, first_name=name.title(), email=f"{name}@carta.example")
    return store


def test_a_user_is_found_by_name_and_by_id(filled: Store) -> None:
    with filled.begin() as tables:
        olga = tables.people.named("olga")
        assert olga is not None
        assert tables.people.with_id(olga.id) == olga
        assert tables.people.named("Olga") is None
        assert tables.people.with_id("olga") is None
        assert [person.name for person in tables.people.everybody()] == ["adam", "olga", "olga2"]
        assert [person.name for person in tables.people.among(["olga", "nobody"])] == ["olga"]


@pytest.mark.parametrize(
    ("attribute", "value", "comparison", "found"),
    [
        ("UserName", "olga", "=", ["olga"]),
        ("UserName", "olga", "^=", ["olga", "olga2"]),
        ("UserName", "%", "^=", []),
        ("UserName", "o_ga", "^=", []),
        ("Email", "adam@carta.example", "=", ["adam"]),
        ("FirstName", "Olga", "^=", ["olga", "olga2"]),
        ("LastName", "x", "=", []),
        ("UserId", "", "^=", ["adam", "olga", "olga2"]),
    ],
)
def test_a_search_compares_exactly_or_by_the_beginning(
    filled: Store, attribute: str, value: str, comparison: str, found: list[str]
) -> None:
    with filled.begin() as tables:
        assert [person.name for person in tables.people.search(attribute, value, comparison)] == found


@pytest.mark.parametrize(
    ("attribute", "comparison"), [("", "="), ("Verifier", "="), ("username", "="), ("UserName", ""), ("UserName", "~")]
)
def test_a_search_by_anything_else_is_refused(filled: Store, attribute: str, comparison: str) -> None:
    with filled.begin() as tables, pytest.raises(ApiError, match="search needs") as caught:
        tables.people.search(attribute, "olga", comparison)
    assert caught.value.status == 400


def test_only_the_right_password_of_a_user_who_is_there_proves_anything(filled: Store) -> None:
    with filled.begin() as tables:
        proven = tables.people.proven("olga", "olga-pass", pool_id=POOL.id)
        assert proven is not None
        assert proven.name == "olga"
        for name, password in (("olga", "adam-pass"), ("olga", ""), ("nobody", "olga-pass"), ("nobody", ""), ("", "")):
            assert tables.people.proven(name, password, pool_id=POOL.id) is None


@pytest.mark.parametrize(("name", "password"), [("", "x"), (" ", "x"), ("new", ""), ("olga", "x"), ("n" * 129, "x")])
def test_a_user_without_name_or_password_or_with_a_name_that_is_taken_or_too_long_is_refused(
    filled: Store, name: str, password: str
) -> None:
    with filled.begin() as tables, pytest.raises(ApiError):
        tables.people.add(name, password, pool_id=POOL.id)


def test_a_password_is_neither_stored_nor_shown(filled: Store) -> None:
    with filled.begin() as tables:
        assert "pass" not in repr(tables.people.everybody())
    assert b"olga@carta.example" in everything_in(filled)
    assert b"olga-pass" not in everything_in(filled)
