"""Groups nest, and whoever is in an inner one is in the outer one."""

from __future__ import annotations

import pytest

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.store import Store


def test_members_of_an_inner_group_are_members_of_the_outer_one_even_in_a_circle(store: Store) -> None:
    with store.begin() as tables:
        for name in ("A", "B", "C", "D"):
            tables.groups.add(name, creator="olga")
        for outer, inner in (("A", "B"), ("B", "C"), ("C", "A")):
            tables.groups.join(outer, inner, kind="group")
        tables.groups.join("C", "adam")
        tables.groups.join("A", "olga")
        assert tables.groups.of("adam") == {"A", "B", "C"}
        assert tables.groups.members("A") == ["adam", "olga"]
        assert tables.groups.members("D") == []
        assert tables.groups.of("nobody") == frozenset()


def test_joining_twice_is_joining(store: Store) -> None:
    with store.begin() as tables:
        tables.groups.add("A", creator="olga")
        tables.groups.join("A", "adam")
        tables.groups.join("A", "adam")
        assert tables.groups.members("A") == ["adam"]


@pytest.mark.parametrize(("name", "why"), [("", "name"), (" ", "name"), ("A", "duplicate record")])
def test_a_group_without_a_name_or_with_one_that_is_taken_is_refused(store: Store, name: str, why: str) -> None:
    with store.begin() as tables:
        tables.groups.add("A", creator="olga")
        with pytest.raises(ApiError, match=why) as caught:
            tables.groups.add(name, creator="olga")
    assert caught.value.status == 400
