"""The gate behind a framework that has matched already, and the answers to what an application lets fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cartaguard import Guard, LocalDirectory, Policy, Principal, Requirement, authenticated, errors, permission, public, users
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.guard.plan import Plan
from cartaguard.http.routes import Entry
from cartaguard.model.decision import Decision, Outcome
from support.aurora import authorization, guard_for
from support.matched import admit_matched, admit_matched_steps
from support.tokens import bearer, token_for, verifier_for


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
    return blocking.run(admit_matched_steps(gate, *asked)) if steps else admit_matched(gate, *asked)


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
    assert admit_matched(gate, *asked) is None
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
        assert admit_matched(gate, *asked) is None
        held = answer(gate, *asked, steps=True)
    assert held is not None
    assert held.principal.username == "olga"


def test_a_guard_that_only_decides_lets_the_anonymous_on_what_is_public_in_steps_too() -> None:
    """Without a credential nobody is asked who it is: there is nobody to ask."""
    open_to_all = entry(public("x"))
    gate = Gate(Guard(), [open_to_all])
    for steps in (False, True):
        held = answer(gate, open_to_all, {}, "GET", "/projects/x", (), steps=steps)
        assert held is not None
        assert held.principal is Principal.anonymous


def test_a_guard_that_only_decides_is_not_set_up_for_a_credential() -> None:
    open_to_all = entry(public("x"))
    gate = Gate(Guard(), [open_to_all])
    matched: Any = (open_to_all, {}, "GET", "/projects/x", values("olga"))
    calls: list[Callable[[], Pass | None]] = [
        lambda: gate.admit("http", "GET", "/projects/x", values("olga")),
        lambda: blocking.run(gate.admit_steps("http", "GET", "/projects/x", values("olga"))),
        lambda: answer(gate, *matched, steps=False),
        lambda: answer(gate, *matched, steps=True),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert (caught.value.refusal.status, caught.value.code) == (500, "no_verifier")


def rebuilding(requirement: Requirement | None = authenticated) -> Entry:
    """`/items/<int:n>`: whatever the path says, the application is given a number."""

    def rebuild(path: str, params: Mapping[str, Any]) -> str | None:
        return None if params["n"] is None else f"{path.rpartition('/')[0]}/{params['n']}"

    return Entry("/items/{n}", ("items", None), requirement=requirement, matcher=lambda segments, path: {}, rebuild=rebuild)


OTTO = {"users": ["otto"]}


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize(
    ("line", "path", "number", "user", "said"),
    [
        ({"path": "/items/8", "require": OTTO}, "/items/08", 8, "olga", (403, "not_listed_user")),
        ({"path": "/items/8", "require": OTTO}, "/items/08", 8, "otto", None),
        ({"path": "/items/08", "require": OTTO}, "/items/08", 8, "olga", (403, "not_listed_user")),
        ({"path": "/items/8", "require": OTTO, "methods": ["GET"]}, "/items/08", 8, "olga", (403, "not_listed_user")),
        ({"path": "/items/8", "require": OTTO, "methods": ["PUT"]}, "/items/08", 8, "olga", None),
        ({"path": "/items/8", "require": OTTO, "protocols": ["websocket"]}, "/items/08", 8, "olga", None),
        ({"path": "/items/8", "require": OTTO, "protocols": ["http"]}, "/items/08", 8, "olga", (403, "not_listed_user")),
        ({"path": "/items/9", "require": OTTO}, "/items/08", 8, "olga", None),
        ({"path": "/items/9", "require": OTTO}, "/items/8", None, "olga", (403, "ambiguous_resource")),
        ({"path": "/items/9", "require": OTTO}, "/items/8", None, "", (401, "unauthenticated")),
    ],
)
def test_a_matched_path_falls_under_the_lines_of_both_its_readings(
    line: dict[str, Any], path: str, number: int | None, user: str, said: tuple[int, str] | None, steps: bool
) -> None:
    """As it is written, and as the framework understood it."""
    items = rebuilding()
    gate = Gate(guard_for([line]), [items])
    asked = (items, {"n": number}, "GET", path, values(user))
    if said is None:
        assert answer(gate, *asked, steps=steps) is not None
        return
    with pytest.raises(Refused) as caught:
        answer(gate, *asked, steps=steps)
    assert (caught.value.refusal.status, caught.value.refusal.reason) == said


@pytest.mark.parametrize("steps", [False, True])
def test_in_both_readings_of_a_path_the_route_asks_about_the_parameter_as_it_is_given(steps: bool) -> None:
    items = rebuilding(permission("read", "Project:{n}"))
    gate = Gate(guard_for([{"path": "/elsewhere", "require": OTTO}]), [items])
    asked = (items, {"n": 7}, "GET", "/items/07")
    assert answer(gate, *asked, values("olga"), steps=steps) is not None
    with pytest.raises(Refused) as caught:
        answer(gate, *asked, values("otto"), steps=steps)
    assert caught.value.refusal.reason == "lacks_permission"


@pytest.mark.parametrize(("user", "said"), [("olga", (403, "no_requirement")), ("", (401, "unauthenticated"))])
def test_an_undeclared_route_must_be_covered_in_both_readings_of_a_path(user: str, said: tuple[int, str]) -> None:
    items = rebuilding(None)
    gate = Gate(guard_for([{"path": "/items/08", "require": {"public": "x"}}]), [items])
    with pytest.raises(Refused) as caught:
        admit_matched(gate, items, {"n": 8}, "GET", "/items/08", values(user))
    assert (caught.value.refusal.status, caught.value.refusal.reason) == said


# -- at dispatch, with everything at hand: what `confirm` says alone ------------------------------------------


def held_on(gate: Gate, on: Entry | None, params: Mapping[str, Any], path: str, method: str = "GET", user: str = "olga") -> Pass:
    principal = gate.guard.recognise(values(user))
    assert principal is not None
    return Pass(gate, principal, Plan(on, method=method), path, params)


def test_what_is_at_hand_is_confirmed_without_steps() -> None:
    gate = Gate(guard_for(), ALL)
    held = held_on(gate, DISTANT, {"id": "alloys"}, "/projects/alloys")
    assert gate.confirm(held, [READ], {"id": "alloys"}) is True
    assert gate.confirm(held, [DISTANT, READ], {"id": "alloys"}) is True
    assert gate.confirm(held, [DISTANT], {"id": "x"}) is False


def test_another_route_with_the_same_parameters_is_decided_for_itself() -> None:
    other = entry(users("otto"))
    gate = Gate(guard_for(), [READ, other])
    held = held_on(gate, READ, {"id": "alloys"}, "/projects/alloys")
    for entries in ([other], [other, READ], [READ, other], [other, entry(authenticated)]):
        with pytest.raises(Refused) as caught:
            gate.confirm(held, entries, {"id": "alloys"})
        assert caught.value.refusal.reason == "not_listed_user"


def test_parameters_that_the_gate_had_not_are_decided_on() -> None:
    gate = Gate(guard_for(), ALL)
    with pytest.raises(Refused) as caught:
        gate.confirm(held_on(gate, READ, {}, "/projects/alloys", user="otto"), [READ], {"id": "alloys"})
    assert caught.value.refusal.reason == "lacks_permission"


def test_a_route_without_parameters_is_not_decided_twice() -> None:
    plain = entry(permission("read", "Distant:x"))
    gate = Gate(guard_for(), [plain])
    assert gate.confirm(held_on(gate, plain, {}, "/projects/x"), [plain], {}) is True


@pytest.mark.parametrize(
    ("protocol", "method", "reason"),
    [("http", "GET", "not_listed_user"), ("http", "", None), ("websocket", "GET", None), ("websocket", "", "not_listed_user")],
)
def test_a_request_is_confirmed_under_the_lines_of_its_own_protocol(protocol: str, method: str, reason: str | None) -> None:
    gate = Gate(guard_for([{"path": "/projects/x", "require": OTTO, "protocols": [protocol]}]), [entry(authenticated)])
    held = held_on(gate, None, {}, "/projects/x", method)
    if reason is None:
        assert gate.confirm(held, [entry(authenticated)], {}) is True
        return
    with pytest.raises(Refused) as caught:
        gate.confirm(held, [entry(authenticated)], {})
    assert caught.value.refusal.reason == reason


def test_at_dispatch_the_path_is_the_one_that_the_framework_understood() -> None:
    items = rebuilding()
    gate = Gate(guard_for([{"path": "/items/8", "require": OTTO}]), [items])
    held = held_on(gate, items, {"n": "08"}, "/items/08")
    assert gate.confirm(held, [items], {"n": 9}) is True
    with pytest.raises(Refused) as caught:
        gate.confirm(held, [items], {"n": 8})
    assert caught.value.refusal.reason == "not_listed_user"


@pytest.mark.parametrize("steps", [False, True])
def test_a_pass_knows_its_gate_and_what_was_decided(steps: bool) -> None:
    gate = Gate(guard_for(), ALL)
    held = answer(gate, READ, {"id": "alloys"}, "GET", "/projects/alloys", values("olga"), steps=steps)
    assert held is not None
    assert (held.gate, held.entry, held.params, held.method, held.path) == (gate, READ, {"id": "alloys"}, "GET", "/projects/alloys")
    assert (held.allow, held.other_slash) == (None, None)
    before = gate.preflight("/projects/alloys")
    assert (before.gate, before.entry, before.params, before.method, before.path) == (gate, None, {}, "OPTIONS", "/projects/alloys")


def test_a_pass_for_a_websocket_has_no_method() -> None:
    assert Pass(Gate(guard_for()), Principal.anonymous, Plan(None)).method == ""


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


def test_what_a_matched_route_permitted_ends_with_the_write_that_takes_it_away() -> None:
    """It is remembered from the third request on, and not for a moment longer than the facts stand."""
    directory = LocalDirectory.from_dict(
        {"resources": {"Project:alloys": {"owner": "olga", "grants": [{"to": "user:adam", "role": "Guest"}]}}}
    )
    guard = Guard(verifier=verifier_for(), directory=directory)
    gate, token = Gate(guard, [READ]), bearer(token_for("adam"))
    asked = (READ, {"id": "alloys"}, "GET", "/projects/alloys", token)
    passes = [admit_matched(gate, *asked) for _ in range(4)]
    assert all(held is not None and held.entry is READ for held in passes)
    directory.revoke(by=DEPLOYER, to="user:adam", on="Project:alloys")
    with pytest.raises(Refused) as refused:
        admit_matched(gate, *asked)
    assert refused.value.code == "lacks_permission"


def test_a_plan_serves_the_route_and_the_parameters_that_it_was_made_for_and_no_others() -> None:
    """Two routes may be matched on one path: by host, or since the application has changed them."""
    first, second = entry(authenticated), entry(users("otto"))
    gate = Gate(guard_for(), [first, second])
    for _ in range(2):
        held = admit_matched(gate, first, {}, "GET", "/projects/x", values("olga"))
        assert held is not None
        assert (held.entry, dict(held.params)) == (first, {})
    with pytest.raises(Refused) as caught:
        admit_matched(gate, second, {}, "GET", "/projects/x", values("olga"))
    assert caught.value.refusal.reason == "not_listed_user"
    for params in ({"id": "x"}, {"id": "y"}, {}):
        held = admit_matched(gate, first, params, "GET", "/projects/x", values("olga"))
        assert held is not None
        assert dict(held.params) == params


def test_what_holds_at_dispatch_is_noted_in_another_pass_of_the_same_caller_and_plan() -> None:
    gate = Gate(guard_for(), ALL)
    held = held_on(gate, READ, {"id": "alloys"}, "/projects/alloys")
    assert held.confirmed == ()
    one, two = (READ,), (DISTANT,)
    after = held.confirming(one)
    assert (after.gate, after.principal, after.plan, after.confirmed) == (gate, held.principal, held.plan, one)
    assert (after.path, after.params) == (held.path, held.params) == ("/projects/alloys", {"id": "alloys"})
    assert held.confirmed == ()
    # The next request of the same caller has the same.
    decided = held.as_decided()
    assert (decided.gate, decided.principal, decided.plan, decided.confirmed) == (gate, held.principal, held.plan, one)
    assert (decided.path, decided.params, decided.decided) == (held.path, held.params, READ.marks)
    assert held.as_decided() is held.after is decided
    nowhere = Pass(gate, Principal.anonymous, Plan(None)).as_decided()
    assert (nowhere.confirmed, nowhere.decided, nowhere.path, nowhere.params) == ((), (), "", {})
    assert held.confirming(two).confirmed == two
    assert after.confirming(two).confirmed == (READ, DISTANT)
    assert held.after is decided
    assert after.after is None
