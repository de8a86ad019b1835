"""SpiceDB, told the facts of a local directory, gives the same answers; so does the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.directories import spicedb_names as names
from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.directories.spicedb_names import Row, Subject
from cartaguard.directories.spicedb_rows import DEEPEST
from cartaguard.drivers import blocking
from cartaguard.model.facts import (
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from support import reference
from support.colours import COLOURS, Run
from support.spicedb import SpiceDB, spicedb
from support.worlds import GROUPS, TYPES, Caller, callers, resources, worlds

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server() -> Iterator[SpiceDB]:
    with spicedb() as running:
        running.write_schema()
        yield running


@pytest.fixture(scope="module")
def directory(server: SpiceDB) -> Iterator[SpiceDBDirectory]:
    directory = SpiceDBDirectory(server.endpoint, token=server.token, tls=False)
    yield directory
    directory.close()


def check(run: Run, directory: SpiceDBDirectory, local: LocalDirectory, facts: dict[str, Any], caller: Caller) -> None:
    """Everything that can be asked about a caller, in one fetch, and the groups in question one by one."""
    principal = caller.principal
    everything = GroupsNeed(principal)
    questions = [GroupsNeed(principal, frozenset({group})) for group in GROUPS]
    permissions = {resource: PermissionNeed(principal, resource) for resource in resources()}
    restrictions = {resource: RestrictionNeed(principal, resource) for resource in resources()}
    listings = {type_: ListingNeed(principal, type_) for type_ in TYPES}
    organizations = OrganizationsNeed(principal)
    needs: list[Need] = [everything, *questions, organizations, *permissions.values(), *restrictions.values(), *listings.values()]
    answers = run(directory.fetch(needs))
    assert not [need for need, fact in answers.items() if fact.doubt]
    member = reference.groups(facts, caller)
    assert answers[everything].groups == member
    for question in questions:
        assert answers[question].groups & question.wanted == member & question.wanted
    assert answers[organizations].names == reference.organizations(facts, caller)
    for resource, need in permissions.items():
        assert set(answers[need].permission.words) == reference.permission(facts, caller, str(resource)), resource
        assert answers[need] == local.permission(principal, resource)
    for resource, known in restrictions.items():
        assert answers[known] == local.restriction(principal, resource)
    for type_, listing in listings.items():
        assert answers[listing] == local.listing(principal, type_)


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
@settings(max_examples=25, deadline=None)
@given(facts=worlds(), people=st.lists(callers(), min_size=1, max_size=2))
def test_every_fact_is_what_the_reference_says(
    server: SpiceDB, directory: SpiceDBDirectory, run: Run, facts: dict[str, Any], people: list[Caller]
) -> None:
    """Groups, permissions, organizations, restrictions and listings, in worlds with rings, pins and second owners."""
    local = LocalDirectory.from_dict(facts)
    server.load(facts)
    directory.invalidate()
    for caller in people:
        check(run, directory, local, facts, caller)


def test_nothing_is_known_of_the_anonymous(directory: SpiceDBDirectory) -> None:
    """Nobody is asked about whoever is nobody."""
    nobody = Principal.anonymous
    assert directory.permission(nobody, resources()[0]) == Granted()
    assert directory.listing(nobody, "Project") == Listed()
    assert directory.groups(nobody) is not None
    assert directory.organizations(nobody) is not None
    assert blocking.run(directory.probe()) is None


OLGA = Principal(issuer="https://a.example", subject="s-1", username="olga")


def nested(groups: int, resources: int) -> dict[str, Any]:
    """Olga is in a group in a group …, which reads a project that reads a project …"""
    facts: dict[str, Any] = {"groups": {f"g{n}": {"groups": [f"g{n + 1}"]} for n in range(groups)}, "resources": {}}
    facts["groups"][f"g{groups}"] = {"users": ["olga"]}
    for n in range(resources):
        facts["resources"][f"Project:p{n}"] = {"grants": [{"to": f"resource:Project:p{n + 1}", "role": "Guest"}]}
    facts["resources"][f"Project:p{resources}"] = {"grants": [{"to": "group:g0", "role": "Guest"}]}
    return facts


@pytest.mark.parametrize(("groups", "resources"), [(DEEPEST, 0), (0, DEEPEST), (DEEPEST // 2, DEEPEST // 2)])
def test_what_may_be_stored_is_followed_to_its_end(server: SpiceDB, directory: SpiceDBDirectory, groups: int, resources: int) -> None:
    """As deep as a load allows, SpiceDB answers, and lists."""
    server.load(nested(groups, resources))
    directory.invalidate()
    permission, everything, listing = PermissionNeed(OLGA, Resource("Project", "p0")), GroupsNeed(OLGA), ListingNeed(OLGA, "Project")
    answers: Mapping[Need, Any] = blocking.run(directory.fetch([permission, everything, listing]))
    assert answers[permission] == Granted(Permission.READ)
    assert answers[everything].groups == {f"g{n}" for n in range(groups + 1)}
    assert len(answers[listing].resources) == resources + 1


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_a_ring_that_somebody_else_stored_is_in_doubt_and_never_allows(server: SpiceDB, directory: SpiceDBDirectory, run: Run) -> None:
    """SpiceDB gives up on it; what is known without going round still counts."""
    server.load({"resources": {"Project:p": {"grants": [{"to": "group:A", "role": "Guest"}]}, "Project:q": {"owner": "olga"}}})
    ring = [(Row(names.group(one), "inner", Subject(names.group(other))), True) for one, other in ("AB", "BA")]
    calls = server.calls()
    blocking.run(calls.write(ring, calls.clock() + 10))
    directory.invalidate()
    held, owned = PermissionNeed(OLGA, Resource("Project", "p")), PermissionNeed(OLGA, Resource("Project", "q"))
    member, listing = GroupsNeed(OLGA, frozenset({"A"})), ListingNeed(OLGA, "Project")
    answers: Mapping[Need, Any] = run(directory.fetch([held, owned, member, listing]))
    assert answers[held] == Granted(doubt="spicedb_too_deep")
    assert answers[owned] == Granted(Permission.ALL)
    assert answers[member].doubt == "spicedb_too_deep"
    calls.channels.close()


def test_a_guard_that_trusts_several_issuers_knows_no_bare_names(server: SpiceDB) -> None:
    """Only who is listed with an issuer is known by name; the groups of a token count all the same."""
    facts: dict[str, Any] = {
        "users": {"ada": {"issuer": "https://a.example"}, "bob": {}},
        "groups": {"G": {}},
        "resources": {
            "Project:ada": {"owner": "ada"},
            "Project:bob": {"owner": "bob"},
            "Project:eve": {"owner": "eve"},
            "Project:g": {"grants": [{"to": "group:G", "role": "Guest"}]},
        },
    }
    server.load(facts)
    several = SpiceDBDirectory(server.endpoint, token=server.token, tls=False)
    several.qualify()

    def held(name: str, issuer: str) -> set[str]:
        caller = Principal(issuer=issuer, subject="s", username=name, groups=["G"])
        needs = [PermissionNeed(caller, Resource.parse(resource)) for resource in facts["resources"]]
        answers: Mapping[Need, Any] = blocking.run(several.fetch(needs))
        return {need.resource.id for need in needs if answers[need].permission}

    assert held("ada", "https://a.example") == {"ada", "g"}
    assert held("ada", "https://b.example") == {"g"}
    assert held("bob", "https://a.example") == {"g"}
    assert held("eve", "https://a.example") == {"g"}
    several.close()


@pytest.mark.parametrize("name", ["x" * 800, "\ud800"])
def test_names_that_cannot_be_stored_are_those_of_nothing(directory: SpiceDBDirectory, name: str) -> None:
    """They are no doubt, or whoever sends a long name would get a 503 out of every route."""
    caller = Principal(issuer="https://a.example", subject="s", username=name, groups=[name])
    permission, restriction = PermissionNeed(OLGA, Resource("Project", name)), RestrictionNeed(OLGA, Resource("Project", name))
    needs: list[Need] = [permission, restriction, GroupsNeed(OLGA, frozenset({name})), PermissionNeed(caller, Resource("Project", "p"))]
    assert blocking.run(directory.fetch(needs)) == {
        needs[0]: Granted(),
        needs[1]: Known(),
        needs[2]: Memberships(),
        needs[3]: Granted(),
    }
