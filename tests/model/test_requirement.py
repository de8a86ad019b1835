"""Requirements are checked when they are built, equal by content, and combine with ``&`` and ``|``."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from cartaguard import (
    Requirement,
    Resource,
    all_of,
    any_of,
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
from cartaguard.model.decision import Outcome
from cartaguard.model.requirement import AllOf, AnyOf, deny
from cartaguard.model.template import ResourceTemplate

#: One of each, with the text that describes it.
EACH: list[tuple[Requirement, str]] = [
    (public("health check"), "public: health check"),
    (authenticated, "authenticated"),
    (deny, "deny"),
    (users("olga", "ada"), "users: olga, ada"),
    (users("olga", issuer="i", conceal=True), "users: olga"),
    (groups("OrgA:Team", conceal=True), "groups: OrgA:Team"),
    (groups("OrgA:Team", max_age=0), "groups: OrgA:Team, at most 0 s old"),
    (scopes("read", "write"), "scopes: read, write"),
    (claim("department", "physics", 7), "claim: department = physics or 7"),
    (permission("read", "Project:{id}"), "permission: read on Project:{id}"),
    (permission("read", Resource("Project", "{p}"), conceal=True), "permission: read on Project:{p}"),
    (permission("read", "Project:{id}", max_stale=60), "permission: read on Project:{id}, or 60 s longer while its source is down"),
    (restricted("DataSet:{id}"), "restricted: DataSet:{id}"),
    (
        restricted("DataSet:{id}", max_age=2.5, max_stale=60),
        "restricted: DataSet:{id}, at most 2.5 s old, or 60 s longer while its source is down",
    ),
    (groups("a") & users("b"), "all [groups: a; users: b]"),
    (groups("a") | users("b"), "any [groups: a; users: b]"),
]


@pytest.mark.parametrize(("requirement", "text"), EACH)
def test_a_requirement_describes_itself(requirement: Requirement, text: str) -> None:
    assert requirement.describe() == text
    assert repr(requirement) == f"<Requirement {text}>"


@pytest.mark.parametrize("requirement", [requirement for requirement, _ in EACH])
def test_a_requirement_is_equal_to_its_copies_and_to_no_other(requirement: Requirement) -> None:
    for twin in (copy.deepcopy(requirement), pickle.loads(pickle.dumps(requirement))):
        assert twin == requirement
        assert hash(twin) == hash(requirement)
        assert twin.refuse == requirement.refuse
    assert [other for other, _ in EACH if other == requirement] == [requirement]
    assert requirement != requirement.describe()


@pytest.mark.parametrize("requirement", [requirement for requirement, _ in EACH])
def test_a_requirement_cannot_be_changed_or_used_as_a_bool(requirement: Requirement) -> None:
    with pytest.raises(AttributeError, match="cannot be changed"):
        requirement.conceal = True
    with pytest.raises(AttributeError, match="cannot be changed"):
        del requirement.conceal
    with pytest.raises(errors.RequirementError, match="not true or false"):
        bool(requirement)


@pytest.mark.parametrize("requirement", [requirement for requirement, _ in EACH])
def test_ready_verdicts_say_what_they_are(requirement: Requirement) -> None:
    assert requirement.permit.outcome is Outcome.PERMIT
    for refusal in (requirement.refuse, requirement.unauthenticated):
        assert refusal.outcome is Outcome.DENY
        assert refusal.concealed is requirement.conceal


_WRONG_AGES: list[dict[str, Any]] = [
    {name: seconds} for name in ("max_age", "max_stale") for seconds in (-1, math.nan, math.inf, 86_401, True, "60")
]

EMPTY_OR_WRONG: list[tuple[Callable[[], object], str]] = [
    (Requirement, "empty"),
    (groups, "empty"),
    (users, "empty"),
    (scopes, "empty"),
    (any_of, "empty"),
    (all_of, "empty"),
    (lambda: groups(""), "empty"),
    *((lambda wrong=wrong: permission("read", "Project:p", **wrong), "bad_freshness") for wrong in _WRONG_AGES),
    (lambda: groups("a", max_stale=None), "bad_freshness"),  # type: ignore[arg-type] # as a caller without types may
    (lambda: users("olga", "  "), "empty"),
    (lambda: groups(["OrgA:Team"]), "bad_name"),  # type: ignore[arg-type]
    (lambda: users(None), "bad_name"),  # type: ignore[arg-type]
    (lambda: users("olga", issuer=""), "bad_issuer"),
    (lambda: users("olga", issuer=5), "bad_issuer"),  # type: ignore[arg-type]
    (lambda: scopes("a b"), "bad_scope"),
    (lambda: scopes('a"b'), "bad_scope"),
    (lambda: scopes("a\\b"), "bad_scope"),
    (lambda: scopes("caf\u00e9"), "bad_scope"),
    (lambda: claim("department"), "empty"),
    (lambda: claim("", "x"), "bad_claim"),
    (lambda: claim(None, "x"), "bad_claim"),  # type: ignore[arg-type]
    (lambda: claim("department", None), "bad_claim"),
    (lambda: claim("department", ["x"]), "bad_claim"),
    (lambda: permission("reads", "Project:p1"), "unknown_permission"),
    (lambda: permission("Read", "Project:p1"), "unknown_permission"),
    (lambda: permission("read", "p1"), "bad_template"),
    (lambda: permission("read", None), "bad_template"),  # type: ignore[arg-type]
    (lambda: restricted(""), "bad_template"),
    (lambda: public(""), "public_without_reason"),
    (lambda: public(" "), "public_without_reason"),
    (lambda: public(True), "public_without_reason"),  # type: ignore[arg-type]
    (lambda: any_of(authenticated, "groups"), "not_a_requirement"),  # type: ignore[arg-type]
    (lambda: all_of(None), "not_a_requirement"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("build", "code"), EMPTY_OR_WRONG)
def test_what_says_nothing_or_is_misspelt_is_an_error_when_it_is_built(build: Callable[[], object], code: str) -> None:
    with pytest.raises(errors.RequirementError) as caught:
        build()
    assert caught.value.code == code
    assert isinstance(caught.value, ValueError)


def test_combinations_of_one_kind_are_flat_and_keep_their_order() -> None:
    a, b, c = groups("a"), groups("b"), groups("c")
    assert (a | b) | c == any_of(a, b, c) == a | (b | c)
    assert (a & b) & c == all_of(a, b, c)
    mixed = (a | b) & c
    assert isinstance(mixed, AllOf)
    assert isinstance(mixed.parts[0], AnyOf)
    assert list(mixed.leaves()) == [a, b, c]
    assert a & b != b & a
    assert a & b != a | b


@pytest.mark.parametrize("other", [None, "x", True, 1])
def test_a_requirement_combines_with_nothing_else(other: Any) -> None:
    with pytest.raises(TypeError):
        authenticated & other
    with pytest.raises(TypeError):
        authenticated | other


def test_authenticated_may_be_called() -> None:
    assert authenticated() is authenticated


def test_repeated_names_count_once_and_order_does_not_matter_for_equality() -> None:
    assert groups("a", "b", "a").describe() == "groups: a, b"
    assert groups("a", "b") == groups("b", "a")


def test_claim_values_of_different_types_are_different() -> None:
    assert claim("a", True) != claim("a", 1)
    assert claim("a", 1) != claim("a", 1.0)


def test_binding_looks_at_every_template_in_it() -> None:
    demand = groups("a") & (permission("read", "Project:{id}") | restricted("DataSet:{set}"))
    assert demand.bind(["id", "set"]) is demand
    with pytest.raises(errors.RequirementError, match=r"`DataSet:\{set\}` needs the parameter") as caught:
        demand.bind(["id"], "/p/{id}")
    assert caught.value.code == "unknown_parameter"


def test_a_template_that_exists_already_is_taken_as_it_is() -> None:
    template = ResourceTemplate("Project:{id}")
    assert permission("read", template) == permission("read", "Project:{id}")  # type: ignore[arg-type]


def test_a_resource_in_question_is_named_in_the_description() -> None:
    project = Resource("Project", "p1")
    assert permission("read", "Project:{id}").describe(project) == "permission: read on Project:p1"
    assert restricted("Project:{id}").describe(project) == "restricted: Project:p1"
