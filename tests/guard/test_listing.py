"""Listings: pages in the order of ids, that together are everything once."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Permission, Resource, errors
from cartaguard.guard.listing import MOST, Listing, page

HELD = tuple((Resource("Project", name), Permission.READ) for name in ("b", "a", "caf\u00e9", "c"))


def test_a_page_holds_what_has_the_permission_in_the_order_of_ids() -> None:
    held = (*HELD, (Resource("Project", "d"), Permission.WRITE), (Resource("Project", "0"), Permission.OWNER))
    listing = page(held, Permission.READ, limit=10, cursor=None)
    assert [resource.id for resource in listing] == ["0", "a", "b", "c", "caf\u00e9"]
    assert (listing.truncated, listing.cursor) == (False, None)


def test_a_listing_is_a_sequence() -> None:
    listing = page(HELD, 1, limit=10, cursor=None)
    assert (len(listing), listing[0], listing[1:3]) == (4, Resource("Project", "a"), listing.resources[1:3])
    assert Resource("Project", "c") in listing
    assert Listing(()) == page((), 1, limit=1, cursor=None)


@settings(max_examples=100, deadline=None)
@given(st.sets(st.text(min_size=1, max_size=3), max_size=12), st.integers(1, 5))
def test_pages_together_are_everything_once_in_order(names: set[str], limit: int) -> None:
    held = [(Resource("Project", name), Permission.READ) for name in names]
    found: list[str] = []
    cursor = None
    while True:
        listing = page(held, 1, limit=limit, cursor=cursor)
        assert len(listing) <= limit
        found += [resource.id for resource in listing]
        cursor = listing.cursor
        if cursor is None:
            break
        assert cursor.isascii()
        assert listing.truncated
    assert found == sorted(names)


def test_a_cursor_holds_its_place_while_resources_come_and_go() -> None:
    cursor = page(HELD, 1, limit=2, cursor=None).cursor
    rest = page((*HELD[3:], (Resource("Project", "bb"), Permission.READ)), 1, limit=5, cursor=cursor)
    assert [resource.id for resource in rest] == ["bb", "c"]


@pytest.mark.parametrize("limit", [0, -1, MOST + 1, "10", 1.5, None])
def test_a_limit_out_of_range_is_an_error(limit: Any) -> None:
    with pytest.raises(errors.ParameterError, match="`limit` is from 1 to 10000"):
        page(HELD, 1, limit=limit, cursor=None)


@pytest.mark.parametrize("cursor", ["!", "a", "caf\u00e9", "_w", 5, b"\xff", "a b c d"])
def test_a_cursor_that_is_none_of_ours_is_an_error(cursor: Any) -> None:
    with pytest.raises(errors.ParameterError, match="is not a cursor"):
        page(HELD, 1, limit=1, cursor=cursor)


def test_a_page_may_hold_the_most_there_may_be() -> None:
    assert len(page(HELD, 1, limit=MOST, cursor=None)) == len(HELD)


@pytest.mark.parametrize("name", ["a", "ab", "abc", "\ud800", "\u00d7", "a\u05d7", "_W"])
def test_a_cursor_is_base64url_without_padding_whatever_the_name(name: str) -> None:
    """A lone surrogate, and the letters that padding could take along with it, are read as they were written."""
    held = [(Resource("Project", last), Permission.READ) for last in (name, name + "z")]
    cursor = page(held, 1, limit=1, cursor=None).cursor
    assert cursor == base64.urlsafe_b64encode(name.encode("utf-8", "surrogatepass")).decode().replace("=", "")
    assert [resource.id for resource in page(held, 1, limit=1, cursor=cursor)] == [name + "z"]
