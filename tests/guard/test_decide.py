"""Every single demand on every kind of caller and fact."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard import (
    Decision,
    Guard,
    Permission,
    Principal,
    Requirement,
    Resource,
    authenticated,
    claim,
    errors,
    groups,
    permission,
    public,
    restricted,
    scopes,
    users,
)
from cartaguard.guard.decide import STALE, decide
from cartaguard.model.decision import Outcome
from cartaguard.model.facts import Fact, Granted, GroupsNeed, Known, Memberships, Organizations, PermissionNeed, RestrictionNeed
from cartaguard.model.requirement import InGroups, deny
from cartaguard.model.restriction import STRICTEST, Restriction
from cartaguard.model.value import replace
from support.facts import OLGA, FactTable, person

P1 = Resource("Project", "p1")
NOBODY = Principal.anonymous
VERIFIED = person(claims={"email": "olga@example.org", "email_verified": True})
UNVERIFIED = person(claims={"email": "ada@example.org", "email_verified": False})
SAID_VERIFIED = person(claims={"email": "ada@example.org", "email_verified": "true"})


def check(requirement: Requirement, principal: Principal = OLGA, facts: Any = (), **params: Any) -> Decision:
    return Guard(directory=FactTable(dict(facts))).check(principal, requirement, params)


@pytest.mark.parametrize(
    ("requirement", "principal", "reason", "permitted"),
    [
        (public("why"), NOBODY, "public", True),
        (public("why"), OLGA, "public", True),
        (authenticated, NOBODY, "unauthenticated", False),
        (authenticated, OLGA, "authenticated", True),
        (deny, NOBODY, "unauthenticated", False),
        (deny, OLGA, "denied", False),
        (users("olga"), NOBODY, "unauthenticated", False),
        (users("ada", "olga"), OLGA, "user_listed", True),
        (users("ada"), OLGA, "not_listed_user", False),
        (users("Olga"), OLGA, "not_listed_user", False),
        (users("sub-olga"), OLGA, "not_listed_user", False),
        (users("olga", issuer="https://issuer.example"), OLGA, "user_listed", True),
        (users("olga", issuer="https://other.example"), OLGA, "not_listed_user", False),
        (users("olga@example.org"), VERIFIED, "user_listed", True),
        (users("ada@example.org"), UNVERIFIED, "not_listed_user", False),
        (users("ada@example.org"), SAID_VERIFIED, "not_listed_user", False),
        (users("5"), person(claims={"email": 5, "email_verified": True}), "not_listed_user", False),
        (groups("Team"), NOBODY, "unauthenticated", False),
        (groups("Other", "Team"), person(groups=["Team"]), "group_member", True),
        (scopes("a"), NOBODY, "unauthenticated", False),
        (scopes("a", "b"), person(scopes=["a", "b", "c"]), "scopes_held", True),
        (scopes("a", "b"), person(scopes=["a", "b"]), "scopes_held", True),
        (scopes("a", "b"), person(scopes=["a"]), "lacks_scope", False),
        (claim("d", "x"), NOBODY, "unauthenticated", False),
        (claim("d", "x", "y"), person(claims={"d": "y"}), "claim_matched", True),
        (claim("d", "x"), person(claims={"d": ["w", "x"]}), "claim_matched", True),
        (claim("d", "x"), person(claims={"d": ("x",)}), "claim_matched", True),
        (claim("d", "x"), person(claims={"d": {"x": 1}}), "claim_mismatch", False),
        (claim("d", "x"), person(claims={"d": []}), "claim_mismatch", False),
        (claim("d", "x"), OLGA, "claim_mismatch", False),
        (claim("d", True), person(claims={"d": 1}), "claim_mismatch", False),
        (claim("d", 1), person(claims={"d": True}), "claim_mismatch", False),
        (claim("d", 1), person(claims={"d": 1.0}), "claim_mismatch", False),
        (claim("d", "1"), person(claims={"d": 1}), "claim_mismatch", False),
    ],
)
def test_a_demand_on_the_token_alone(requirement: Requirement, principal: Principal, reason: str, permitted: bool) -> None:
    decision = check(requirement, principal)
    assert (decision.reason, decision.permitted, decision.indeterminate) == (reason, permitted, False)


@pytest.mark.parametrize(
    ("fact", "outcome", "reason"),
    [
        (Memberships(frozenset({"Team"})), Outcome.PERMIT, "group_member"),
        (Memberships(frozenset({"Team"}), doubt="slow"), Outcome.PERMIT, "group_member"),
        (Memberships(frozenset({"team", "Team "})), Outcome.DENY, "not_group_member"),
        (Memberships(frozenset({"team"}), doubt="slow"), Outcome.INDETERMINATE, "facts_unavailable"),
    ],
)
def test_groups_that_a_directory_knows_of(fact: Memberships, outcome: Outcome, reason: str) -> None:
    decision = check(groups("Team"), facts={"Team": fact})
    assert (decision.outcome, decision.reason) == (outcome, reason)


def test_the_directory_is_not_asked_for_a_group_that_the_token_states() -> None:
    directory = FactTable({}, later=True)
    assert Guard(directory=directory).check(person(groups=["Team"]), groups("Team"))
    assert directory.fetched == []


@pytest.mark.parametrize(
    ("fact", "outcome", "reason"),
    [
        (Granted(Permission.READ), Outcome.PERMIT, "permission_granted"),
        (Granted(Permission.READ, doubt="slow"), Outcome.PERMIT, "permission_granted"),
        (Granted(Permission.OWNER), Outcome.PERMIT, "permission_granted"),
        (Granted(Permission.ALL), Outcome.PERMIT, "permission_granted"),
        (Granted(Permission.WRITE | Permission.ADMIN), Outcome.DENY, "lacks_permission"),
        (Granted(), Outcome.DENY, "lacks_permission"),
        (Granted(Permission.WRITE, doubt="slow"), Outcome.INDETERMINATE, "facts_unavailable"),
    ],
)
def test_a_permission_on_a_resource(fact: Granted, outcome: Outcome, reason: str) -> None:
    requirement = permission("read", "Project:{id}")
    decision = check(requirement, facts={P1: fact}, id="p1")
    assert (decision.outcome, decision.reason) == (outcome, reason)
    if not decision.permitted:
        assert decision.resource == P1
    assert check(requirement, NOBODY, {P1: fact}, id="p1").reason == "unauthenticated"


@pytest.mark.parametrize("build", [lambda on, **o: permission("read", on, **o), restricted])
def test_a_template_needs_its_parameter_and_one_reading(build: Any) -> None:
    with pytest.raises(errors.ParameterError, match="needs the parameter `id`"):
        check(build("Project:{id}"))
    with pytest.raises(errors.ParameterError, match="is a list"):
        check(build("Project:{id}"), id=["p1"])
    ambiguous = check(build("Service:{ns}/{name}", conceal=True), ns="a/b", name="c")
    assert (ambiguous.outcome, ambiguous.reason, ambiguous.concealed) == (Outcome.DENY, "ambiguous_resource", True)
    assert check(build("Project:{id}"), id="").reason == "ambiguous_resource"


# -- restrictions ---------------------------------------------------------------------------------------

CALLERS: dict[str, tuple[Principal, Organizations]] = {
    "anonymous": (NOBODY, Organizations(frozenset({"OrgA"}))),
    "stranger": (person("eve"), Organizations()),
    "listed": (person("ada"), Organizations()),
    "listed by verified address": (person("x", claims={"email": "ada", "email_verified": True}), Organizations()),
    "listed by unverified address": (person("x", claims={"email": "ada"}), Organizations()),
    "elsewhere": (person("eve"), Organizations(frozenset({"OrgB"}))),
    "colleague": (person("eve"), Organizations(frozenset({"OrgA"}))),
    "nobody can tell": (person("eve"), Organizations(doubt="slow")),
    "listed, nobody can tell": (person("ada"), Organizations(doubt="slow")),
    "colleague at least": (person("eve"), Organizations(frozenset({"OrgA"}), doubt="slow")),
    "elsewhere at least": (person("eve"), Organizations(frozenset({"OrgB"}), doubt="slow")),
}

EVERYBODY = set(CALLERS)
AUTHENTICATED = EVERYBODY - {"anonymous"}
LISTED = {"listed", "listed by verified address", "listed, nobody can tell"}
ELSEWHERE, COLLEAGUES = {"elsewhere", "elsewhere at least"}, {"colleague", "colleague at least"}

#: Who passes a level, and of whom it cannot be told.
PASS: dict[str, tuple[set[str], set[str]]] = {
    "public": (EVERYBODY, set()),
    "registered": (AUTHENTICATED, set()),
    "only_allowed_users": (LISTED, set()),
    "any_organization": (LISTED | ELSEWHERE | COLLEAGUES, {"nobody can tell"}),
    "same_organization": (LISTED | COLLEAGUES, {"nobody can tell", "elsewhere at least"}),
    "malformed": (set(), set()),
}


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("level", PASS)
def test_a_restriction_admits_exactly_those_whom_its_level_names(level: str, caller: str, later: bool) -> None:
    principal, organizations = CALLERS[caller]
    restriction = STRICTEST if level == "malformed" else Restriction(level, frozenset({"ada"}), "OrgA")
    directory = FactTable({P1: Known(known=True, restrictions=(restriction,)), "organizations": organizations}, later=later or ())
    decision = Guard(directory=directory).check(principal, restricted("Project:p1"))
    passes, unknown = PASS[level]
    assert decision.permitted is (caller in passes)
    assert decision.indeterminate is (caller in unknown)
    if decision.denied:
        assert decision.reason == ("unauthenticated" if caller == "anonymous" else "restricted")
    asked = [type(need).__name__ for needs in directory.fetched for need in needs]
    needed = "organization" in level and principal.authenticated and caller not in LISTED
    assert asked == (["RestrictionNeed", *(["OrganizationsNeed"] if needed else [])] if later else [])


PUBLIC, CLOSED, INSIDE = Restriction("public"), STRICTEST, Restriction("any_organization")


@pytest.mark.parametrize(
    ("known", "organizations", "outcome", "reason"),
    [
        (Known(), None, Outcome.DENY, "unknown_resource"),
        (Known(known=True), None, Outcome.PERMIT, "restriction_passed"),
        (Known(known=True, restrictions=(PUBLIC, CLOSED)), None, Outcome.DENY, "restricted"),
        (Known(known=True, restrictions=(CLOSED, PUBLIC)), None, Outcome.DENY, "restricted"),
        (Known(known=True, restrictions=(INSIDE, CLOSED)), None, Outcome.DENY, "restricted"),
        (Known(known=True, restrictions=(PUBLIC,), doubt="slow"), None, Outcome.INDETERMINATE, "facts_unavailable"),
        (Known(known=True, restrictions=(CLOSED,), doubt="slow"), None, Outcome.DENY, "restricted"),
        (Known(doubt="slow"), None, Outcome.INDETERMINATE, "facts_unavailable"),
        (Known(known=True, restrictions=(INSIDE, PUBLIC)), Organizations(frozenset({"OrgA"})), Outcome.PERMIT, "restriction_passed"),
        (Known(known=True, restrictions=(INSIDE, PUBLIC)), Organizations(doubt="slow"), Outcome.INDETERMINATE, "facts_unavailable"),
        (Known(known=True, restrictions=(INSIDE, CLOSED)), Organizations(doubt="slow"), Outcome.DENY, "restricted"),
    ],
)
def test_every_restriction_holds_and_a_doubt_never_permits(
    known: Known, organizations: Organizations | None, outcome: Outcome, reason: str
) -> None:
    facts: dict[Any, Any] = {P1: known} if organizations is None else {P1: known, "organizations": organizations}
    decision = check(restricted("Project:p1"), facts=facts)
    assert (decision.outcome, decision.reason) == (outcome, reason)


# -- what must not show ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "requirement",
    [
        users("ada", conceal=True),
        groups("Team", conceal=True),
        scopes("a", conceal=True),
        claim("d", "x", conceal=True),
        permission("read", "Project:p1", conceal=True),
        restricted("Project:p1", conceal=True),
        groups("Team", conceal=True) | users("ada"),
        groups("Team", conceal=True) & authenticated,
    ],
)
@pytest.mark.parametrize("principal", [OLGA, NOBODY])
def test_a_refusal_that_must_not_show_is_marked(requirement: Requirement, principal: Principal) -> None:
    facts = {"Team": Memberships(), P1: Granted(), (RestrictionNeed, P1): Known()}
    assert check(requirement, principal, facts).concealed


def test_a_denial_is_hidden_while_a_part_before_it_that_must_not_show_is_not_known() -> None:
    hidden = permission("read", "Project:p1", conceal=True)
    known: dict[Any, Fact] = {P1: Granted(), "Team": Memberships()}
    for directory in (FactTable(known), FactTable(known, later={P1}), FactTable({**known, P1: Granted(doubt="slow")})):
        decision = Guard(directory=directory).check(OLGA, hidden & groups("Team"))
        assert (decision.denied, decision.concealed) == (True, True)
        assert directory.fetched == []
    held = FactTable({**known, P1: Granted(Permission.READ)})
    assert not Guard(directory=held).check(OLGA, hidden & groups("Team")).concealed
    both_hidden = Guard(directory=FactTable(known, later={P1})).check(OLGA, hidden & groups("Team", conceal=True))
    assert (both_hidden.denied, both_hidden.concealed) == (True, True)


@pytest.mark.parametrize(
    ("requirement", "refused"),
    [
        (permission("read", "Project:p1"), Decision(reason="lacks_permission", resource=P1, concealed=True)),
        (
            groups("Team") | permission("read", "Project:p1"),
            Decision(
                reason="no_alternative",
                concealed=True,
                parts=(Decision(reason="not_group_member"), Decision(reason="lacks_permission", resource=P1)),
            ),
        ),
    ],
)
def test_a_denial_that_is_hidden_for_another_part_says_to_the_log_what_it_said_before(requirement: Requirement, refused: Decision) -> None:
    hidden = restricted("Project:p1", conceal=True)
    facts = {"Team": Memberships(), P1: Granted(), (RestrictionNeed, P1): Known(doubt="slow")}
    decision = check(hidden & requirement, facts=facts)
    assert decision == refused
    assert (decision.requirement, decision.detail) == (requirement, "")


@pytest.mark.parametrize(
    ("requirement", "facts"),
    [
        (groups("Team"), {"Team": Memberships(frozenset({"Team"}), stale=True)}),
        (permission("read", "Project:p1"), {P1: Granted(Permission.READ, stale=True)}),
        (restricted("Project:p1"), {P1: Known(known=True, stale=True)}),
        (
            restricted("Project:p1"),
            {
                P1: Known(known=True, restrictions=(Restriction("any_organization"),)),
                "organizations": Organizations(frozenset({"OrgA"}), stale=True),
            },
        ),
    ],
)
def test_a_permit_by_a_stale_fact_is_a_permit_that_says_so(requirement: Requirement, facts: Any) -> None:
    decision = check(requirement, facts=facts)
    fresh = check(requirement, facts={key: replace(fact, stale=False) for key, fact in facts.items()})
    assert (decision.outcome, decision.reason, decision.requirement) == (Outcome.PERMIT, fresh.reason, requirement)
    assert (decision.detail, fresh.detail) == (STALE, "")


# -- needs ----------------------------------------------------------------------------------------------


def test_a_need_says_what_the_question_is_about() -> None:
    nothing = FactTable({})
    assert decide(groups("b", "a"), OLGA, {}, nothing) == (GroupsNeed(OLGA, frozenset({"a", "b"})),)
    assert decide(permission("clone", "Project:p1"), OLGA, {}, nothing) == (PermissionNeed(OLGA, P1, 8),)
    assert decide(restricted("Project:{id}"), NOBODY, {"id": "p1"}, nothing) == (RestrictionNeed(NOBODY, P1),)


class Homemade(InGroups):
    """A requirement that the engine has no rule for."""

    __slots__ = ()


@pytest.mark.parametrize("what", ["read", None, Homemade(("Team",)), authenticated & Homemade(("Team",))])
def test_what_there_is_no_rule_for_is_an_error_and_no_verdict(what: Any) -> None:
    with pytest.raises(errors.RequirementError, match="is not a requirement"):
        check(what, person(groups=["Team"]))
