"""Plans: made once for protocol, method and path, and kept within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Policy, authenticated, groups, permission, public
from cartaguard.errors import InvalidPath, InvalidRequest
from cartaguard.guard import plan as plan_module
from cartaguard.guard.flow import Check
from cartaguard.guard.plan import AMBIGUOUS, NO_ROUTE, UNDECLARED, Ahead, Found, Plan, Plans, alike, filled
from cartaguard.http.routes import NO_PARAMS, Entry, RouteTable, policy_entries
from cartaguard.model.decision import Decision
from cartaguard.model.pattern import PathPattern


def policy(*lines: dict[str, object]) -> Policy:
    return Policy.from_dict({"routes": list(lines)})


OPEN = {"public": "a test"}
TEAM = {"groups": ["OrgA:Team"]}


def routes(*lines: dict[str, object]) -> list[Entry]:
    """Entries as a framework's inventory makes them."""
    return policy_entries(policy(*lines))


class Seen(NamedTuple):
    """What was found for a request, each demand with what fills it."""

    entry: Entry | None
    params: Mapping[str, Any]
    demands: list[Check]
    method: str
    verdict: Decision | None
    ahead: Ahead | None


def seen(found: Found) -> Seen:
    plan, params = found
    return Seen(plan.entry, params, filled(plan.demands, params), plan.method, plan.verdict, plan.ahead)


def find(plans: Plans, protocol: str, method: str, path: str) -> Seen:
    return seen(plans.find(protocol, method, path))


def test_what_route_and_policy_demand_stands_together() -> None:
    plans = Plans(routes({"path": "/a", "require": {"authenticated": True}}), policy({"path": "/*", "methods": ["PUT"], "require": TEAM}))
    assert plans.policed
    assert [requirement for requirement, _ in find(plans, "http", "GET", "/a").demands] == [authenticated]
    assert [requirement for requirement, _ in find(plans, "http", "PUT", "/a").demands] == [authenticated, groups("OrgA:Team")]
    assert [requirement for requirement, _ in find(plans, "websocket", "", "/a").demands] == [authenticated, groups("OrgA:Team")]


def test_where_nobody_may_the_verdict_says_why() -> None:
    undeclared = Entry("/u", ("u",), requirement=None, matcher=lambda segments, path: {})
    plans = Plans([undeclared], Policy())
    assert not plans.policed
    assert (find(plans, "http", "GET", "/u").verdict, find(plans, "http", "GET", "/v").verdict) == (UNDECLARED, NO_ROUTE)
    opaque = Plans(None, policy({"path": "/a", "methods": ["PUT"], "require": OPEN}))
    assert (find(opaque, "http", "GET", "/a").verdict, find(opaque, "http", "PUT", "/a").verdict) == (UNDECLARED, None)


def test_the_answers_of_the_framework_are_foreseen() -> None:
    plans = Plans(routes({"path": "/a", "methods": ["PUT"], "require": OPEN}, {"path": "/b/", "require": OPEN}), Policy(), slashes=True)
    foreseen = [("GET", "/a", (None, {"PUT"})), ("GET", "/b", ("/b/", None)), ("GET", "/a/", ("/a", None)), ("PUT", "/a/", ("/a", None))]
    for method, path, ahead in foreseen:
        assert find(plans, "http", method, path).ahead == ahead
    assert [find(plans, "http", "PUT", path).ahead for path in ("/a", "/b/")] == [None, None]
    assert find(plans, "websocket", "", "/b").verdict is NO_ROUTE


def test_behind_a_redirect_the_route_that_takes_the_method_decides() -> None:
    own = routes({"path": "/a", "methods": ["GET"], "require": OPEN}, {"path": "/a", "methods": ["PUT"], "require": TEAM})
    plans = Plans(own, Policy(), slashes=True)
    for method, demanded in (("GET", public("a test")), ("PUT", groups("OrgA:Team"))):
        assert [requirement for requirement, _ in find(plans, "http", method, "/a/").demands] == [demanded]


def test_a_plan_says_what_was_asked_for_whatever_the_verdict() -> None:
    plans = Plans(routes({"path": "/a", "require": OPEN}), Policy(), slashes=True)
    for path in ("/a", "/a/", "/b"):
        plan = find(plans, "http", "PUT", path)
        assert plan.method == "PUT"
    assert (plan.verdict, plan.entry, plan.params, plan.demands) == (NO_ROUTE, None, {}, [])
    assert Plan(None).method == ""


def test_what_can_be_read_in_two_ways_has_no_plan() -> None:
    plans = Plans(None, policy({"path": "/*", "require": OPEN}))
    with pytest.raises(InvalidPath):
        find(plans, "http", "GET", "/a//b")
    with pytest.raises(InvalidRequest, match="not in capitals") as caught:
        find(plans, "http", "get", "/a")
    assert caught.value.code == "bad_method"


# -- plans are what a walk through all entries and lines says ---------------------------------------------

SEGMENT = st.sampled_from(["a", "b", "{x}", "{y}"])


def _pattern(made: tuple[list[str], str]) -> str:
    parts = [part[:2] + str(place) + "}" if part.startswith("{") else part for place, part in enumerate(made[0])]
    return ("/" + "/".join(parts) + made[1]).replace("//", "/")


LINES = st.fixed_dictionaries(
    {"path": st.tuples(st.lists(SEGMENT, max_size=3), st.sampled_from(["", "", "/", "/*"])).map(_pattern), "require": st.just(TEAM)},
    optional={"methods": st.sampled_from([["GET"], ["PUT"]]), "protocols": st.sampled_from([["http"], ["websocket"]])},
)
PATHS = st.tuples(st.lists(st.sampled_from(["a", "b", "c-", ";"]), max_size=4), st.sampled_from(["", "", "/"])).map(
    lambda made: ("/" + "/".join(made[0]) + made[1]).replace("//", "/")
)


def lines_of(made: list[dict[str, object]]) -> list[Entry]:
    """Each line with a requirement of its own, unreachable or repeated as it may be."""
    return [
        entry
        for number, line in enumerate(made)
        for entry in policy_entries(policy({**line, "require": {"groups": [f"OrgA:Team{number}"]}}))
    ]


def fitting(entries: list[Entry], protocol: str, method: str, path: str) -> list[tuple[Entry, dict[str, str]]]:
    """Those that take a request, the simple way."""
    segments = path[1:].split("/")
    return [
        (entry, dict(params))
        for entry in entries
        if protocol in entry.protocols
        and (protocol == "websocket" or entry.methods is None or method in entry.methods)
        and PathPattern(entry.path).match(segments) is not None
        and (params := entry.matcher(segments, path)) is not None
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=5), st.lists(LINES, max_size=4), st.lists(PATHS, min_size=1, max_size=12), st.booleans())
def test_a_plan_is_what_a_walk_through_all_routes_and_lines_finds(
    own: list[dict[str, object]], ruled: list[dict[str, object]], paths: list[str], choosy: bool
) -> None:
    """Whatever was learned from the paths before."""
    routes, lines = lines_of(own), lines_of(ruled)
    if choosy:
        routes = [entry if number % 2 else _without_b(entry) for number, entry in enumerate(routes)]
    plans = Plans(routes, Policy())
    plans._policy = RouteTable(lines)
    for path in paths:
        for protocol, method in (("http", "GET"), ("http", "PUT"), ("websocket", "")):
            if ";" in path:
                with pytest.raises(InvalidPath):
                    find(plans, protocol, method, path)
                continue
            plan, fits = find(plans, protocol, method, path), fitting(routes, protocol, method, path)
            if not fits:
                assert plan.ahead is not None or plan.verdict is not None
                continue
            entry, params = fits[0]
            expected = [(entry.requirement, params)]
            expected += [(line.requirement, filling) for line, filling in fitting(lines, protocol, method, path)[:1]]
            assert (plan.entry, dict(plan.params), plan.method) == (entry, params, method)
            assert [(requirement, dict(filling)) for requirement, filling in plan.demands] == expected
            assert (plan.verdict, plan.ahead) == (None, None)


def _without_b(entry: Entry) -> Entry:
    """The same, but no parameter of it may be `b`: it does not say that its parameters are any texts."""

    def matcher(segments: list[str], path: str) -> Mapping[str, str] | None:
        params = entry.matcher(segments, path)
        return None if params is None or "b" in params.values() else params

    return Entry(
        entry.path,
        entry.segments,
        tail=entry.tail,
        requirement=entry.requirement,
        methods=entry.methods,
        protocols=entry.protocols,
        matcher=matcher,
    )


READ, WRITE = {"permission": "read", "on": "Project:{id}"}, {"permission": "write", "on": "Project:{other}"}
ROUTE = {"path": "/p/{id}", "require": READ}


@pytest.mark.parametrize(
    ("route", "lines", "demanded", "learned"),
    [
        (ROUTE, [], ["id"], True),
        (ROUTE, [{"path": "/p/{id}", "require": READ}], ["id", "id"], True),
        (ROUTE, [{"path": "/p/{other}", "require": WRITE}], ["id", "other"], False),
        (ROUTE, [{"path": "/q/{id}", "require": TEAM}, {"path": "/*", "require": TEAM}], ["id", ""], True),
        (ROUTE, [{"path": "/p/{id}/*", "require": READ}], ["id", "id"], True),
        (ROUTE, [{"path": "/p/{id}", "methods": ["PUT"], "require": WRITE | {"on": "Project:{id}"}}], ["id"], True),
        (ROUTE, [{"path": "/p/2", "require": TEAM}], ["id"], False),
        (ROUTE, [{"path": "/{id}/2", "require": TEAM}], ["id"], False),
        ({"path": "/p/{id}"}, [{"path": "/*", "require": TEAM}], [""], True),
        ({"path": "/p/{id}"}, [{"path": "/p/{id}", "require": READ}], ["id"], True),
        ({"path": "/{a}/{id}", "require": READ}, [], ["id"], False),
    ],
)
def test_what_holds_on_one_path_holds_on_every_other_of_its_last_segment(
    route: dict[str, object], lines: list[dict[str, object]], demanded: list[str], learned: bool
) -> None:
    """With the parameters of that other one, and never where a line is for one of them only; the table is then not asked."""
    [own] = routes({"require": OPEN, **route})
    if "require" not in route:
        own = Entry(own.path, own.segments, requirement=None, matcher=own.matcher, names=own.names)
    plans = Plans([own], policy(*lines), kept=10)
    for text in ("1", "2", "3-x", "ä", "3-x"):
        plan = find(plans, "http", "GET", f"/p/{text}")
        assert (plan.entry, plan.params["id"], plan.verdict, plan.ahead) == (own, text, None, None)
        one_only = text == "2" and any(str(line["path"]).endswith("/2") for line in lines)
        fillings = [dict(filling) for _, filling in plan.demands]
        expected = [dict(plan.params) if name == "id" else {name: text} if name else {} for name in demanded]
        assert fillings[: len(expected)] == expected
        assert len(fillings) == len(expected) + one_only
    if learned:
        plans.table = None  # type: ignore[assignment]
        plan = find(plans, "http", "GET", "/p/4")
        assert (plan.entry, plan.params, plan.method) == (own, {"id": "4"}, "GET")
        assert [dict(filling) for _, filling in plan.demands] == [{"id": "4"} if name else {} for name in demanded]
    assert bool(plans._shared) is learned


def test_of_entries_alike_the_one_that_takes_the_method_is_learned() -> None:
    """Unless one before it might take it too, or say no to some texts."""
    lines: list[dict[str, object]] = [{"path": "/p/{id}", "methods": [method], "require": OPEN} for method in ("GET", "PUT", "DELETE")]
    get, put, other = routes(*lines)
    plans = Plans([get, _without_b(put), other], Policy(), kept=10)
    for method, entry in (("GET", get), ("DELETE", other)):
        for text in ("1", "b"):
            assert find(plans, "http", method, f"/p/{text}").entry is entry
    assert find(plans, "http", "PUT", "/p/1").ahead is None
    assert find(plans, "http", "PUT", "/p/b").ahead == Ahead(None, frozenset({"GET", "DELETE"}))
    assert set(plans._shared) == {("http", "GET", "/p/")}
    both = Plans([get, put], Policy(), kept=10)
    assert [find(both, "http", method, "/p/1").entry for method in ("PUT", "GET", "PUT")] == [put, get, put]
    assert {method for _, method, _ in both._shared} == {"GET", "PUT"}


def test_the_line_of_an_entry_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    [own] = routes({"path": "/p/{id}/x", "require": READ})
    plans = Plans([own], policy({"path": "/*", "require": TEAM}))
    asked: list[str] = []
    always = plan_module._always

    def noted(table: RouteTable, entry: Entry, protocol: str, method: str) -> Any:
        asked.append(method)
        return always(table, entry, protocol, method)

    monkeypatch.setattr(plan_module, "_always", noted)
    for number in range(3):
        for method in ("GET", "BREW"):
            assert len(find(plans, "http", method, f"/p/{number}/x").demands) == 2
    assert sorted(asked) == ["BREW"] * 3 + ["GET"]


def test_a_plan_of_what_was_matched_says_what_was_asked_for_and_denies_unless_something_is_demanded() -> None:
    def converted(path: str, params: Mapping[str, Any]) -> str | None:
        return None if params["n"] < 0 else f"/items/{params['n']}"

    def matched(line: dict[str, object] | None, requirement: Any, n: int, path: str = "/items/08", method: str = "GET") -> Any:
        entry = Entry("/items/<n>", ("items", None), requirement=requirement, matcher=lambda segments, path: {}, rebuild=converted)
        given = {"n": n}
        plan = seen(Plans([entry], policy(*([line] if line else []))).make_matched(entry, given, method, path))
        given["n"] = 99
        assert (plan.entry, plan.params, plan.method, plan.ahead) == (entry, {"n": n}, method, None)
        return [type(part).__name__ for part, _ in plan.demands], plan.verdict

    everywhere: dict[str, object] = {"path": "/*", "require": TEAM}
    there: dict[str, object] = {"path": "/items/8", "require": TEAM}
    assert matched(None, authenticated, 8) == (["Authenticated"], None)
    assert matched(None, None, 8) == ([], UNDECLARED)
    assert matched(everywhere, authenticated, 8) == (["Authenticated", "InGroups"] * 2, None)
    assert matched(everywhere, authenticated, 8, "/items/8") == (["Authenticated", "InGroups"], None)
    assert matched(there, authenticated, 8) == (["Authenticated", "Authenticated", "InGroups"], None)
    assert matched(there, None, 8) == ([], UNDECLARED)
    assert matched(everywhere, None, -1) == (["InGroups"], AMBIGUOUS)
    assert matched(there, None, -1) == ([], UNDECLARED)
    with pytest.raises(InvalidPath):
        matched(None, authenticated, 8, "/items//8")
    for line in (None, everywhere):
        with pytest.raises(InvalidRequest, match="not in capitals"):
            matched(line, authenticated, 8, method="get")
    nowhere = seen(Plans([], Policy()).make_matched(None, {"n": 1}, "GET", "/x"))
    assert (nowhere.entry, nowhere.params, nowhere.demands, nowhere.method) == (None, {}, [], "GET")
    assert nowhere.verdict is NO_ROUTE


def test_a_method_that_can_be_read_in_two_ways_demands_nothing_it_is_refused() -> None:
    [own] = routes({"path": "/a", "require": OPEN})
    for plans in (Plans([own], Policy()), Plans([own], policy({"path": "/*", "require": TEAM}))):
        with pytest.raises(InvalidRequest, match="not in capitals"):
            plans.demanded(own, "http", "get", "/a")
        assert plans.demanded(own, "websocket", "", "/a")


def test_a_plan_that_says_nothing_denies() -> None:
    assert Plan(None).verdict is UNDECLARED
    assert Plan(None, demands=((authenticated, None),)).verdict is None
    assert Plan(None, demands=((authenticated, None),), verdict=NO_ROUTE).verdict is NO_ROUTE


def test_what_is_learned_of_paths_is_no_more_than_there_are_routes_and_methods() -> None:
    """Whatever is asked for, by whomever; and nothing where nothing is to be kept."""
    lines: list[dict[str, object]] = [{"path": path, "require": OPEN} for path in ("/p/{id}", "/q/{a}/{id}", "/r/{a}/x")]
    for kept in (0, 1):
        plans = Plans(None, policy(*lines), kept=kept)
        for number in range(9):
            for method in ("GET", "PUT", "BREW"):
                assert find(plans, "http", method, f"/p/{number}").params == {"id": str(number)}
                assert find(plans, "http", method, f"/q/a{number}/{number}").params == {"a": f"a{number}", "id": str(number)}
                assert find(plans, "http", method, f"/r/{number}/x").params == {"a": str(number)}
                assert find(plans, "http", method, f"/s/{number}").verdict is not None
        assert set(plans._shared) == ({("http", "GET", "/p/"), ("http", "PUT", "/p/")} if kept else set())


def test_an_unusual_method_is_looked_up_each_time() -> None:
    [own] = routes({"path": "/p/{id}", "require": OPEN})
    plans = Plans([own], policy({"path": "/*", "require": TEAM}))
    for _ in range(2):
        assert len(find(plans, "http", "BREW", "/p/1").demands) == 2
    assert not plans._always
    assert len(find(plans, "http", "GET", "/p/1").demands) == 2
    assert [method for _, _, method in plans._always] == ["GET"]


def test_no_path_without_a_slash_is_planned_as_one_with_it() -> None:
    plans = Plans(None, policy({"path": "/{id}", "require": OPEN}))
    assert find(plans, "http", "GET", "/a").params == {"id": "a"}
    for path in ("a", "b;", "/b;", "/..", "/%61", "/ä\u0000"):
        with pytest.raises(InvalidPath):
            find(plans, "http", "GET", path)
    assert find(plans, "http", "GET", "/ä").params == {"id": "ä"}
    assert find(plans, "http", "GET", "/").verdict is NO_ROUTE


def keep(plans: Plans, path: str, method: str = "GET") -> Plan:
    """Keep what is found for a path that came twice."""
    plan, params = plans.find("http", method, path)
    for _ in range(2):
        plans.keep(("http", method, path), plan, params)
    return plan


def test_a_plan_is_kept_within_bounds() -> None:
    plans = Plans(None, policy({"path": "/p/{id}", "require": OPEN}), kept=2)
    plan, params = plans.find("http", "GET", "/p/1")
    assert [plans.keep(("http", "GET", "/p/1"), plan, params) for _ in range(2)] == [False, True]
    assert plans.find("http", "GET", "/p/1")[1] is params
    keep(plans, "/p/2")
    keep(plans, "/p/3")
    assert [path for _, _, path in plans.kept] == ["/p/3"]
    assert plans.find("http", "GET", "/p/1") == (plan, {"id": "1"})


@pytest.mark.remembers
def test_a_path_that_comes_once_is_not_kept_and_drives_out_none() -> None:
    """It is known by a byte of its hash, in a place that others may take; here no two have the same."""
    plans = Plans(None, policy({"path": "/p/{id}", "require": OPEN}), kept=1)
    keep(plans, "/p/busy")
    busy = plans.find("http", "GET", "/p/busy")
    places = {hash(path) % 1024: path for number in range(20_000) if (path := f"/p/{number}")}
    del places[hash("/p/busy") % 1024]
    assert len(places) > 900
    for path in places.values():
        assert not plans.keep(("http", "GET", path), *plans.find("http", "GET", path))
    assert plans.find("http", "GET", "/p/busy") is busy
    for path in places.values():
        assert plans.keep(("http", "GET", path), *plans.find("http", "GET", path))


def test_a_path_is_hardly_ever_taken_for_another_one_that_came_before_it() -> None:
    """Of those that share a place, one in 255 has the same byte."""
    plans = Plans(None, policy({"path": "/*", "require": OPEN}), kept=1000)
    plan, _ = plans.find("http", "GET", "/")
    alike = [path for number in range(100_000) if hash(path := f"/p/{number}") % 1024 == 7]
    assert len(alike) > 50
    assert sum(plans.keep(("http", "GET", path), plan, NO_PARAMS) for path in alike) < len(alike) / 5


@pytest.mark.remembers
def test_ten_thousand_plans_are_kept_and_paths_of_512_characters_at_the_most() -> None:
    plans = Plans(None, policy({"path": "/*", "require": OPEN}))
    plan, _ = plans.find("http", "GET", "/")
    for path in [f"/{number}" for number in range(10_000)] + ["/" + "x" * 512]:
        # One byte in 255 is that of the path before, so that the first time is taken for the second one.
        key = "http", "GET", path
        assert (plans.keep(key, plan, NO_PARAMS) or plans.keep(key, plan, NO_PARAMS)) is (len(path) <= 512)
        assert 0 < len(plans.kept) <= 10_000
    assert len(plans.kept) == 10_000
    last = "http", "GET", "/" + "x" * 511
    assert plans.keep(last, plan, NO_PARAMS) or plans.keep(last, plan, NO_PARAMS)
    assert [len(path) for _, _, path in plans.kept] == [512]


@pytest.mark.parametrize(("path", "method", "kept"), [("/p/" + "x" * 1000, "GET", 10), ("/p/1", "BREW", 10), ("/p/1", "GET", 0)])
def test_endless_paths_and_unusual_methods_are_not_kept(path: str, method: str, kept: int) -> None:
    plans = Plans(None, policy({"path": "/p/{id}", "require": OPEN}), kept=kept)
    for _ in range(3):
        assert not plans.keep(("http", method, path), *plans.find("http", method, path))
    assert not plans.kept


def test_a_public_path_is_planned_like_any_other() -> None:
    plans = Plans(None, policy({"path": "/a", "require": OPEN}))
    assert [requirement for requirement, _ in find(plans, "http", "GET", "/a").demands] == [public("a test")]


@pytest.mark.remembers
def test_what_was_matched_is_kept_only_with_parameters_that_stay_what_they_are() -> None:
    """A list may be another one by the next request."""
    [route] = routes({"path": "/a/{id}", "require": TEAM})
    plans = Plans([route], Policy())
    key = "matched", "GET", "/a/1"
    for _ in range(2):
        assert not plans.keep(key, Plan(route), {"id": [1]})
    assert not plans.kept
    plan, params = Plan(route), {"id": 1}
    assert plans.keep(key, plan, params)
    assert plans.kept == {key: (plan, params)}


@pytest.mark.parametrize(
    ("other", "same"), [({"id": 1}, True), ({"id": True}, False), ({"id": 1.0}, False), ({"id": "1"}, False), ({}, False)]
)
def test_parameters_are_alike_by_type_too(other: dict[str, Any], same: bool) -> None:
    """Equal things of two types fill no template alike."""
    assert alike({"id": 1}, other) is same
    assert alike(other, {"id": 1}) is same
    assert alike({"n": "x", **other}, {"n": "x", **other})


SHARED_ROUTE = Entry("/p/<n>", ("p", None), requirement=groups("OrgA:Team"), matcher=lambda segments, path: {})
SHARED_READ = Entry("/r/<n>", ("r", None), requirement=permission("read", "Project:{n}"), matcher=lambda segments, path: {})


@pytest.mark.parametrize(
    ("entry", "path", "other", "shared"),
    [
        (SHARED_ROUTE, "/p/1", "/p/2", True),
        (SHARED_ROUTE, "/p/1", "/p/a-b", True),
        (SHARED_READ, "/r/1", "/r/2", True),
        (Entry("/a/b/<n>", ("a", "b", None), requirement=authenticated, matcher=lambda segments, path: {}), "/a/b/1", "/a/b/2", True),
        (
            Entry("/p/<n>/<path:m>", ("p", None), tail=True, requirement=authenticated, matcher=lambda segments, path: {}),
            "/p/1",
            "/p/2",
            False,
        ),
        (Entry("/p/", ("p", ""), requirement=authenticated, matcher=lambda segments, path: {}), "/p/", "/p/", False),
        # A framework that takes more than its rule says.
        (SHARED_ROUTE, "/q/1", "/q/2", False),
        (SHARED_ROUTE, "/p/x/1", "/p/x/2", False),
        (Entry("/p/<n>/<m>", ("p", None, None), requirement=authenticated, matcher=lambda segments, path: {}), "/p/1/2", "/p/1/3", False),
        (Entry("/p/<path:n>", ("p",), tail=True, requirement=authenticated, matcher=lambda segments, path: {}), "/p/1", "/p/2", False),
        (Entry("/p", ("p",), requirement=authenticated, matcher=lambda segments, path: {}), "/p", "/p", False),
        (Entry("", (), requirement=authenticated, matcher=lambda segments, path: {}), "/p", "/p", False),
        (Entry("/p/<n>", ("p", None), requirement=None, matcher=lambda segments, path: {}), "/p/1", "/p/2", False),
    ],
)
def test_of_what_was_matched_the_paths_of_one_literal_head_have_one_plan(entry: Entry, path: str, other: str, shared: bool) -> None:
    """So that what is noted is no more than there are routes; where a policy stands beside the routes, each path has its own."""
    for ruled, same in ((Policy(), shared), (policy({"path": "/*", "require": TEAM}), False)):
        plans = Plans([entry], ruled, kept=10)
        first, params = plans.make_matched(entry, {"n": 1}, "GET", path)
        second, others = plans.make_matched(entry, {"n": 2}, "GET", other)
        assert (first is second, params, others) == (same, {"n": 1}, {"n": 2})
        assert (first.entry, second.entry, len(first.demands), first.verdict) == (entry, entry, len(second.demands), second.verdict)
        assert plans.make_matched(entry, {"n": 2}, "PUT", other)[0].method == "PUT"
        assert bool(plans._shared) is same
        for bad in ("/p/..", "/p/a;b", "/p//1", "/p/%41", "/r/\u0000"):
            with pytest.raises(InvalidPath):
                plans.make_matched(entry, {"n": 2}, "GET", bad)
        assert Plans([entry], ruled, kept=0).make_matched(entry, {"n": 1}, "GET", path)[0].uniform is False


def test_a_literal_beside_a_parameter_keeps_its_own_plan() -> None:
    """Whichever was asked for first."""
    for order in (("/p/1", "/p/x"), ("/p/x", "/p/1")):
        for first in (0, 1):
            own = routes({"path": "/p/{id}", "require": OPEN}) + routes({"path": "/p/x", "require": TEAM})
            plans = Plans(own if first else own[::-1], Policy(), kept=10)
            for path in order * 2:
                [(requirement, _)] = find(plans, "http", "GET", path).demands
                assert requirement == (public("a test") if path == "/p/1" or first else groups("OrgA:Team"))
            assert not plans._shared


def test_another_route_below_the_same_head_has_its_own_plan() -> None:
    twin = Entry("/p/<int:n>", ("p", None), requirement=authenticated, matcher=lambda segments, path: {})
    plans = Plans([SHARED_ROUTE, twin], Policy(), kept=10)
    for _ in range(2):
        for entry in (SHARED_ROUTE, twin):
            plan, _ = plans.make_matched(entry, {"n": 1}, "GET", "/p/1")
            assert [requirement for requirement, _ in plan.demands] == [entry.requirement]
            assert plan.uniform is (entry is SHARED_ROUTE)


def test_only_a_shared_plan_that_names_no_parameter_is_uniform() -> None:
    for entry, expected in ((SHARED_ROUTE, True), (SHARED_READ, False)):
        plans = Plans([entry], Policy(), kept=10)
        assert plans.make_matched(entry, {"n": "1"}, "GET", f"/{entry.segments[0]}/1")[0].uniform is expected
    lines = policy({"path": "/p/{id}", "require": TEAM}, {"path": "/r/{id}", "require": READ}, {"path": "/x", "require": TEAM})
    plans = Plans(None, lines, kept=10)
    for path, expected in (("/p/1", True), ("/r/1", False), ("/x", False)):
        assert plans.find("http", "GET", path)[0].uniform is expected
    beside = Plans(routes({"path": "/r/{id}", "require": READ}), policy({"path": "/*", "require": TEAM}), kept=10)
    assert not beside.find("http", "GET", "/r/1")[0].uniform
    beside = Plans(routes({"path": "/r/{id}", "require": TEAM}), policy({"path": "/r/{id}", "require": READ}), kept=10)
    assert not beside.find("http", "GET", "/r/1")[0].uniform
