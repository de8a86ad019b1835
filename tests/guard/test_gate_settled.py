"""What the gate remembers of permits: each caller's own, found again in the same state of the facts, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cartaguard import Decision, Guard, LocalDirectory, Principal, Requirement, authenticated, groups, permission, public
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.drivers import blocking
from cartaguard.guard import current
from cartaguard.guard import flow as flow_module
from cartaguard.guard import gate as gate_module
from cartaguard.guard import guard as guard_module
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.guard.plan import Plan
from cartaguard.http.routes import Entry
from cartaguard.model.pattern import PathPattern
from support.matched import admit_matched
from support.tokens import bearer, token_for, verifier_for

READ = permission("read", "Project:{id}")


def entry(pattern: str, requirement: Any = READ) -> Entry:
    read = PathPattern(pattern)
    return Entry(pattern, read.segments, requirement=requirement, matcher=lambda segments, path: read.match(segments))


def facts() -> LocalDirectory:
    return LocalDirectory.from_dict(
        {
            "users": {"olga": {}, "adam": {}},
            "groups": {"OrgA:Team": {"users": ["olga"]}},
            "resources": {
                "Project:olgas": {"owner": "olga"},
                "Project:adams": {"owner": "adam"},
                "Project:both": {"owner": "adam", "grants": [{"to": "user:olga", "role": "Guest"}]},
            },
        }
    )


class World:
    """A gate over the facts above, asked in front of routing or where the framework has matched already."""

    def __init__(self, matched: bool) -> None:
        self.matched = matched
        self.directory = facts()
        self.entry = entry("/p/{id}")
        self.gate = Gate(Guard(verifier=verifier_for(), directory=self.directory), [self.entry])
        self.callers = {name: bearer(token_for(name)) for name in ("olga", "adam", "eve")}

    def ask(self, who: str, project: str) -> Pass | None:
        values, path = self.callers[who], f"/p/{project}"
        if self.matched:
            return admit_matched(self.gate, self.entry, {"id": project}, "GET", path, values)
        return self.gate.admit("http", "GET", path, values)

    def may(self, who: str, project: str) -> bool:
        try:
            return self.ask(who, project) is not None
        except Refused:
            return False


@pytest.fixture(params=[False, True], ids=["in front of routing", "where it has matched"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The callers that something was decided on, in order."""
    names: list[str] = []
    for module in (gate_module, guard_module, flow_module):
        original: Callable[..., Any] = module.decide

        def noting(requirement: Any, principal: Principal, params: Any, known: Any, original: Callable[..., Any] = original) -> Any:
            names.append(principal.username)
            return original(requirement, principal, params, known)

        monkeypatch.setattr(module, "decide", noting)
    return names


def test_a_path_that_is_remembered_for_one_caller_is_decided_for_every_other(world: World) -> None:
    """Whoever is remembered for another path, or for nothing, gets nothing by it."""
    for _ in range(3):
        assert world.may("adam", "adams")
        assert world.may("olga", "olgas")
        assert world.may("olga", "both")
        assert world.may("adam", "both")
        for who, project in (("olga", "adams"), ("adam", "olgas"), ("eve", "both"), ("eve", "adams")):
            assert not world.may(who, project)


@pytest.mark.remembers
def test_what_was_permitted_is_not_decided_again_while_the_facts_stand(world: World, decided: list[str]) -> None:
    """The first request keeps the plan, the second one remembers the permit."""
    passes = [world.ask("olga", "both") for _ in range(5)]
    assert decided == ["olga", "olga"]
    for held in passes:
        assert held is not None
        assert (held.gate, held.principal.username, held.params, held.path) == (world.gate, "olga", {"id": "both"}, "/p/both")
    assert world.may("adam", "both")
    assert decided == ["olga", "olga", "adam"]
    world.directory.grant(by=DEPLOYER, to="user:eve", on="Project:adams", role="Guest")
    assert world.may("olga", "both")
    assert decided == ["olga", "olga", "adam", "olga"]
    assert world.may("olga", "both")
    assert len(decided) == 4


@pytest.mark.remembers
def test_what_is_kept_of_a_path_serves_every_caller(world: World) -> None:
    passes = [world.ask(who, "both") for who in ("olga", "olga", "adam", "adam")]
    plans = [held.plan for held in passes if held is not None]
    assert len(plans) == 4
    assert plans[1].kept
    assert plans[2] is plans[3] is plans[1]


def test_a_pass_has_decided_what_was_put_on_the_entries_that_it_was_confirmed_on(world: World) -> None:
    held = world.ask("olga", "both")
    assert held is not None
    assert held.decided == ()
    team, staff = groups("Team"), groups("Staff")
    one, other = (
        Entry("/a", ("a",), requirement=authenticated, matcher=lambda segments, path: {}, marks=marks)
        for marks in ((authenticated, team), (staff,))
    )
    for entries, marks in (((one,), (authenticated, team)), ((other,), (staff,)), ((one, other), (authenticated, team, staff))):
        assert held.confirming(entries).decided == marks
        assert Pass(world.gate, held.principal, held.plan, entries).decided == marks
    assert held.confirming((one,)).confirming((other,)).decided == (authenticated, team, staff)
    assert held.decided == ()


def test_a_credential_that_was_verified_before_is_no_good_twice_in_one_request(world: World) -> None:
    assert world.may("olga", "both")
    world.callers["olga"] *= 2
    with pytest.raises(Refused) as caught:
        world.ask("olga", "both")
    assert caught.value.refusal.status == 400


def test_a_refusal_is_decided_each_time(world: World, decided: list[str]) -> None:
    assert world.may("adam", "adams")
    assert world.may("adam", "adams")
    decided.clear()
    assert [world.may("olga", "adams") for _ in range(3)] == [False] * 3
    assert decided == ["olga"] * 3


@pytest.mark.remembers
@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_a_check_that_was_permitted_is_not_decided_again_while_the_facts_stand(decided: list[str], asynchronous: bool) -> None:
    guard = Guard(directory=facts())
    olga = Principal(issuer="i", subject="sub-olga", username="olga")

    def check(requirement: Requirement, **params: str) -> Decision:
        return asyncio.run(guard.acheck(olga, requirement, params)) if asynchronous else guard.check(olga, requirement, params)

    first = check(READ, id="both")
    assert check(READ, id="both") is first
    assert decided == ["olga"]
    team = groups("OrgA:Team")
    assert check(team) is check(team)
    assert decided == ["olga"] * 2
    for _ in range(2):
        assert not check(READ, id="adams")
    assert decided == ["olga"] * 4
    # What the token alone decides is decided: it is remembered nowhere, and costs as little.
    for _ in range(2):
        assert check(authenticated)
    assert decided == ["olga"] * 6
    assert len(olga.settled[1]) == 2


def test_a_guard_that_only_decides_lets_the_anonymous_on_what_is_public() -> None:
    """At once and in steps: without a credential there is nobody to ask."""
    gate = Gate(Guard(), [entry("/a", public("x"))])
    for held in (gate.admit("http", "GET", "/a", ()), blocking.run(gate.admit_steps("http", "GET", "/a", ()))):
        assert held is not None
        assert (held.gate, held.principal, held.path) == (gate, Principal.anonymous, "/a")


def test_a_refusal_carries_the_decision_and_the_caller() -> None:
    gate, olga = Gate(Guard()), Principal(issuer="i", subject="s", username="olga")
    decision = groups("Team").refuse
    refused = gate.denied(decision, olga)
    assert (refused.decision, refused.principal) == (decision, olga)
    assert refused.decision is decision


def test_parameters_that_read_as_the_texts_that_were_decided_on_are_not_decided_again(decided: list[str]) -> None:
    gate = Gate(Guard(verifier=verifier_for(), directory=facts()), [entry("/p/{id}/{n}")])
    olga = gate.guard.recognise(bearer(token_for("olga")))
    assert olga is not None
    own = gate.plans.table.entries[0]
    held = Pass(gate, olga, Plan(own, {"id": "both", "n": "8"}, path="/p/both/8", method="GET"))
    assert gate.confirm(held, [own], {"id": "both", "n": 8}) is True
    assert decided == []
    assert gate.confirm(held, [own], {"n": "8", "id": "both"}) is True
    assert decided == []
    assert gate.confirm(held, [own], {"id": "both", "n": "08"}) is True
    assert decided == ["olga"]
    with pytest.raises(Refused):
        gate.confirm(held, [own], {"id": "adams", "n": "8"})


def test_functions_are_in_use_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "used", False)
    current.use()
    assert current.used is True
