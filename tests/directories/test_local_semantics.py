"""A local directory gives the answers of the reference, whatever the world and whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.directories.local import LocalDirectory
from cartaguard.model.principal import Principal
from support import reference
from support.worlds import TYPES, Caller, callers, resources, worlds

Making = Any


@contextmanager
def in_memory(facts: dict[str, Any]) -> Iterator[LocalDirectory]:
    yield LocalDirectory.from_dict(facts)


@contextmanager
def in_sqlite(facts: dict[str, Any]) -> Iterator[LocalDirectory]:
    with TemporaryDirectory() as folder:
        directory = LocalDirectory.open(Path(folder) / "facts.db")
        directory.include(facts)
        yield directory
        directory.close()


def check(directory: LocalDirectory, facts: dict[str, Any], caller: Caller) -> None:
    principal = caller.principal
    assert directory.groups(principal).groups == reference.groups(facts, caller)
    assert directory.organizations(principal).names == reference.organizations(facts, caller)
    for resource in resources():
        held = directory.permission(principal, resource)
        assert set(held.permission.words) == reference.permission(facts, caller, str(resource)), resource
        assert directory.permission(principal, resource) is held
        assert directory.permission(Principal.anonymous, resource).permission == 0
        for who, seen in ((caller, principal), (None, Principal.anonymous)):
            known = directory.restriction(seen, resource)
            passes = known.known and all(
                restriction.admits(
                    authenticated=seen.authenticated, names=[seen.username], organizations=directory.organizations(seen).names
                )
                for restriction in known.restrictions
            )
            assert passes is reference.admitted(facts, who, str(resource))
    for type_ in TYPES:
        listed = [(str(resource), frozenset(held.words)) for resource, held in directory.listing(principal, type_).resources]
        assert listed == reference.listing(facts, caller, type_)
        assert directory.listing(Principal.anonymous, type_).resources == ()


@settings(max_examples=150, deadline=None)
@given(facts=worlds(), people=st.lists(callers(), min_size=1, max_size=3))
def test_facts_in_memory_mean_what_the_reference_says(facts: dict[str, Any], people: list[Caller]) -> None:
    """Groups, permissions, organizations, restrictions and listings agree with brute force."""
    with in_memory(facts) as directory:
        for caller in people:
            check(directory, facts, caller)


@settings(max_examples=40, deadline=None)
@given(facts=worlds(), people=st.lists(callers(), min_size=1, max_size=2))
def test_facts_in_sqlite_mean_what_the_reference_says(facts: dict[str, Any], people: list[Caller]) -> None:
    """The same in SQLite."""
    with in_sqlite(facts) as directory:
        for caller in people:
            check(directory, facts, caller)


@pytest.mark.parametrize("making", [in_memory, in_sqlite])
@settings(max_examples=30, deadline=None)
@given(before=worlds(), after=worlds(), caller=callers())
def test_facts_that_are_taken_in_replace_those_of_their_names(
    making: Making, before: dict[str, Any], after: dict[str, Any], caller: Caller
) -> None:
    """What was remembered of the world before does not show in the world after."""
    with making(before) as directory:
        check(directory, before, caller)
        directory.include(after)
        check(directory, {section: {**before[section], **after[section]} for section in after}, caller)
