"""The cache of verified tokens: full equality, a bound, and nothing of a former state of the keys."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Principal
from cartaguard.tokens.cache import TokenCache
from support.tokens import NOW, Clock

OLGA = Principal(issuer="i", subject="olga")
ADAM = Principal(issuer="i", subject="adam")


def test_only_the_very_same_value_is_a_hit() -> None:
    cache = TokenCache(10, Clock())
    cache.shelf.put(b"Bearer abc", OLGA, NOW, NOW + 10)
    assert cache.get(bytes(bytearray(b"Bearer abc"))) is OLGA
    for other in (b"bearer abc", b"Bearer abd", b"Bearer ab", b"Bearer abc ", b"abc", b""):
        assert cache.get(other) is None


def test_an_entry_is_good_from_its_first_instant_until_just_before_its_last() -> None:
    clock = Clock()
    cache = TokenCache(10, clock)
    cache.shelf.put(b"value", OLGA, NOW + 1, NOW + 2)
    seen = []
    for clock.now in (NOW, NOW + 0.999, NOW + 1, NOW + 1.999, NOW + 2, NOW + 3):
        seen.append(cache.get(b"value") is OLGA)
    assert seen == [False, False, True, True, False, False]


def test_the_oldest_goes_when_there_are_too_many() -> None:
    cache = TokenCache(2, Clock())
    for name in (b"a", b"b", b"a", b"c"):
        cache.shelf.put(name, OLGA, NOW, NOW + 1)
    assert [cache.get(name) for name in (b"a", b"b", b"c")] == [None, OLGA, OLGA]


def test_text_is_found_as_text_and_bytes_as_bytes_within_one_bound() -> None:
    cache = TokenCache(2, Clock())
    cache.shelf.put("Bearer abc", OLGA, NOW, NOW + 1)
    assert [cache.get(b"Bearer abc".decode()), cache.get(b"Bearer abc")] == [OLGA, None]
    cache.shelf.put(b"Bearer abc", ADAM, NOW, NOW + 1)
    assert [cache.get("Bearer abc"), cache.get(b"Bearer abc")] == [OLGA, ADAM]
    cache.shelf.put("Bearer abcd", OLGA, NOW, NOW + 1)
    assert [cache.get(value) for value in ("Bearer abc", b"Bearer abc", "Bearer abcd")] == [None, ADAM, OLGA]


def test_a_bound_of_zero_remembers_nothing() -> None:
    cache = TokenCache(0, Clock())
    cache.shelf.put(b"a", OLGA, NOW, NOW + 1)
    assert cache.get(b"a") is None


def test_the_last_one_put_counts() -> None:
    cache = TokenCache(2, Clock())
    cache.shelf.put(b"a", OLGA, NOW, NOW + 1)
    cache.shelf.put(b"a", ADAM, NOW, NOW + 1)
    assert cache.get(b"a") is ADAM


def test_what_was_verified_before_a_change_of_keys_is_not_found_after_it() -> None:
    cache = TokenCache(10, Clock())
    held = cache.shelf
    held.put(b"before", OLGA, NOW, NOW + 1)
    cache.clear()
    held.put(b"meanwhile", OLGA, NOW, NOW + 1)
    assert (cache.get(b"before"), cache.get(b"meanwhile")) == (None, None)
    cache.shelf.put(b"after", OLGA, NOW, NOW + 1)
    assert cache.get(b"after") is OLGA


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=2), max_size=40), st.integers(0, 5))
def test_there_are_never_more_than_the_bound(values: list[bytes], bound: int) -> None:
    cache = TokenCache(bound, Clock())
    for value in values:
        cache.shelf.put(value, OLGA, NOW, NOW + 1)
        assert len(cache.shelf.entries) <= bound


def test_a_forked_process_begins_without_any() -> None:
    """A thread that stayed behind may have held the lock."""
    cache = TokenCache(2, Clock())
    cache.shelf.put(b"a", OLGA, NOW, NOW + 1)
    before = cache.shelf
    cache.renew()
    assert cache.get(b"a") is None
    assert cache.shelf is not before
