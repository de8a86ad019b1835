"""Facts as relationships: rings become stars, and each relationship only adds something."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard.directories.local_read import read_facts
from cartaguard.directories.local_store import Group
from cartaguard.directories.spicedb_names import Row
from cartaguard.directories.spicedb_rings import rings, stars
from cartaguard.directories.spicedb_rows import DEEPEST, rows_of
from cartaguard.directories.spicedb_schema import DEFINITIONS, schema
from cartaguard.errors import DirectoryError
from cartaguard.model.permission import ACTIONS

GRAPHS = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 9), max_size=4), max_size=8)


def reached(edges: dict[int, list[int]], start: int) -> set[int]:
    """Everything that a node leads to, and itself."""
    found, waiting = {start}, [start]
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


@given(GRAPHS)
def test_a_star_reaches_what_the_ring_did_and_has_no_cycle(edges: dict[int, list[int]]) -> None:
    """Each node has what it had, by ways that end, and no longer ones than are told."""
    found = stars(edges)
    of: dict[int, list[int]] = {}
    for here, there in found.of:
        of.setdefault(here, []).append(there)
    near: dict[int, list[int]] = {}
    for here, there in found.near:
        near.setdefault(here, []).append(there)
    assert all(len(ring) == 1 for ring in rings(of))
    assert not any(here in there for here, there in of.items())
    for node in range(10):
        through = reached(of, node)
        assert through | {beside for one in through for beside in near.get(one, ())} == reached(edges, node)
    assert found.depth == max((longest(of, near, node) for node in edges), default=0)


def longest(of: dict[int, list[int]], near: dict[int, list[int]], node: int) -> int:
    return max([0 if not near.get(node) else 1, *(1 + longest(of, near, other) for other in of.get(node, ()))])


def rows(facts: dict[str, Any]) -> dict[Row, None]:
    read = read_facts(facts)
    return rows_of(read.users, read.groups, read.resources)


def chain(length: int) -> list[Group]:
    return [Group(f"g{number}", groups=(f"g{number + 1}",)) for number in range(length)]


def test_nesting_that_spicedb_does_not_follow_is_an_error() -> None:
    """Before anything is written: afterwards every answer about it would be a doubt."""
    assert rows_of([], chain(DEEPEST), [])
    with pytest.raises(DirectoryError) as fault:
        rows_of([], chain(DEEPEST + 1), [])
    assert fault.value.code == "too_deep"


def test_a_second_owner_a_shared_secret_and_nobody_are_not_written() -> None:
    """What does not count here does not count there."""
    facts = {
        "resources": {
            "Project:p": {"owner": "olga", "grants": [{"to": "user:eve", "role": "Owner"}]},
            "Secret:s": {"owner": "olga", "grants": [{"to": "user:eve", "role": "Guest"}]},
        }
    }
    assert rows(facts) == rows(
        {"resources": {"Project:p": {"owner": "olga"}, "Secret:s": {"owner": "olga"}}},
    )


def test_an_owner_is_one_relationship_and_every_other_word_one_of_its_own() -> None:
    """That an owner holds everything is said by the schema."""
    facts = {"resources": {"P:p": {"grants": [{"to": "group:G", "permissions": ["read", "admin"]}, {"to": "user:u", "role": "Owner"}]}}}
    assert sorted(row.relation for row in rows(facts)) == ["granted_admin", "granted_owner", "granted_read", "level"]


def test_the_schema_has_a_permission_for_each_word_and_no_way_to_share_a_secret() -> None:
    """Admin is in none of the others; each word is followed through resources by itself."""
    text = schema()
    assert text == schema()
    assert [line for line in text.splitlines() if line.startswith("definition")] == [
        line for name in DEFINITIONS for line in text.splitlines() if line.startswith(f"definition {name} ")
    ]
    for word in ACTIONS:
        assert f"permission {word} = direct_{word} + {word}_of->{word} + {word}_near->direct_{word}" in text
    assert "permission direct_read = granted_owner + granted_read\n" in text
    assert "permission direct_owner = granted_owner\n" in text
    [secret] = [part for part in text.split("\n\n") if part.startswith("definition secret")]
    assert [line.strip() for line in secret.splitlines() if "relation" in line] == ["relation granted_owner: user"]
