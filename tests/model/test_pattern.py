"""Path patterns, and the one reading of a path that is decided on."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import errors
from cartaguard.model.pattern import PathPattern, apart, canonical, covers


@pytest.mark.parametrize(
    ("pattern", "path", "params"),
    [
        ("/", "/", {}),
        ("/a", "/a", {}),
        ("/a", "/a/", None),
        ("/a/", "/a/", {}),
        ("/a/", "/a", None),
        ("/a", "/A", None),
        ("/caf\u00e9", "/cafe\u0301", None),
        ("/p/{id}", "/p/1", {"id": "1"}),
        ("/p/{id}", "/p/", None),
        ("/p/{id}", "/p/1/", None),
        ("/p/{id}", "/p/1/2", None),
        ("/p/{id}/", "/p/1/", {"id": "1"}),
        ("/{a}/{b}", "/1/2", {"a": "1", "b": "2"}),
        ("/*", "/", {}),
        ("/*", "/a/b", {}),
        ("/a/*", "/a", {}),
        ("/a/*", "/a/", {}),
        ("/a/*", "/a/b/c/", {}),
        ("/a/*", "/ab", None),
        ("/a/*", "/", None),
        ("/a/{b}/*", "/a", None),
        ("/a/{b}/*", "/a/", None),
        ("/a/{b}/*", "/a/1", {"b": "1"}),
        ("/a/{b}/*", "/a/1/2", {"b": "1"}),
    ],
)
def test_a_pattern_fits_a_path_or_does_not(pattern: str, path: str, params: dict[str, str] | None) -> None:
    assert PathPattern(pattern).match(path[1:].split("/")) == params


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "*",
        "//",
        "/a//b",
        "/a//*",
        "//*",
        "/./a",
        "/a/..",
        "/a;b",
        "/a%20b",
        "/a\\b",
        "/a\x00b",
        "/a\ufffd",
        "/a*",
        "/*/a",
        "/**",
        "/{a}{b}",
        "/x{a}",
        "/{a}x",
        "/{a",
        "/a}",
        "/{}",
        "/{a b}",
        "/{a:path}",
        "/{a}/{a}",
        None,
        5,
    ],
)
def test_a_pattern_that_no_path_could_fit_or_that_is_ambiguous_is_an_error(text: Any) -> None:
    with pytest.raises(errors.PolicyError) as caught:
        PathPattern(text)
    assert caught.value.code == "bad_pattern"


def test_a_pattern_prints_as_it_was_written() -> None:
    assert str(PathPattern("/p/{id}/*")) == "/p/{id}/*"
    assert repr(PathPattern("/p/{id}/*")) == "PathPattern('/p/{id}/*')"


# -- covers ---------------------------------------------------------------------------------------------

SEGMENTS = ("a", "b", "{x}")
SHAPES = [
    "/" + "/".join(("{" + f"x{place}" + "}") if segment == "{x}" else segment for place, segment in enumerate(segments)) + end
    for size in range(3)
    for segments in product(SEGMENTS, repeat=size)
    for end in (("", "/*") if not size else ("", "/", "/*"))
]
PATTERNS = [PathPattern(shape.replace("//", "/")) for shape in SHAPES]
PATHS = ["/"] + ["/" + "/".join(segments) + end for size in (1, 2, 3) for segments in product("abc", repeat=size) for end in ("", "/")]


def _fits(pattern: PathPattern) -> frozenset[str]:
    return frozenset(path for path in PATHS if pattern.match(path[1:].split("/")) is not None)


def test_covering_is_what_enumeration_says() -> None:
    fits = {pattern.text: _fits(pattern) for pattern in PATTERNS}
    for one, other in product(PATTERNS, repeat=2):
        assert covers(one, other) is (fits[other.text] <= fits[one.text]), (one, other)


def test_patterns_that_are_apart_fit_no_path_together_and_others_do() -> None:
    """But for a last empty segment, which is a literal that no parameter takes: there it is not looked that closely."""
    fits = {pattern.text: _fits(pattern) for pattern in PATTERNS}
    for one, other in product(PATTERNS, repeat=2):
        together = fits[one.text] & fits[other.text]
        if apart(one, other):
            assert not together, (one, other)
        elif not (one.text.endswith("/") or other.text.endswith("/")):
            assert together, (one, other)


def test_a_pattern_covers_anything_of_its_shape() -> None:
    assert covers(PathPattern("/a/*"), SimpleNamespace(segments=("a", None), tail=True))
    assert not covers(PathPattern("/a/{x}"), SimpleNamespace(segments=("a", None), tail=True))


# -- canonical ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/", "/a b/c", "/.hidden", "/a.b/..c/...", "/caf\u00e9/\u4e2d", "/a+b&c=d:e@f,g", "/a*b", "/{x}"]
)
def test_a_path_that_is_read_in_one_way_stays_as_it_is(path: str) -> None:
    assert canonical(path) == path


def test_the_empty_path_is_the_root() -> None:
    assert canonical("") == "/"


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "*",
        "http://x/",
        "//",
        "/a//b",
        "//a",
        "/a//",
        "/.",
        "/..",
        "/a/./b",
        "/a/../b",
        "/a/.",
        "/a;b",
        "/a;",
        "/\u00e9;",
        "/a\\b",
        "/\u00e9\\b",
        "/a%2fb",
        "/\u00e9%",
        "/a\x00",
        "/a\nb",
        "/a\x7f",
        "/a\x85",
        "/a\x9f",
        "/a\ufffd",
        "/a" + chr(0xD800),
    ],
)
def test_a_path_that_could_be_read_two_ways_is_refused(path: str) -> None:
    with pytest.raises(errors.InvalidPath):
        canonical(path)


def _normalised(path: str) -> str:
    """How a lenient reader resolves empty and dot segments."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts) + ("/" if path.endswith("/") and parts else "")


#: How other readers of the same path may change it before they route on it.
READINGS = (
    unquote,
    _normalised,
    lambda path: path.replace("\\", "/"),
    lambda path: "/".join(part.partition(";")[0] for part in path.split("/")),
    lambda path: "".join(c for c in path if ord(c) >= 32 and not 127 <= ord(c) < 160),
    lambda path: path.encode("utf-8", "replace").decode("utf-8", "replace"),
    lambda path: path.replace("\ufffd", "?"),
    lambda path: path.replace("%", "%25"),
)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("/ab.%2e;\\\x00\t\x7f\x85\u00e9\ufffd\ud800"), max_size=8).map("/".__add__))
def test_no_path_that_passes_has_a_second_reading(path: str) -> None:
    try:
        passed = canonical(path)
    except errors.InvalidPath:
        assert any(reading(path) != path for reading in READINGS)
    else:
        assert passed == path
        for reading in READINGS:
            assert reading(path) == path
