"""The bounded dict."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.caches.memory import MemoryCache


def test_a_value_comes_back_and_an_unknown_key_does_not() -> None:
    """What was put is got; what was not is ``None``."""
    cache: MemoryCache[str, int] = MemoryCache()
    cache.put("a", 1)
    assert cache.get("a") == 1
    assert cache.get("b") is None


def test_the_oldest_go_first() -> None:
    """A full cache makes room by dropping the oldest, and what is put again is new."""
    cache: MemoryCache[int, int] = MemoryCache(bound=3)
    for key in (1, 2, 3, 1, 4):
        cache.put(key, key)
    assert [cache.get(key) for key in (1, 2, 3, 4)] == [1, None, 3, 4]


@settings(max_examples=50)
@given(st.integers(1, 40), st.lists(st.integers(0, 100), max_size=200))
def test_it_never_holds_more_than_its_bound(bound: int, keys: list[int]) -> None:
    """Whatever is put, the bound holds and the newest is there."""
    cache: MemoryCache[int, int] = MemoryCache(bound)
    for key in keys:
        cache.put(key, key)
        assert len(cache) <= bound
        assert cache.get(key) == key


@pytest.mark.remembers
def test_unwanted_keys_and_all_keys_are_forgotten() -> None:
    """``discard`` drops by key, ``clear`` drops all, and ``get`` sees it."""
    cache: MemoryCache[int, int] = MemoryCache()
    for key in range(10):
        cache.put(key, key)
    cache.discard(lambda key: key % 2 == 0)
    assert [key for key in range(10) if cache.get(key) is not None] == [1, 3, 5, 7, 9]
    cache.clear()
    assert len(cache) == 0
    assert cache.get(1) is None


def test_a_cache_of_nothing_is_refused() -> None:
    """A bound below one is an error that names it."""
    with pytest.raises(ValueError, match="`0` entries"):
        MemoryCache(bound=0)


def test_threads_may_put_and_get_at_once() -> None:
    """Concurrent use neither raises nor passes the bound."""
    cache: MemoryCache[int, int] = MemoryCache(bound=16)

    def use(start: int) -> bool:
        for key in range(start, start + 500):
            cache.put(key, key)
            cache.discard(lambda key: key % 7 == 0)
            if cache.get(key) not in (None, key):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, (0, 250, 500, 750)))
    assert len(cache) <= 16
