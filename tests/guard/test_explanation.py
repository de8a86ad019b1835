"""An explanation looks at every part and says what is known of the caller."""

from __future__ import annotations

from typing import Any

from cartaguard import Guard, Permission, Principal, Resource, authenticated, groups, permission, public, restricted, users
from cartaguard.model.facts import Granted, GroupsNeed, Known, Memberships, PermissionNeed
from support.facts import OLGA, FactTable, person

P1 = Resource("Project", "p1")
READ = permission("read", "Project:{id}")


def lines(requirement: Any, principal: Principal = OLGA, facts: Any = (), **params: Any) -> list[str]:
    directory = FactTable({"groups": Memberships(), **dict(facts)}, later=True)
    return str(Guard(directory=directory).explain(principal, requirement, params)).splitlines()


def test_every_part_is_looked_at_whatever_the_others_say() -> None:
    demand = authenticated & (groups("Team") | READ) & users("ada")
    facts = {"Team": Memberships(frozenset({"Other"})), "groups": Memberships(frozenset({"Other"})), P1: Granted(Permission.READ)}
    assert lines(demand, person(groups=["Mine"]), facts, id="p1") == [
        "deny: not listed user (users: ada)",
        "  all of:",
        "    permit: authenticated (authenticated)",
        "    any of:",
        "      deny: not group member (groups: Team)",
        "      permit: permission granted (permission: read on Project:{id})",
        "    deny: not listed user (users: ada)",
        "caller: olga (issuer https://issuer.example)",
        "groups: Mine, Other",
        "holds on Project:p1: read",
    ]


def test_the_verdict_is_one_line_whatever_it_consists_of() -> None:
    assert lines(authenticated & (users("ada") | users("bob")))[:3] == [
        "deny: not listed user (any [users: ada; users: bob])",
        "  all of:",
        "    permit: authenticated (authenticated)",
    ]


def test_the_facts_are_asked_for_about_the_caller() -> None:
    directory = FactTable({"groups": Memberships(), P1: Granted()}, later=True)
    Guard(directory=directory).explain(OLGA, READ, {"id": "p1"})
    assert [need.principal for needs in directory.fetched for need in needs] == [OLGA] * 3
    assert directory.fetched[-1] == (GroupsNeed(OLGA), PermissionNeed(OLGA, P1))


def test_what_is_not_known_is_said() -> None:
    facts = {"groups": Memberships(doubt="carta_unavailable"), P1: Granted(doubt="carta_unavailable")}
    assert lines(READ, OLGA, facts, id="p1")[-2:] == [
        "groups: none (not the whole: carta unavailable)",
        "holds on Project:p1: none (not the whole: carta unavailable)",
    ]


def test_the_anonymous_holds_nothing_and_nothing_is_asked_about_it() -> None:
    assert lines(public("why") | READ, Principal.anonymous, id="p1") == [
        "permit: public (public: why)",
        "  any of:",
        "    permit: public (public: why)",
        "    deny: unauthenticated (permission: read on Project:{id})",
        "caller: anonymous",
    ]


def test_a_resource_without_doubt_is_told_once_and_an_ambiguous_one_not_at_all() -> None:
    write = permission("write", "Project:{id}")
    told = lines(READ | write, OLGA, {P1: Granted()}, id="p1")
    assert told[-1] == "holds on Project:p1: none"
    assert sum("holds on" in line for line in told) == 1
    assert not any("holds on" in line for line in lines(READ, OLGA, id=""))
    assert not any("holds on" in line for line in lines(restricted("Project:p1"), OLGA, {P1: Known()}))


def test_the_verdicts_on_single_demands_are_parts() -> None:
    explanation = Guard(directory=FactTable({"Team": Memberships(), "groups": Memberships()})).explain(OLGA, authenticated | groups("Team"))
    assert [part.permitted for part in explanation.parts] == [True, False]
    assert explanation.decision.permitted
