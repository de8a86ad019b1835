"""A decision is true only if it permits, cannot be changed, and says why."""

from __future__ import annotations

import pytest

from cartaguard import Decision, Resource, any_of, groups, permission
from cartaguard.model.decision import Outcome


def test_deny_is_what_a_decision_is_if_nothing_is_said() -> None:
    nothing = Decision()
    assert (nothing.outcome, nothing.reason) == (Outcome.DENY, "denied")
    assert not nothing
    assert Outcome.DENY.value == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_only_permit_is_true(outcome: Outcome) -> None:
    decision = Decision(outcome, "r")
    assert bool(decision) is decision.permitted is (outcome is Outcome.PERMIT)
    assert decision.denied is (outcome is Outcome.DENY)
    assert decision.indeterminate is (outcome is Outcome.INDETERMINATE)
    assert repr(decision) == f"<Decision {outcome.name.lower()}: r>"


def test_a_decision_cannot_be_changed() -> None:
    decision = Decision()
    with pytest.raises(AttributeError, match="cannot be changed"):
        decision.permitted = True
    with pytest.raises(AttributeError, match="cannot be changed"):
        del decision.permitted


def test_decisions_are_equal_by_verdict_reason_resource_and_parts() -> None:
    project = Resource("Project", "p1")
    first = Decision(Outcome.DENY, "lacks_permission", resource=project)
    assert first == Decision(Outcome.DENY, "lacks_permission", resource=project, detail="d", retry_after=9)
    assert hash(first) == hash(Decision(Outcome.DENY, "lacks_permission", resource=project))
    assert first != Decision(Outcome.DENY, "lacks_permission")
    assert first != Decision(Outcome.DENY, "lacks_permission", resource=project, concealed=True)
    assert first != "lacks_permission"


def test_an_explanation_has_a_line_for_each_part() -> None:
    team, read = groups("OrgA:Team"), permission("read", "Project:{id}")
    parts = (
        Decision(Outcome.DENY, "not_group_member", requirement=team),
        Decision(
            Outcome.INDETERMINATE, "facts_unavailable", requirement=read, resource=Resource("Project", "p1"), detail="carta_unavailable"
        ),
    )
    decision = Decision(Outcome.INDETERMINATE, "facts_unavailable", requirement=any_of(team, read), parts=parts)
    assert decision.explain().splitlines() == [
        "cannot tell: facts unavailable (any [groups: OrgA:Team; permission: read on Project:{id}])",
        "  deny: not group member (groups: OrgA:Team)",
        "  cannot tell: facts unavailable (permission: read on Project:p1): carta_unavailable",
    ]
    assert Decision(Outcome.PERMIT, "public").explain() == "permit: public"
