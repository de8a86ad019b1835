"""Three-valued logic: the full tables of ``any_of`` and ``all_of``, whatever is at hand and whatever is fetched."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Guard, Requirement, all_of, any_of, groups
from cartaguard.model.decision import Outcome
from cartaguard.model.facts import Memberships
from support.facts import OLGA, FactTable, both

VALUES = {"permit": Outcome.PERMIT, "deny": Outcome.DENY, "doubt": Outcome.INDETERMINATE}

#: One group for each value, at hand (``permit``) and to be fetched (``later permit``).
LEAVES = [f"{when}{value}" for when in ("", "later ") for value in VALUES]

FACTS = {
    name: {
        "permit": Memberships(frozenset({name})),
        "deny": Memberships(),
        "doubt": Memberships(doubt="nobody_answers"),
    }[name.removeprefix("later ")]
    for name in LEAVES
}


def value(name: str) -> Outcome:
    return VALUES[name.removeprefix("later ")]


def any_value(values: list[Outcome]) -> Outcome:
    return next((one for one in (Outcome.PERMIT, Outcome.INDETERMINATE) if one in values), Outcome.DENY)


def all_value(values: list[Outcome]) -> Outcome:
    return next((one for one in (Outcome.DENY, Outcome.INDETERMINATE) if one in values), Outcome.PERMIT)


def table() -> FactTable:
    return FactTable(FACTS, later={name for name in LEAVES if name.startswith("later")})


@pytest.mark.parametrize(("combine", "rule", "settles"), [(any_of, any_value, "permit"), (all_of, all_value, "deny")])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_combination_has_the_value_that_its_table_says(combine: Any, rule: Any, settles: str, size: int) -> None:
    for names in product(LEAVES, repeat=size):
        directory = table()
        decision = Guard(directory=directory).check(OLGA, combine(*map(groups, names)))
        assert decision.outcome is rule([value(name) for name in names]), names
        assert decision.permitted is (decision.outcome is Outcome.PERMIT)
        later = [name for name in names if name.startswith("later")]
        fetched = [] if settles in names else list(dict.fromkeys(later))
        assert [min(need.wanted) for needs in directory.fetched for need in needs] == fetched, names  # type: ignore[union-attr]
        assert len(directory.fetched) <= 1


TREES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.tuples(st.sampled_from(["any", "all"]), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)


def requirement_of(tree: Any) -> Requirement:
    if isinstance(tree, str):
        return groups(tree)
    return (any_of if tree[0] == "any" else all_of)(*map(requirement_of, tree[1]))


def value_of(tree: Any) -> Outcome:
    if isinstance(tree, str):
        return value(tree)
    return (any_value if tree[0] == "any" else all_value)(list(map(value_of, tree[1])))


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_a_tree_has_the_value_that_the_tables_give_it_in_both_colours(tree: Any) -> None:
    guard = Guard(directory=table())
    requirement = requirement_of(tree)
    decision = both(lambda: guard.check(OLGA, requirement), lambda: guard.acheck(OLGA, requirement))
    assert decision.outcome is value_of(tree)


def test_a_combination_names_the_reasons_of_its_parts() -> None:
    guard = Guard(directory=table())
    alike = guard.check(OLGA, groups("deny") | groups("later deny"))
    assert (alike.reason, [part.reason for part in alike.parts]) == ("not_group_member", ["not_group_member"] * 2)
    mixed = guard.check(OLGA, groups("deny") | groups("doubt"))
    assert (mixed.reason, [part.reason for part in mixed.parts]) == ("facts_unavailable", ["not_group_member", "facts_unavailable"])
    assert guard.check(OLGA, groups("permit") & groups("deny")).reason == "not_group_member"
    assert guard.check(OLGA, groups("permit") & groups("later permit")).reason == "all_permitted"
    assert guard.check(OLGA, groups("deny") | groups("later permit")).reason == "group_member"
