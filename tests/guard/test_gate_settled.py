"""What the gate remembers of permits: each caller's own, found again in the same state of the facts, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cartaguard import Decision, Guard, LocalDirectory, Policy, Principal, Requirement, authenticated, groups, permission, public
from cartaguard.directories.base import Directory
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
from support.matched import admit_matched, admit_matched_steps
from support.tokens import bearer, token_for, verifier_for

READ = permission("read", "Project:{id}")


def entry(pattern: str, requirement: Any = READ, marks: tuple[Requirement, ...] = ()) -> Entry:
    read = PathPattern(pattern)
    match = lambda segments, path: read.match(segments)  # noqa: E731 (a line)
    return Entry(pattern, read.segments, requirement=requirement, matcher=match, names=read.names, marks=marks)


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

    def __init__(self, matched: bool, requirement: Requirement = READ) -> None:
        self.matched = matched
        self.directory = facts()
        self.entry = entry("/p/{id}", requirement)
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
    assert plans[2] is plans[3] is plans[1]
    # Nor are its parameters read anew.
    fillings = [held.filling for held in passes if held is not None]
    assert fillings[2] is fillings[3] is fillings[1]
    [(kept, params)] = world.gate.plans.kept.values()
    assert (kept, params) == (plans[1], {"id": "both"})


@pytest.mark.remembers
@pytest.mark.parametrize("matched", [False, True], ids=["in front of routing", "where it has matched"])
def test_where_every_path_demands_the_same_a_caller_is_decided_on_once_while_the_facts_stand(matched: bool, decided: list[str]) -> None:
    world = World(matched, groups("OrgA:Team"))
    for number in range(5):
        held = world.ask("olga", f"x{number}")
        assert held is not None
        assert (held.path, held.params, held.entry, held.principal.username) == (f"/p/x{number}", {"id": f"x{number}"}, world.entry, "olga")
    assert decided == ["olga"]
    assert not any(world.may("adam", f"x{number}") for number in range(3))
    assert decided == ["olga", *["adam"] * 3]
    world.directory.remove_member(by=DEPLOYER, group="OrgA:Team", user="olga")
    assert not any(world.may("olga", project) for project in ("x0", "x9", "x9"))
    world.directory.add_member(by=DEPLOYER, group="OrgA:Team", user="olga")
    decided.clear()
    assert all(world.may("olga", project) for project in ("x0", "x9", "x9"))
    assert decided == ["olga"]
    with pytest.raises(Refused) as caught:
        world.ask("olga", "a;b")
    assert caught.value.refusal.status == 400


@pytest.mark.remembers
@pytest.mark.parametrize("matched", [False, True], ids=["in front of routing", "where it has matched"])
def test_of_the_paths_that_demand_the_same_those_are_kept_that_come_often(matched: bool, decided: list[str]) -> None:
    """Then nothing is made for them any more, whoever comes; of those that come once nothing stays."""
    world = World(matched, groups("OrgA:Team"))
    for number in range(17):
        assert world.may("olga", f"x{number}")
    assert not world.gate.plans.kept
    # The first one was looked at, and one in eight of the others.
    assert sum(map(bool, world.gate.plans._seen)) in (2, 3)
    passes = [world.ask("olga", "x7") for _ in range(20)]
    assert passes[0] is not passes[1]
    assert passes[-1] is passes[-2]
    assert len(world.gate.plans.kept) == 1
    for held in passes:
        assert held is not None
        assert (held.path, held.params, held.principal.username, held.entry) == ("/p/x7", {"id": "x7"}, "olga", world.entry)
    assert decided == ["olga"]
    world.directory.add_member(by=DEPLOYER, group="OrgA:Team", user="adam")
    other = world.ask("adam", "x7")
    assert other is not None
    assert (other.plan, other.params, other.principal.username) == (passes[-1].plan if passes[-1] else None, {"id": "x7"}, "adam")


def test_the_parameters_of_paths_that_demand_the_same_are_those_that_a_framework_made() -> None:
    """Not the texts that they were made of, nor its own mapping, which it may change."""
    gate = World(True, groups("OrgA:Team")).gate
    own = gate.plans.table.entries[0]
    for number in (1, 2, 3):
        params: dict[str, Any] = {"id": number}
        held = admit_matched(gate, own, params, "GET", f"/p/{number}", bearer(token_for("olga")))
        params["id"] = 0
        assert held is not None
        assert held.params == {"id": number}


@pytest.mark.parametrize("project", ["a-b", "x.y", "é", "3f2c-11", "a b"])
def test_a_path_whose_last_segment_has_to_be_looked_at_is_decided_on_by_itself(project: str) -> None:
    """It is let through all the same where it can be read in one way only, with its own parameters."""
    for matched in (False, True):
        world = World(matched, groups("OrgA:Team"))
        for asked in ("x0", project, project, "x1"):
            held = world.ask("olga", asked)
            assert held is not None
            assert (held.path, held.params) == (f"/p/{asked}", {"id": asked})
            assert not world.may("adam", asked)


@pytest.mark.remembers
@pytest.mark.parametrize("matched", [False, True], ids=["in front of routing", "where it has matched"])
@pytest.mark.parametrize("steps", [False, True], ids=["at once", "in steps"])
def test_what_holds_on_every_path_is_decided_before_dispatch(matched: bool, steps: bool) -> None:
    """What was put on the route names no parameter, so that it holds whatever comes to be dispatched; else nothing is yet."""
    team = groups("OrgA:Team")
    for requirement, expected in ((team, (team,)), (READ, ())):
        own = entry("/p/{id}", requirement, marks=(requirement,))
        gate = Gate(Guard(verifier=verifier_for(), directory=facts()), [own])
        for project in ("both", "both", "olgas"):
            values = bearer(token_for("olga"))
            what: Any = "http", "GET", f"/p/{project}", values
            if matched:
                what = "matched", "GET", f"/p/{project}", values, own, {"id": project}
            held = blocking.run(gate.admit_steps(*what)) if steps else gate.admit(*what)
            assert held is not None
            assert (held.decided, held.confirmed) == (expected, ())
            assert held.as_decided().decided == (requirement,)
            assert held.as_decided().confirmed == (own,)
            staff = Entry("/s", ("s",), requirement=authenticated, matcher=lambda segments, path: {}, marks=(authenticated, team))
            assert held.confirming((staff,)).decided == tuple(dict.fromkeys((*expected, authenticated, team)))


def test_what_was_permitted_on_a_path_is_not_found_with_other_parameters_of_it(decided: list[str]) -> None:
    """A framework may read the same path in two ways: each is decided on."""
    world = World(True)
    values = world.callers["olga"]
    for params in ({"id": "both"}, {"id": "both"}, {"id": "both"}):
        assert admit_matched(world.gate, world.entry, params, "GET", "/p/both", values) is not None
    seen = len(decided)
    with pytest.raises(Refused):
        admit_matched(world.gate, world.entry, {"id": "adams"}, "GET", "/p/both", values)
    assert len(decided) == seen + 1


@pytest.mark.parametrize("policy", [None, Policy.from_dict({"routes": [{"path": "/p/*", "require": {"public": "a test"}}]})])
def test_an_entry_of_another_inventory_is_refused(policy: Policy | None) -> None:
    """Though it demands nothing, and the path was permitted before: whoever takes over a route opens nothing."""
    own, other = entry("/p/{id}", READ), entry("/p/{id}", public("a test"))
    gate = Gate(Guard(verifier=verifier_for(), directory=facts(), policy=policy), [own])
    what = {"id": "both"}, "GET", "/p/both", bearer(token_for("olga"))
    for _ in range(2):
        assert admit_matched(gate, own, *what) is not None
        with pytest.raises(Refused) as refused:
            admit_matched(gate, other, *what)
        assert refused.value.refusal.status == 403
        with pytest.raises(Refused):
            blocking.run(admit_matched_steps(gate, other, *what))


def test_a_line_of_the_policy_is_decided_on_with_its_own_parameters() -> None:
    """Whatever the route calls the same segment, at once and in steps."""
    lines = Policy.from_dict({"routes": [{"path": "/p/{project}", "require": {"permission": "read", "on": "Project:{project}"}}]})
    gate = Gate(Guard(verifier=verifier_for(), directory=facts(), policy=lines), [entry("/p/{id}", authenticated)])
    for _ in range(3):
        assert gate.admit("http", "GET", "/p/both", bearer(token_for("olga"))) is not None
        assert blocking.run(gate.admit_steps("http", "GET", "/p/both", bearer(token_for("olga")))).path == "/p/both"
        with pytest.raises(Refused):
            gate.admit("http", "GET", "/p/adams", bearer(token_for("olga")))


@pytest.mark.parametrize("matched", [False, True], ids=["in front of routing", "where it has matched"])
def test_nothing_is_remembered_with_the_anonymous(matched: bool) -> None:
    """They are one object for everybody."""
    world = World(matched, public("a test"))
    world.callers["nobody"] = []
    before = Principal.anonymous.settled
    assert all(world.may("nobody", f"x{number}") for number in range(3))
    assert Principal.anonymous.settled is before


@pytest.mark.parametrize("matched", [False, True], ids=["in front of routing", "where it has matched"])
def test_what_one_gate_permitted_on_all_paths_opens_nothing_in_another_one_of_the_same_guard(matched: bool) -> None:
    world = World(matched, groups("OrgA:Team"))
    assert all(world.may("olga", project) for project in ("x0", "x1", "x1"))
    world.entry = entry("/p/{id}", groups("OrgA:Other"))
    world.gate = Gate(world.gate.guard, [world.entry])
    assert not any(world.may("olga", project) for project in ("x0", "x1", "x1", "x2"))


@pytest.mark.parametrize("first", range(5))
def test_what_is_remembered_of_a_path_is_found_with_the_same_method_and_protocol_alone(first: int) -> None:
    """Whatever is asked first."""
    policy = Policy.from_dict(
        {
            "routes": [
                {"path": "/*", "methods": ["GET"], "protocols": ["http"], "require": {"groups": ["OrgA:Team"]}},
                {"path": "/*", "methods": ["POST"], "protocols": ["http"], "require": {"groups": ["OrgA:Other"]}},
                {"path": "/*", "protocols": ["websocket"], "require": {"groups": ["OrgA:Other"]}},
            ]
        }
    )
    gate = Gate(Guard(verifier=verifier_for(), directory=facts(), policy=policy))
    olga = bearer(token_for("olga"))
    # A WebSocket has no method, whatever a careless door says of it.
    asked = [("http", "GET", True), ("http", "POST", False), ("websocket", "", False), ("websocket", "GET", False), ("http", "HEAD", True)]

    def may(protocol: str, method: str) -> bool:
        try:
            return gate.admit(protocol, method, "/a", olga) is not None
        except Refused:
            return False

    for protocol, method, permitted in (asked[first:] + asked[:first]) * 4:
        assert may(protocol, method) is permitted, (protocol, method)


@pytest.mark.parametrize("matched", [False, True], ids=["in front of routing", "where it has matched"])
def test_a_permit_in_front_of_routing_is_none_where_a_framework_has_matched_nor_the_other_way_round(matched: bool) -> None:
    """One and the same path may lead to another route there."""
    permitted, refused = entry("/p/{id}", groups("OrgA:Team")), entry("/p/{id}", groups("OrgA:Other"))
    # The first one decides in front of routing.
    gate = Gate(Guard(verifier=verifier_for(), directory=facts()), [refused, permitted] if matched else [permitted, refused])
    olga = bearer(token_for("olga"))

    def in_front() -> object:
        return gate.admit("http", "GET", "/p/x", olga)

    def where_matched() -> object:
        return admit_matched(gate, permitted if matched else refused, {"id": "x"}, "GET", "/p/x", olga)

    opened, closed = (where_matched, in_front) if matched else (in_front, where_matched)
    # One of a few of them is remembered by its path.
    for _ in range(30):
        assert opened() is not None
        with pytest.raises(Refused):
            closed()


def test_where_facts_may_change_with_time_every_path_is_decided_on(monkeypatch: pytest.MonkeyPatch, decided: list[str]) -> None:
    """Nothing says then how long they stand."""
    monkeypatch.setattr(LocalDirectory, "standing", Directory.standing)
    world = World(False, groups("OrgA:Team"))
    assert all(world.may("olga", f"x{number}") for number in range(3))
    assert decided == ["olga"] * 3


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
    held = Pass(gate, olga, Plan(own, method="GET"), "/p/both/8", {"id": "both", "n": "8"})
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
