"""How names are written in SpiceDB."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard.directories import spicedb_names as names
from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(st.lists(TEXT | st.none(), min_size=1, max_size=3))
def test_every_name_can_be_read_back_and_is_an_id_that_spicedb_takes(parts: list[str | None]) -> None:
    """Whatever the letters, and of however many parts."""
    found = names.object_id(*parts)
    assert re.fullmatch(r"[a-zA-Z0-9/_|\-=+]{1,1024}", found)
    assert names.parts_of(found) == tuple(parts)


@given(TEXT, TEXT)
def test_different_names_have_different_ids(one: str, other: str) -> None:
    """Nothing is normalised, trimmed or folded."""
    assert (names.object_id(one) == names.object_id(other)) is (one == other)


@pytest.mark.parametrize("name", ["", "\ud800", "x" * 769, "ключ" * 97])
def test_a_name_that_cannot_be_stored_is_an_error_that_says_why(name: str) -> None:
    """Empty, no text, or longer than SpiceDB's ids: 768 bytes."""
    with pytest.raises(DirectoryError) as fault:
        names.user(name)
    assert fault.value.code == "unstorable_name"
    assert len(str(fault.value)) < 250


def test_the_longest_name_can_be_stored() -> None:
    """768 bytes are 1024 characters."""
    assert len(names.user("x" * 768).id) == names.LONGEST


@pytest.mark.parametrize("wrong", ["a", "QQ==", "QR", "é", "_w", "Q Q", "*", ""])
def test_what_no_name_is_written_as_is_read_as_none(wrong: str) -> None:
    """Another padding, other bits that are left over, and bytes that are no text."""
    with pytest.raises(ValueError):
        names.parts_of(wrong)


@given(TEXT.filter(lambda text: ":" not in text), TEXT)
def test_a_resource_can_be_read_back(type_: str, id_: str) -> None:
    """Its type is a part of its own, so that no id can pass for one."""
    resource = Resource(type_, id_)
    assert names.resource_of(names.resource(resource)) == resource


@pytest.mark.parametrize(
    "wrong", [names.Object("resource", names.object_id("Secret", "k")), names.Object("secret", names.object_id("P", "k"))]
)
def test_a_secret_is_never_taken_for_another_resource(wrong: names.Object) -> None:
    """What is of the wrong type in SpiceDB is nothing here."""
    with pytest.raises(ValueError, match="secret"):
        names.resource_of(wrong)
