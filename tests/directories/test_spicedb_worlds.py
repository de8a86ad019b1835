"""SpiceDB, told the facts of a local directory, gives the same answers; so does the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.drivers import blocking
from cartaguard.model.facts import Granted, GroupsNeed, Listed, ListingNeed, Need, OrganizationsNeed, PermissionNeed, RestrictionNeed
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
