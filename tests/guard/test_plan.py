"""Plans: made once for protocol, method and path, and kept within bounds."""

from __future__ import annotations

import pytest

from cartaguard import Policy, authenticated, groups, public
from cartaguard.errors import InvalidPath, InvalidRequest
from cartaguard.guard.plan import NO_ROUTE, UNDECLARED, Plan, Plans
from cartaguard.http.routes import Entry, policy_entries


def policy(*lines: dict[str, object]) -> Policy:
    return Policy.from_dict({"routes": list(lines)})


OPEN = {"public": "a test"}
TEAM = {"groups": ["OrgA:Team"]}


def routes(*lines: dict[str, object]) -> list[Entry]:
    """Entries as a framework's inventory makes them."""
    return policy_entries(policy(*lines))


def test_what_route_and_policy_demand_stands_together() -> None:
    plans = Plans(routes({"path": "/a", "require": {"authenticated": True}}), policy({"path": "/*", "methods": ["PUT"], "require": TEAM}))
    assert plans.policed
    assert [requirement for requirement, _ in plans.find("http", "GET", "/a").demands] == [authenticated]
    assert [requirement for requirement, _ in plans.find("http", "PUT", "/a").demands] == [authenticated, groups("OrgA:Team")]
    assert [requirement for requirement, _ in plans.find("websocket", "", "/a").demands] == [authenticated, groups("OrgA:Team")]


def test_where_nobody_may_the_verdict_says_why() -> None:
    undeclared = Entry("/u", ("u",), requirement=None, matcher=lambda segments, path: {})
    plans = Plans([undeclared], Policy())
    assert not plans.policed
    assert (plans.find("http", "GET", "/u").verdict, plans.find("http", "GET", "/v").verdict) == (UNDECLARED, NO_ROUTE)
    opaque = Plans(None, policy({"path": "/a", "methods": ["PUT"], "require": OPEN}))
    assert (opaque.find("http", "GET", "/a").verdict, opaque.find("http", "PUT", "/a").verdict) == (UNDECLARED, None)


def test_the_answers_of_the_framework_are_foreseen() -> None:
    plans = Plans(routes({"path": "/a", "methods": ["PUT"], "require": OPEN}, {"path": "/b/", "require": OPEN}), Policy(), slashes=True)
    assert plans.find("http", "GET", "/a").allow == frozenset({"PUT"})
    assert plans.find("http", "GET", "/b").other_slash == "/b/"
    assert plans.find("http", "GET", "/a/").other_slash == "/a"
    assert [plans.find("http", "PUT", path).served for path in ("/a", "/b/", "/a/")] == [True, True, False]
    assert not plans.find("http", "GET", "/a").served
    assert plans.find("websocket", "", "/b").verdict is NO_ROUTE


def test_behind_a_redirect_the_route_that_takes_the_method_decides() -> None:
    own = routes({"path": "/a", "methods": ["GET"], "require": OPEN}, {"path": "/a", "methods": ["PUT"], "require": TEAM})
    plans = Plans(own, Policy(), slashes=True)
    for method, demanded in (("GET", public("a test")), ("PUT", groups("OrgA:Team"))):
        assert [requirement for requirement, _ in plans.find("http", method, "/a/").demands] == [demanded]


def test_a_plan_says_what_was_asked_for_whatever_the_verdict() -> None:
    plans = Plans(routes({"path": "/a", "require": OPEN}), Policy(), slashes=True)
    for path in ("/a", "/a/", "/b"):
        plan = plans.find("http", "PUT", path)
        assert (plan.method, plan.path) == ("PUT", path)
    assert (plan.verdict, plan.entry, plan.params, plan.demands) == (NO_ROUTE, None, {}, ())
    assert (Plan(None).method, Plan(None).path) == ("", "")


def test_what_can_be_read_in_two_ways_has_no_plan() -> None:
    plans = Plans(None, policy({"path": "/*", "require": OPEN}))
    with pytest.raises(InvalidPath):
        plans.find("http", "GET", "/a//b")
    with pytest.raises(InvalidRequest, match="not in capitals") as caught:
        plans.find("http", "get", "/a")
    assert caught.value.code == "bad_method"


def keep(plans: Plans, path: str, method: str = "GET") -> Plan:
    plan = plans.find("http", method, path)
    plans.keep("http", method, path, plan)
    return plan


def test_a_plan_is_kept_within_bounds() -> None:
    plans = Plans(None, policy({"path": "/p/{id}", "require": OPEN}), kept=2)
    first = keep(plans, "/p/1")
    assert first.kept
    assert plans.find("http", "GET", "/p/1") is first
    keep(plans, "/p/2")
    keep(plans, "/p/3")
    assert [path for _, _, path in plans.kept] == ["/p/3"]
    assert plans.find("http", "GET", "/p/1").params == {"id": "1"}


@pytest.mark.remembers
def test_ten_thousand_plans_are_kept_and_paths_of_512_characters_at_the_most() -> None:
    plans = Plans(None, policy({"path": "/*", "require": OPEN}))
    plan = plans.find("http", "GET", "/")
    for number in range(10_000):
        plans.keep("http", "GET", f"/{number}", plan)
    assert len(plans.kept) == 10_000
    plans.keep("http", "GET", "/" + "x" * 512, plan)
    assert len(plans.kept) == 10_000
    plans.keep("http", "GET", "/" + "x" * 511, plan)
    assert [len(path) for _, _, path in plans.kept] == [512]


@pytest.mark.parametrize(("path", "method", "kept"), [("/p/" + "x" * 1000, "GET", 10), ("/p/1", "BREW", 10), ("/p/1", "GET", 0)])
def test_endless_paths_and_unusual_methods_are_not_kept(path: str, method: str, kept: int) -> None:
    plans = Plans(None, policy({"path": "/p/{id}", "require": OPEN}), kept=kept)
    assert not keep(plans, path, method).kept
    assert not plans.kept


def test_a_public_path_is_planned_like_any_other() -> None:
    plans = Plans(None, policy({"path": "/a", "require": OPEN}))
    assert [requirement for requirement, _ in plans.find("http", "GET", "/a").demands] == [public("a test")]


@pytest.mark.remembers
def test_a_matched_plan_is_kept_only_with_parameters_that_stay_what_they_are() -> None:
    """A list may be another one by the next request, and equal things of two types fill no template alike."""
    [route] = routes({"path": "/a/{id}", "require": TEAM})
    plans = Plans([route], Policy())
    plans.keep_matched(Plan(route, {"id": [1]}, method="GET", path="/a/1"))
    assert not plans.kept
    plan = Plan(route, {"id": 1}, method="GET", path="/a/1")
    plans.keep_matched(plan)
    assert plans.kept == {("matched", "GET", "/a/1"): plan}
    assert [plan.for_the_same(params) for params in ({"id": 1}, {"id": True}, {"id": 1.0}, {"id": "1"}, {})] == [True, *[False] * 4]
