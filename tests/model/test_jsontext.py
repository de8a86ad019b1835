"""JSON with a member that occurs twice is malformed: one of the two would be lost."""

from __future__ import annotations

import pytest

from cartaguard.model.jsontext import read_json


def test_json_is_read() -> None:
    assert read_json('{"a": [1, {"b": null}], "c": "d"}') == {"a": [1, {"b": None}], "c": "d"}


@pytest.mark.parametrize("text", ['{"level": "x", "a": 1, "level": "public"}', '[{"level": 1, "level": 1}]'])
def test_a_member_that_occurs_twice_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(ValueError, match="`level` occurs twice"):
        read_json(text)
