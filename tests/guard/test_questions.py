"""What a directory is asked: about whom, about what, and how old the answer may be; and what a verdict says of the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cartaguard import Decision, Guard, Permission, Principal, Requirement, Resource, groups, permission, restricted
from cartaguard.drivers.effects import Steps
from cartaguard.model.decision import Outcome
from cartaguard.model.facts import Fact, Granted, Known, Memberships, Need, Organizations
from cartaguard.model.freshness import Freshness
from cartaguard.model.restriction import Restriction
from support.facts import OLGA, FactTable

P1 = Resource("Project", "p1")
INSIDE = Known(known=True, restrictions=(Restriction("any_organization"),))
FACTS: dict[Any, Any] = {
    P1: Granted(Permission.READ),
    "Team": Memberships(frozenset({"Team"})),
    Resource("DataSet", "d"): INSIDE,
    "organizations": Organizations(frozenset({"OrgA"})),
}


class Noting(FactTable):
    """A directory that writes down each question, at hand and fetched."""

    def __init__(self, *, later: Any) -> None:
        super().__init__(FACTS, later=later)
        self.asked: list[tuple[Any, ...]] = []

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        self.asked.append(("groups", principal, wanted, fresh))
        return super().groups(principal, wanted, fresh)

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        self.asked.append(("permission", principal, resource, flag, fresh))
        return super().permission(principal, resource, flag, fresh)

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        self.asked.append(("organizations", principal, fresh))
        return super().organizations(principal, fresh)

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        self.asked.append(("restriction", principal, resource, fresh))
        return super().restriction(principal, resource, fresh)

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        self.asked += [("fetched", *(getattr(need, name) for name in need.__slots__)) for need in needs]
        found = yield from super().fetch(needs)
        return found


YOUNG = Freshness(max_age=5.0, max_stale=60.0)


@pytest.mark.parametrize("later", [(), True])
@pytest.mark.parametrize(
    ("requirement", "questions"),
    [
        (groups("Team", max_age=5.0, max_stale=60.0), {("groups", OLGA, frozenset({"Team"}))}),
        (permission("read", P1, max_age=5.0, max_stale=60.0), {("permission", OLGA, P1, 1)}),
        (
            restricted("DataSet:d", max_age=5.0, max_stale=60.0),
            {("restriction", OLGA, Resource("DataSet", "d")), ("organizations", OLGA)},
        ),
    ],
)
def test_every_question_says_about_whom_what_and_how_old_the_answer_may_be(
    requirement: Requirement, questions: set[Any], later: Any
) -> None:
    """At hand and in what is fetched, in the first round and in the second."""
    directory = Noting(later=later)
    assert Guard(directory=directory).check(OLGA, requirement)
    assert {asked[:-1] for asked in directory.asked if asked[0] != "fetched"} == questions
    assert {asked[1:-1] for asked in directory.asked if asked[0] == "fetched"} == ({asked[1:] for asked in questions} if later else set())
    assert {asked[-1] for asked in directory.asked} == {YOUNG}


@pytest.mark.parametrize(
    ("requirement", "facts", "resource"),
    [
        (groups("Team"), {"Team": Memberships(doubt="slow")}, None),
        (permission("read", P1), {P1: Granted(doubt="slow")}, P1),
        (restricted("Project:p1"), {P1: Known(doubt="slow")}, P1),
        (restricted("Project:p1"), {P1: INSIDE, "organizations": Organizations(doubt="slow")}, P1),
    ],
)
def test_who_cannot_tell_says_of_what(requirement: Requirement, facts: Any, resource: Resource | None) -> None:
    decision = Guard(directory=FactTable(facts)).check(OLGA, requirement)
    assert (decision.outcome, decision.detail) == (Outcome.INDETERMINATE, "slow")
    assert (decision.requirement, decision.resource) == (requirement, resource)


@pytest.mark.parametrize("known", [Known(), Known(known=True, restrictions=(Restriction("only_allowed_users"),))])
def test_who_is_restricted_is_told_from_what(known: Known) -> None:
    requirement = restricted("Project:{id}")
    decision: Decision = Guard(directory=FactTable({P1: known})).check(OLGA, requirement, {"id": "p1"})
    assert decision.denied
    assert (decision.requirement, decision.resource) == (requirement, P1)
