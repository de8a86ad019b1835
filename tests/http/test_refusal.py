"""A refusal as HTTP: status, challenge and problem body by outcome, and nothing that is nobody's business."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cartaguard import (
    Decision,
    Guard,
    Principal,
    Requirement,
    Resource,
    authenticated,
    claim,
    errors,
    groups,
    permission,
    restricted,
    scopes,
    users,
)
from cartaguard.events import counters, on_event, refusals
from cartaguard.http.refusal import TITLES, Refusals
from cartaguard.model.decision import Outcome
from cartaguard.model.facts import Granted, Known, Memberships
from support.facts import OLGA, FactTable

FACTS: dict[Any, Any] = {
    Resource("Project", "p1"): Granted(),
    "Team": Memberships(),
    "Other": Memberships(),
    Resource("DataSet", "d1"): Known(),
}


def refused(requirement: Requirement, principal: Principal = OLGA, **options: Any) -> Any:
    decision = Guard(directory=FactTable(FACTS)).check(principal, requirement)
    return Refusals(**options).decision(decision, authenticated=principal.authenticated)


def body(refusal: Any) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(refusal.body)
    assert problem["status"] == refusal.status
    assert problem["title"] == TITLES[refusal.status]
    assert problem["type"] == "about:blank"
    assert problem["reason"] == refusal.reason
    assert dict(refusal.headers)["Content-Type"] == "application/problem+json"
    return problem


def test_the_anonymous_are_challenged_without_an_error_code() -> None:
    for requirement in (authenticated, groups("Team"), permission("read", "Project:p1", conceal=True)):
        refusal = refused(requirement, Principal.anonymous)
        assert (refusal.status, dict(refusal.headers)["WWW-Authenticate"]) == (401, 'Bearer realm="carta"')
        assert body(refusal)["reason"] == "unauthenticated"
        assert body(refusal)["detail"] == "a bearer token is needed"
        assert "required" not in body(refusal)


@pytest.mark.parametrize(
    ("requirement", "required", "challenge"),
    [
        (groups("Team", "Other"), [{"groups": ["Team", "Other"]}], ""),
        (permission("read", "Project:p1"), [{"permission": "read", "on": "Project:p1"}], ""),
        (restricted("DataSet:d1"), [{"restricted": "DataSet:d1"}], ""),
        (scopes("b", "a"), [{"scopes": ["b", "a"]}], ', scope="b a"'),
        (users("ada"), None, ""),
        (claim("department", "secret-lab"), None, ""),
        (users("ada") | groups("Team") | scopes("a"), [{"groups": ["Team"]}, {"scopes": ["a"]}], ', scope="a"'),
        (authenticated & groups("Team") & users("ada"), [{"groups": ["Team"]}], ""),
    ],
)
def test_whoever_lacks_a_right_is_told_what_may_be_asked_for(requirement: Requirement, required: Any, challenge: str) -> None:
    refusal = refused(requirement, access_url="https://portal.example/access")
    assert refusal.status == 403
    assert dict(refusal.headers)["WWW-Authenticate"] == f'Bearer realm="carta", error="insufficient_scope"{challenge}'
    problem = body(refusal)
    assert problem.get("required") == required
    assert problem["request_access"] == "https://portal.example/access"
    assert b"ada" not in refusal.body
    assert b"secret-lab" not in refusal.body


@pytest.mark.parametrize(
    ("requirement", "required"),
    [
        (permission("read", "Project:{id}"), {"permission": "read", "on": "Project:{id}"}),
        (restricted("DataSet:{id}"), {"restricted": "DataSet:{id}"}),
    ],
)
def test_a_template_that_could_not_be_filled_is_named_as_it_is_written(requirement: Requirement, required: dict[str, str]) -> None:
    decision = Guard().check(OLGA, requirement, {"id": ""})
    assert body(Refusals().decision(decision, authenticated=True))["required"] == [required]


def test_a_verdict_that_no_requirement_stands_behind_is_a_plain_403() -> None:
    problem = body(Refusals().decision(Decision(reason="no_requirement"), authenticated=True))
    assert set(problem) == {"type", "title", "status", "detail", "reason"}
    assert problem["detail"] == "no requirement"


def test_what_must_not_show_is_the_plain_answer_of_nothing() -> None:
    refusal = refused(permission("read", "Project:p1", conceal=True))
    assert (refusal.status, refusal.concealed, refusal.body, refusal.reason) == (404, True, b"Not Found", "lacks_permission")
    assert dict(refusal.headers)["Content-Type"] == "text/plain; charset=utf-8"
    assert "WWW-Authenticate" not in dict(refusal.headers)


@pytest.mark.parametrize("who", [True, False])
def test_nobody_can_tell_is_503_for_everybody(who: bool) -> None:
    refusal = Refusals().decision(Decision(Outcome.INDETERMINATE, "facts_unavailable", concealed=True, retry_after=7), authenticated=who)
    assert (refusal.status, dict(refusal.headers)["Retry-After"]) == (503, "7")
    assert "WWW-Authenticate" not in dict(refusal.headers)
    assert body(refusal)["reason"] == "facts_unavailable"
    assert body(refusal)["detail"] == "what is needed to decide cannot be had now"


@pytest.mark.parametrize(
    ("fault", "status", "challenge", "detail"),
    [
        (errors.InvalidToken("canary", code="expired"), 401, 'Bearer realm="lab", error="invalid_token"', "the token was refused"),
        (
            errors.InvalidRequest("the header is repeated", code="repeated_authorization"),
            400,
            'Bearer realm="lab", error="invalid_request"',
            "the header is repeated",
        ),
        (errors.InvalidPath("the path has an empty segment"), 400, None, "the path has an empty segment"),
        (errors.KeysUnavailable("canary", retry_after=30), 503, None, "what is needed to decide cannot be had now"),
        (errors.FactsUnavailable("canary"), 503, None, "what is needed to decide cannot be had now"),
        (errors.ConfigurationError("canary"), 500, None, "the guard is not set up"),
        (errors.CartaGuardError("canary"), 500, None, "the guard is not set up"),
    ],
)
def test_a_fault_answers_by_its_kind_and_tells_only_what_the_caller_sent(
    fault: Any, status: int, challenge: str | None, detail: str
) -> None:
    refusal = Refusals(realm="lab").fault(fault)
    assert (refusal.status, refusal.reason) == (status, fault.code)
    assert dict(refusal.headers).get("WWW-Authenticate") == challenge
    assert dict(refusal.headers).get("Retry-After") == (str(fault.retry_after) if status == 503 else None)
    assert b"canary" not in refusal.body
    assert body(refusal)["detail"] == detail


def test_no_refusal_is_stored_and_all_vary_with_the_credential() -> None:
    made = Refusals()
    for refusal in (
        refused(groups("Team")),
        refused(groups("Team"), Principal.anonymous),
        refused(groups("Team", conceal=True)),
        *(
            made.fault(fault)
            for fault in (errors.InvalidToken(), errors.InvalidRequest(), errors.KeysUnavailable(), errors.CartaGuardError())
        ),
    ):
        headers = dict(refusal.headers)
        assert (headers["Cache-Control"], headers["Vary"]) == ("no-store", "Authorization")
        assert len(headers) == len(refusal.headers)


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "caf\u00e9", "a\nb", "a\r\nX: y"])
def test_a_realm_that_could_break_out_of_its_quotes_is_an_error(realm: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"^a realm is printable ASCII") as caught:
        Refusals(realm=realm)
    assert caught.value.code == "bad_realm"


def test_every_refusal_is_counted_by_status_and_reason_and_a_503_is_an_event() -> None:
    """Verdicts and faults alike; what is hidden from the caller is not hidden from the counter."""
    made, told = Refusals(), []
    end = on_event(lambda event, fields: told.append((event, dict(fields))))
    for _ in range(2):
        made.fault(errors.InvalidToken(code="expired"))
    made.decision(Decision(reason="not_group_member"), authenticated=True)
    made.decision(Decision(reason="not_group_member"), authenticated=False)
    made.decision(Decision(reason="not_owner", concealed=True), authenticated=True)
    made.fault(errors.KeysUnavailable())
    made.decision(Decision(outcome=Outcome.INDETERMINATE, reason="facts_unavailable"), authenticated=True)
    assert refusals() == {
        (401, "expired"): 2,
        (403, "not_group_member"): 1,
        (401, "unauthenticated"): 1,
        (404, "not_owner"): 1,
        (503, "keys_unavailable"): 1,
        (503, "facts_unavailable"): 1,
    }
    assert counters()["answered_503"] == 2
    assert told == [("answered_503", {"reason": "keys_unavailable"}), ("answered_503", {"reason": "facts_unavailable"})]
    end()
