"""The gate behind a framework that has matched already, and the answers to what an application lets fall."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard import Guard, Policy, Principal, Requirement, authenticated, errors, permission
from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.http.routes import Entry
from cartaguard.model.decision import Decision, Outcome
from support.aurora import authorization, guard_for


def entry(requirement: Requirement | None) -> Entry:
    return Entry("/projects/{id}", ("projects", None), requirement=requirement, matcher=lambda segments, path: {})


READ = entry(permission("read", "Project:{id}"))
DISTANT = entry(permission("read", "Distant:{id}"))
LOST = entry(permission("read", "Lost:{id}"))
UNDECLARED = entry(None)
ALL = [READ, DISTANT, LOST, UNDECLARED]


def values(user: str) -> tuple[bytes, ...]:
    return (authorization(user).encode(),) if user else ()


def answer(gate: Gate, *asked: Any, steps: bool) -> Pass | None:
    return blocking.run(gate.admit_matched_steps(*asked)) if steps else gate.admit_matched(*asked)


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize(
    ("matched", "path", "user", "reason"),
    [
        (READ, "/projects/alloys", "olga", None),
        (READ, "/projects/alloys", "otto", "lacks_permission"),
        (READ, "/projects/alloys", "", "unauthenticated"),
        (READ, "/projects//alloys", "olga", "ambiguous_path"),
        (UNDECLARED, "/projects/alloys", "olga", "no_requirement"),
        (UNDECLARED, "/covered", "olga", None),
        (UNDECLARED, "/covered", "otto", "not_listed_user"),
        (READ, "/covered", "greta", "not_listed_user"),
        (None, "/covered", "olga", "no_route"),
        (None, "/covered", "", "unauthenticated"),
    ],
)
def test_the_matched_route_and_the_policy_of_its_path_decide(
    matched: Entry | None, path: str, user: str, reason: str | None, steps: bool
) -> None:
    gate = Gate(guard_for([{"path": "/covered", "methods": ["GET"], "require": {"users": ["olga"]}}]), ALL)
    asked = (matched, {"id": "alloys"}, "GET", path, values(user))
    if reason is None:
        held = answer(gate, *asked, steps=steps)
        assert held is not None
        assert (held.entry, held.path, held.params, held.principal.username) == (matched, path, {"id": "alloys"}, user)
    else:
        with pytest.raises(Refused) as caught:
            answer(gate, *asked, steps=steps)
        assert caught.value.refusal.reason == reason


def test_what_is_not_at_hand_is_fetched_by_the_steps() -> None:
    gate = Gate(guard_for(), ALL)
    asked: Any = (DISTANT, {"id": "x"}, "GET", "/projects/x", values("olga"))
    assert gate.admit_matched(*asked) is None
    assert answer(gate, *asked, steps=True) is not None
    with pytest.raises(Refused) as caught:
        answer(gate, DISTANT, {"id": "x"}, "GET", "/projects/x", values("otto"), steps=True)
    assert caught.value.refusal.status == 403
    with pytest.raises(Refused) as caught:
        answer(gate, LOST, {"id": "x"}, "GET", "/projects/x", values("olga"), steps=True)
    assert caught.value.refusal.status == 503


def test_keys_that_are_not_at_hand_are_fetched_by_the_steps() -> None:
    from cartaguard import Issuer, RemoteKeys, TokenVerifier
    from support.keys import jwks, rsa_key
    from support.served import Answer, serving
    from support.tokens import CLIENT, ISSUER, Clock

    with serving() as server:
        server.answers["/keys"] = Answer.of(jwks(rsa_key()))
        verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{server.url}/keys"))], clock=Clock())
        gate = Gate(Guard(verifier=verifier), [entry(authenticated)])
        asked: Any = (gate.plans.table.entries[0], {}, "GET", "/projects/x", values("olga"))
        assert gate.admit_matched(*asked) is None
        held = answer(gate, *asked, steps=True)
    assert held is not None
    assert held.principal.username == "olga"


OLGA = Principal(issuer="https://issuer.example", subject="sub-olga", username="olga")


@pytest.mark.parametrize(
    ("fault", "principal", "status", "reason"),
    [
        (errors.NotAuthorized(decision=Decision(Outcome.DENY, "lacks_permission")), OLGA, 403, "lacks_permission"),
        (errors.NotAuthorized(decision=Decision(Outcome.DENY, "lacks_permission")), Principal.anonymous, 401, "unauthenticated"),
        (errors.NotAuthorized(decision=Decision(Outcome.DENY, "lacks_permission", concealed=True)), OLGA, 404, "lacks_permission"),
        (errors.NotAuthorized(decision=Decision(Outcome.INDETERMINATE, "facts_unavailable")), OLGA, 503, "facts_unavailable"),
        (errors.NotAuthorized("only the owner may", code="not_owner"), OLGA, 403, "not_owner"),
        (errors.InvalidToken(code="expired"), OLGA, 401, "expired"),
        (errors.InvalidRequest(code="too_long"), OLGA, 400, "too_long"),
        (errors.FactsUnavailable(), OLGA, 503, "facts_unavailable"),
    ],
)
def test_a_fault_that_leaves_the_application_is_answered(fault: CartaGuardError, principal: Principal, status: int, reason: str) -> None:
    refused = Gate(guard_for()).answer(fault, principal)
    assert (refused.refusal.status, refused.refusal.reason) == (status, reason)


def test_a_refusal_of_an_inner_gate_stays_as_it_is() -> None:
    gate = Gate(Guard(policy=Policy()), [])
    refused = gate.denied(Decision(Outcome.DENY, "lacks_scope"), OLGA)
    assert gate.answer(refused, Principal.anonymous) is refused
