"""What an API token is allowed: patterns of methods and paths, compared segment by segment as they were sent."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard.devserver.endpoints import allows, is_pattern


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("GET /user", True),
        ("POST|PUT /project/**", True),
        ("ANY /**", True),
        ("ANY /", True),
        ("GET /a/**/b", True),
        ("get /user", False),
        ("GET user", False),
        ("GET  /user", False),
        ("GET /user ", False),
        ("GET /us er", False),
        ("GET", False),
        ("/user", False),
        ("|GET /user", False),
        ("GET| /user", False),
        ("GET,PUT /user", False),
        ("GET /user**", False),
        ("GET /***", False),
        ("", False),
        ("GET /user\n", False),
    ],
)
def test_a_pattern_is_methods_and_a_path(text: str, good: bool) -> None:
    assert is_pattern(text) is good


@pytest.mark.parametrize(
    ("pattern", "method", "path", "allowed"),
    [
        ("GET /user", "GET", "/user", True),
        ("GET /user", "HEAD", "/user", True),
        ("GET /user", "POST", "/user", False),
        ("POST /user", "HEAD", "/user", False),
        ("GET|POST /user", "POST", "/user", True),
        ("ANY /user", "PATCH", "/user", True),
        ("GET /user", "GET", "/user/", False),
        ("GET /user", "GET", "/users", False),
        ("GET /user", "GET", "/user/x", False),
        ("GET /user", "GET", "/User", False),
        ("GET /user/**", "GET", "/user", True),
        ("GET /user/**", "GET", "/user/a/b", True),
        ("GET /user/**", "GET", "/username", False),
        ("GET /**", "GET", "/", True),
        ("GET /a/**/z", "GET", "/a/z", True),
        ("GET /a/**/z", "GET", "/a/b/c/z", True),
        ("GET /a/**/z", "GET", "/a/b/c/z/y", False),
        ("GET /a/**/m/**", "GET", "/a/b/m", True),
        # What is escaped is the same name, and an escaped slash divides nothing.
        ("GET /user/group/A:B", "GET", "/user/group/A%3AB", True),
        ("GET /user/group/A%3AB", "GET", "/user/group/A:B", True),
        ("GET /user/group/**", "GET", "/user%2Fgroup/x", False),
        ("GET /permissions/**", "GET", "/permissions/aurora%2Fphase-fit/olga", True),
        # A service might read these as another path.
        ("GET /service/a/b/public/**", "GET", "/service/a/b/public/../admin", False),
        ("GET /service/a/b/public/**", "GET", "/service/a/b/public/%2e%2E/admin", False),
        ("GET /service/a/b/public/**", "GET", "/service/a/b/public/x%2F..%2F..%2Fadmin", False),
        ("GET /service/a/b/public/**", "GET", "/service/a/b/public/..%5Cadmin", False),
        ("GET /service/a/b/public/**", "GET", "/service/a/b/public/./admin", False),
        ("GET /**", "GET", "/a..b/...", True),
    ],
)
def test_a_request_is_covered_or_not(pattern: str, method: str, path: str, allowed: bool) -> None:
    assert allows(pattern, method, path) is allowed


_SEGMENTS = st.lists(st.sampled_from(["a", "b", "**"]), min_size=1, max_size=6)


@given(_SEGMENTS, st.lists(st.sampled_from("abc"), min_size=1, max_size=7))
def test_wildcards_stand_for_any_segments(wanted: list[str], sent: list[str]) -> None:
    expression = "".join("(/[^/]+)*" if part == "**" else f"/{part}" for part in wanted)
    expected = re.fullmatch(expression, "".join(f"/{part}" for part in sent)) is not None
    assert allows(f"ANY /{'/'.join(wanted)}", "GET", "/" + "/".join(sent)) is expected
