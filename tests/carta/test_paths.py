"""A name is one path segment, or is not asked about."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard.carta.paths import UnaskableError, address, segment


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p1", "p1"),
        ("ns/name", "ns%2Fname"),
        ("Org:Name", "Org%3AName"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("50%", "50%25"),
        ("%2F", "%252F"),
        ("a\\b", "a%5Cb"),
        ("ä", "%C3%A4"),
        ("...", "..."),
        (".well-known", ".well-known"),
        ("line\nbreak\0", "line%0Abreak%00"),
    ],
)
def test_everything_that_could_divide_a_path_is_escaped(name: str, expected: str) -> None:
    assert segment(name) == expected


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "../a", "a/./b", "a\\..\\b", "\ud800"])
def test_what_no_path_can_carry_unchanged_is_not_asked(name: str) -> None:
    with pytest.raises(UnaskableError) as caught:
        segment(name)
    assert caught.value.code == "carta_unaskable"


@given(st.text())
def test_a_segment_is_one_segment_and_says_the_name_or_there_is_none(name: str) -> None:
    try:
        escaped = segment(name)
    except UnaskableError:
        return
    assert escaped.isascii()
    assert not set("/?#\\ ") & set(escaped)
    assert unquote(escaped) == name


def test_an_address_is_host_segments_and_escaped_query() -> None:
    assert address("https://c.example/api", "permissions", "a/b", query={"userType": "User & Co"}) == (
        "https://c.example/api/permissions/a%2Fb?userType=User%20%26%20Co"
    )
    assert address("https://c.example", "user") == "https://c.example/user"
    assert address("https://c.example", "user", query={"a&b=": ""}) == "https://c.example/user?a%26b%3D="
