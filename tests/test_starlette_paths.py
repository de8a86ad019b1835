"""Entries for paths in Starlette's notation: what is read from the segments alone is what its own expression says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.convertors import CONVERTOR_TYPES
from starlette.routing import compile_path

from cartaguard import authenticated
from cartaguard._starlette_paths import entry_of
from cartaguard.http.routes import NO_PARAMS, RouteTable

PLAIN = ["/", "/a", "/a/", "/{x}", "/a/{x}", "/a/{x}/", "/a/{x}/b", "/{x}/{y:str}", "/a.b/{x}"]
PATHS = st.lists(st.sampled_from(["a", "b", "a.b", "axb", "ä", "1", "-", ""]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLAIN), PATHS.filter(lambda path: "//" not in path))
def test_the_segments_give_what_the_expression_gives(pattern: str, path: str) -> None:
    entry = entry_of(pattern, (authenticated,), key=None)
    assert entry.names is not None
    found = compile_path(pattern)[0].match(path)
    expected = () if found is None else ((entry, found.groupdict() or NO_PARAMS),)
    assert RouteTable([entry]).candidates(path) == expected


@pytest.mark.parametrize("path", ["/{x:int}", "/{x}.{y}", "/v{x}", "/{x:path}", "/{x:uuid}/{y}"])
def test_of_other_parameters_it_is_not_told_what_they_take(path: str) -> None:
    assert entry_of(path, (authenticated,), key=None).names is None


def test_a_converter_of_texts_that_takes_only_some_is_not_taken_for_one_that_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CONVERTOR_TYPES["str"], "regex", "[a-z]+", raising=False)
    entry = entry_of("/p/{x}", (authenticated,), key=None)
    assert entry.names is None
    assert [len(RouteTable([entry]).candidates(path)) for path in ("/p/a", "/p/1")] == [1, 0]
