"""The route table finds what a walk through all entries would find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Policy, authenticated, errors
from cartaguard.http.routes import Entry, RouteTable, policy_entries
from cartaguard.model.pattern import PathPattern


def entry(pattern: str, **options: Any) -> Entry:
    read = PathPattern(pattern)
    return Entry(
        pattern, read.segments, tail=read.tail, requirement=authenticated, matcher=lambda segments, path: read.match(segments), **options
    )


def found(table: RouteTable, path: str) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.path, dict(params)) for entry, params in table.candidates(path)]


def scan(entries: list[Entry], path: str) -> list[tuple[str, dict[str, Any]]]:
    """All entries in their order, the simple way."""
    fits = []
    for one in entries:
        params = one.matcher(path[1:].split("/"), path)
        if params is not None:
            fits.append((one.path, dict(params)))
    return fits


SEGMENT = st.sampled_from(["a", "b", "{x}"])
PATTERNS = st.tuples(st.lists(SEGMENT, max_size=3), st.sampled_from(["", "/", "/*"])).map(
    lambda made: (
        "/" + "/".join("{" + f"x{place}" + "}" if part == "{x}" else part for place, part in enumerate(made[0])) + made[1]
    ).replace("//", "/")
)
PATHS = st.tuples(st.lists(st.sampled_from("abc"), max_size=4), st.sampled_from(["", "/"])).map(
    lambda made: ("/" + "/".join(made[0]) + made[1]).replace("//", "/")
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PATTERNS, max_size=8), st.lists(PATHS, min_size=1, max_size=8))
def test_candidates_are_what_a_walk_through_all_entries_finds(patterns: list[str], paths: list[str]) -> None:
    entries = [entry(pattern) for pattern in patterns]
    table = RouteTable(entries)
    for path in paths:
        assert found(table, path) == scan(entries, path)


def test_entries_of_equal_pattern_all_fit_in_their_order() -> None:
    table = RouteTable([entry("/{x}", key=1), entry("/a", key=2), entry("/{y}", key=3)])
    assert [one.key for one, _ in table.candidates("/a")] == [1, 2, 3]


@pytest.mark.parametrize("pattern", ["/", "/a", "/a/", "/a/b"])
def test_an_exact_path_is_answered_by_what_was_found_at_start_up(pattern: str) -> None:
    """As one look-up whatever the number of entries: it is the same tuple each time."""
    table = RouteTable([entry("/*"), entry(pattern)])
    assert [one.path for one, _ in table.candidates(pattern)] == ["/*", pattern]
    assert table.candidates(pattern) is table.candidates(pattern)
    assert table.fitting(pattern) is table.candidates(pattern)


def test_an_entry_keeps_the_marks_that_its_requirement_is_made_of() -> None:
    assert entry("/a", marks=(authenticated,)).marks == (authenticated,)
    assert entry("/a").marks == ()


def test_one_entry_may_stand_in_several_tables() -> None:
    first, second = entry("/{x}"), entry("/a")
    one, other = RouteTable([first, second]), RouteTable([second, first])
    assert [found(one, "/a")[0][0], found(other, "/a")[0][0]] == ["/{x}", "/a"]


@pytest.mark.parametrize("path", ["//", "/a/../b", "/a;b", "a", "/a%2f"])
def test_a_path_that_could_be_read_two_ways_is_refused_whatever_the_entries(path: str) -> None:
    odd = Entry("odd", tuple(path[1:].split("/")), requirement=authenticated, matcher=lambda segments, path: {})
    with pytest.raises(errors.InvalidPath):
        RouteTable([odd, entry("/*")]).candidates(path)


def test_the_empty_path_is_the_root() -> None:
    assert found(RouteTable([entry("/")]), "") == [("/", {})]


@pytest.mark.parametrize(
    ("patterns", "head", "found"),
    [
        (["/p/{id}"], "/p/", ["/p/{id}"]),
        (["/p/{id}", "/p/{n}", "/q/{id}"], "/p/", ["/p/{id}", "/p/{n}"]),
        (["/{id}"], "/", ["/{id}"]),
        (["/{id}"], "/p/", []),
        (["/p/{id}"], "/", []),
        (["/p/{id}"], "/q/", []),
        (["/p/{id}"], "/pp/", []),
        (["/p/{id}"], "/p/q/", []),
        (["/p/{id}/x"], "/p/1/", []),
        (["/p/{id}/x"], "/p/1/x/", []),
        (["/p/{id}/{n}"], "/p/1/", ["/p/{id}/{n}"]),
        (["/p/q/{n}"], "/p/q/", ["/p/q/{n}"]),
        (["/p/q/{n}"], "/p/", []),
        (["/p q/{n}"], "/p q/", ["/p q/{n}"]),
        # Some fit one last segment and not another.
        (["/p/{id}", "/p/q"], "/p/", []),
        (["/p/q"], "/p/", []),
        (["/p/{id}", "/p/*"], "/p/", []),
        (["/p/{id}", "/*"], "/p/", []),
        (["/p/{id}/*"], "/p/", []),
        (["/p/{id}", "/{a}/q"], "/p/", []),
        (["/{id}", "/q"], "/", []),
        (["/{id}", "/*"], "/", []),
    ],
)
def test_what_fits_a_path_whatever_its_last_segment_is(patterns: list[str], head: str, found: list[str]) -> None:
    assert [one.path for one in RouteTable([entry(pattern) for pattern in patterns]).at_the_end_of(head)] == found


def test_a_policy_becomes_entries() -> None:
    policy = Policy.from_dict(
        {
            "routes": [
                {"path": "/p/{id}", "methods": ["GET"], "protocols": ["http"], "require": {"authenticated": True}},
                {"path": "/*", "require": {"deny": True}},
            ]
        }
    )
    first, second = policy_entries(policy)
    assert (first.path, first.segments, first.tail, first.key) == ("/p/{id}", ("p", None), False, policy.entries[0])
    assert (first.methods, first.protocols) == (frozenset({"GET"}), frozenset({"http"}))
    assert (second.tail, second.methods, second.key) == (True, None, policy.entries[1])
    assert found(RouteTable([first, second]), "/p/1") == [("/p/{id}", {"id": "1"}), ("/*", {})]
    assert [repr(first), repr(second)] == ["<Entry GET /p/{id}>", "<Entry * /*>"]
    assert repr(entry("/a", methods=frozenset({"PUT", "GET"}))) == "<Entry GET,PUT /a>"


@pytest.mark.parametrize(
    ("methods", "taken"),
    [(None, {"GET", "HEAD", "PUT", "OPTIONS"}), ({"GET"}, {"GET", "HEAD"}), ({"PUT"}, {"PUT"}), ({"HEAD"}, {"HEAD"}), (set(), set())],
)
def test_head_goes_with_get(methods: set[str] | None, taken: set[str]) -> None:
    one = entry("/a", methods=None if methods is None else frozenset(methods))
    assert {method for method in ("GET", "HEAD", "PUT", "OPTIONS") if one.takes("http", method)} == taken


def test_a_matcher_may_refuse_what_the_segments_allow() -> None:
    def even(segments: list[str], path: str) -> Mapping[str, Any] | None:
        return {"n": segments[0]} if segments[0].isdigit() and int(segments[0]) % 2 == 0 else None

    table = RouteTable([Entry("/{n:even}", (None,), requirement=authenticated, matcher=even)])
    assert found(table, "/2") == [("/{n:even}", {"n": "2"})]
    assert found(table, "/3") == found(table, "/x") == found(table, "/2/3") == []


def test_a_matcher_is_given_the_segments_and_the_whole_path() -> None:
    given: list[Any] = []

    def note(segments: list[str], path: str) -> Mapping[str, Any]:
        given.append((segments, path))
        return {}

    for others in ([], [entry("/*")], [entry("/1/{x}")]):
        RouteTable([Entry("/{a}/{b}", (None, None), requirement=authenticated, matcher=note), *others]).candidates("/1/2")
        assert given.pop() == (["1", "2"], "/1/2")
    assert given == []
