"""Loading facts into SpiceDB: what is written, in which order, and what an interrupted load leaves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from cartaguard.directories.local_read import read_facts
from cartaguard.directories.spicedb_names import Object, Row
from cartaguard.directories.spicedb_rows import narrows, rows_of
from cartaguard.directories.spicedb_schema import BEAT
from cartaguard.directories.spicedb_sync import BATCH, Plan, planned
from cartaguard.errors import DirectoryError
from support.worlds import worlds


def rows(facts: dict[str, Any]) -> set[Row]:
    read = read_facts(facts)
    return set(rows_of(read.users, read.groups, read.resources))


def plan(stored: set[Row], facts: dict[str, Any], *, prune: bool = True) -> Plan:
    read = read_facts(facts)
    return planned(stored, read.users, read.groups, read.resources, prune=prune)


def states(stored: set[Row], plan: Plan) -> list[set[Row]]:
    """What is stored after each call, first and last included."""
    found = [set(stored)]
    for updates in plan.batches():
        assert len(updates) <= BATCH
        now = set(found[-1])
        for row, present in updates:
            (now.add if present else now.discard)(row)
        found.append(now)
    return found


@settings(max_examples=150, deadline=None)
@given(before=worlds(), after=worlds())
def test_every_moment_of_a_load_gives_no_more_than_before_or_after(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What gives is always within the old facts or within the new ones, and what takes away is that of these facts at least."""
    old, new = rows(before), rows(after)
    passed = states(old, plan(old, after))
    assert passed[-1] == new
    for state in passed:
        gives, takes = {row for row in state if not narrows(row)}, {row for row in state if narrows(row)}
        assert gives <= old or gives <= new
        for facts in (old, new):
            if gives <= facts and not gives <= (old & new):
                assert takes >= {row for row in facts if narrows(row)}


@settings(max_examples=100, deadline=None)
@given(facts=worlds())
def test_loading_what_is_stored_writes_nothing(facts: dict[str, Any]) -> None:
    """With or without what is left to others."""
    stored = rows(facts)
    for prune in (True, False):
        done = plan(stored, facts, prune=prune)
        assert (done.add, done.remove, done.unchanged) == ((), (), len(stored))
        assert list(done.batches()) == []


def test_many_relationships_are_written_in_calls_that_spicedb_takes() -> None:
    """No more than a thousand in one."""
    facts = {"groups": {"G": {"users": [f"u{n}" for n in range(2500)]}}}
    assert [len(updates) for updates in plan(set(), facts).batches()] == [1000, 1000, 500]


OLD: dict[str, Any] = {
    "users": {"olga": {"subject": "s-1", "organizations": ["OrgA"]}, "eve": {}},
    "groups": {"G": {"users": ["olga"], "groups": ["H"]}, "H": {"users": ["eve"]}},
    "resources": {
        "Project:p": {"owner": "olga", "restricted": {"level": "registered"}},
        "Project:q": {"owner": "eve"},
        "Secret:s": {"owner": "eve"},
    },
}


def test_without_pruning_what_is_told_of_replaces_and_the_rest_stays() -> None:
    """A user's pin, a group's members and a resource's restriction are replaced as a whole."""
    new: dict[str, Any] = {
        "users": {"olga": {"subject": "s-2"}},
        "groups": {"G": {"users": ["bob"]}},
        "resources": {"Project:p": {"owner": "bob", "restricted": {"level": "only_allowed_users"}}, "Secret:s": {"owner": "olga"}},
    }
    expected = {section: {**OLD[section], **new[section]} for section in OLD}
    assert states(rows(OLD), plan(rows(OLD), new, prune=False))[-1] == rows(expected)


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ({"groups": {"H": {"groups": ["G"]}}}, "ring"),
        ({"groups": {"H": {"groups": ["g0"]}, **{f"g{n}": {"groups": [f"g{n + 1}"]} for n in range(39)}}}, "too_deep"),
    ],
)
def test_what_would_not_be_followed_beside_what_stays_is_an_error(new: dict[str, Any], code: str) -> None:
    """Each alone can be stored; together they have to be loaded together."""
    assert rows(new)
    with pytest.raises(DirectoryError) as fault:
        plan(rows(OLD), new, prune=False)
    assert fault.value.code == code
    plan(rows(OLD), new, prune=True)


def test_a_login_that_could_be_two_users_is_nobodys() -> None:
    """It is listed, so that nobody goes by the name alone either."""
    read = read_facts({"users": {"one": {"username": "olga"}}})
    [user] = read.users
    found = rows_of([user, user._replace(name="two")], [], [])
    logins = [row.relation for row in found if row.object.type == "login"]
    assert logins == ["listed"]


def test_signs_of_life_are_no_facts() -> None:
    """What a stream writes is not read as something stored."""
    assert Object(BEAT, "x") not in {row.object for row in rows(OLD)}
