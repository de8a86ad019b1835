"""The flow: nothing is fetched that the verdict does not need, and what cannot be had is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from cartaguard import Guard, Permission, Requirement, Resource, errors, groups, permission, restricted
from cartaguard.directories.base import Directory
from cartaguard.drivers import blocking
from cartaguard.drivers.effects import Steps
from cartaguard.guard.flow import decisions, facts
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.restriction import Restriction
from support.facts import OLGA, FactTable, both

P1, P2 = Resource("Project", "p1"), Resource("Project", "p2")
READ_P1, READ_P2 = permission("read", "Project:p1"), permission("read", "Project:p2")


def test_several_decisions_fetch_together_and_each_fact_once() -> None:
    directory = FactTable({P1: Granted(Permission.READ), P2: Granted(), "Team": Memberships()}, later=True)
    checks: list[Requirement] = [READ_P1, READ_P2 | groups("Team"), READ_P1 & READ_P2]
    verdicts = [decision.permitted for decision in Guard(directory=directory).check_many(OLGA, checks)]
    assert verdicts == [True, False, False]
    assert directory.fetched == [(PermissionNeed(OLGA, P1, 1), PermissionNeed(OLGA, P2, 1), GroupsNeed(OLGA, frozenset({"Team"})))]


def test_what_follows_from_a_fact_is_fetched_in_a_second_round() -> None:
    known = Known(known=True, restrictions=(Restriction("any_organization"),))
    directory = FactTable({P1: known, "organizations": Organizations(frozenset({"OrgA"}))}, later=True)
    assert Guard(directory=directory).check(OLGA, restricted("Project:p1"))
    assert directory.fetched == [(RestrictionNeed(OLGA, P1),), (OrganizationsNeed(OLGA),)]


class Generous(FactTable):
    """Answers everything that it knows, whatever it is asked."""

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        answers = yield from super().fetch(needs)
        return {**answers, OrganizationsNeed(OLGA): Organizations(frozenset({"OrgA"}))}


def test_a_fact_that_came_along_is_not_fetched_again() -> None:
    directory = Generous({P1: Known(known=True, restrictions=(Restriction("any_organization"),))}, later=True)
    assert Guard(directory=directory).check(OLGA, restricted("Project:p1"))
    assert directory.fetched == [(RestrictionNeed(OLGA, P1),)]


@pytest.mark.parametrize("requirement", [groups("Team"), READ_P1, restricted("Project:p1")])
@pytest.mark.parametrize(
    ("directory", "doubt"),
    [
        (FactTable({}, later=True), "no_answer"),
        (FactTable({}, later=True, fault=errors.FactsUnavailable("down", code="carta_unavailable")), "carta_unavailable"),
    ],
)
def test_what_a_directory_leaves_unanswered_is_in_doubt(requirement: Requirement, directory: FactTable, doubt: str) -> None:
    guard = Guard(directory=directory)
    decision = both(lambda: guard.check(OLGA, requirement), lambda: guard.acheck(OLGA, requirement))
    assert (decision.indeterminate, decision.reason, decision.detail) == (True, "facts_unavailable", doubt)


def test_a_doubt_about_one_part_leaves_the_others_their_say() -> None:
    directory = FactTable({P1: Granted(Permission.READ)}, later=True)
    guard = Guard(directory=directory)
    assert guard.check(OLGA, READ_P1 | READ_P2).permitted
    assert guard.check(OLGA, READ_P1 & READ_P2).indeterminate


def test_another_fault_of_a_directory_is_no_verdict() -> None:
    class Broken(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            raise LookupError("a defect")

    guard = Guard(directory=Broken())
    with pytest.raises(LookupError):
        guard.check(OLGA, READ_P1)
    with pytest.raises(LookupError):
        asyncio.run(guard.acheck(OLGA, READ_P1))


def test_facts_come_in_the_order_in_which_they_were_asked_for() -> None:
    directory = FactTable({P1: Granted(Permission.READ), P2: Granted(), "Project": Listed()}, later={P2})
    needs: list[Need] = [PermissionNeed(OLGA, P2), PermissionNeed(OLGA, P1), ListingNeed(OLGA, "Project"), PermissionNeed(OLGA, P2)]
    assert blocking.run(facts(directory, needs)) == [Granted(), Granted(Permission.READ), Listed(), Granted()]
    assert directory.fetched == [(PermissionNeed(OLGA, P2),)]


def test_a_fetched_listing_serves_the_flow() -> None:
    directory = FactTable({"Project": Listed(((P1, Permission.READ),))}, later=True)
    [listed] = blocking.run(facts(directory, [ListingNeed(OLGA, "Project")]))
    assert listed == Listed(((P1, Permission.READ),))


def test_no_checks_are_no_decisions() -> None:
    assert blocking.run(decisions(FactTable({}), OLGA, [])) == []
