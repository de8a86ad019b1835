"""Strict JSON: what could be read in two ways, or is out of bounds, is refused."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.tokens.strictjson import JsonError, read

GOOD: list[tuple[bytes, Any]] = [
    (b"{}", {}),
    (b' \t\r\n{"a": 1} \t\r\n', {"a": 1}),
    (b'{"a": {"a": 1}, "b": [{"a": 2}]}', {"a": {"a": 1}, "b": [{"a": 2}]}),
    (b'"\\ud83d\\ude00"', "😀"),
    ('"é"'.encode(), "é"),
    (b"99999999999999999999", 99999999999999999999),
    (b"-99999999999999999999", -99999999999999999999),
    (b"1." + b"1" * 38, float("1." + "1" * 38)),
    (b"1e308", 1e308),
    (b"1e-999", 0.0),
    (b"-0", 0),
    (b"[" * 16 + b"]" * 16, [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]),
    # More brackets than that, and none of them deeper.
    (b"[" * 15 + b"[],[1]" + b"]" * 15, [[[[[[[[[[[[[[[[], [1]]]]]]]]]]]]]]]]),
    (b'["[[[[[[[[[[[[[[[[[[[["]', ["[" * 20]),
    (b"null", None),
    (b"[true, false]", [True, False]),
]


@pytest.mark.parametrize(("raw", "value"), GOOD)
def test_one_json_text_within_the_bounds_is_read(raw: bytes, value: Any) -> None:
    assert read(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{} {}",
        b"{}x",
        b"X{}",
        b"{}X",
        b"\xef\xbb\xbf{}",
        b"\x00{}",
        b"{}\x00",
        b"\x0c{}",
        "{}\u00a0".encode(),
        '{"a": 1}'.encode("utf-16"),
        b'"\xff"',
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'[{"a": 1, "a": 2}]',
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\ud800": 1}',
        b'[["\\uDFFF"]]',
        b"1" * 21,
        b"-" + b"1" * 21,
        b'{"exp": ' + b"9" * 5000 + b"}",
        b"1." + b"1" * 39,
        b"1e309",
        b"-1e309",
        b"[1e999]",
        b"[" * 17 + b"]" * 17,
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"'a'",
        b"{a: 1}",
        b"[1,]",
        b'{"a": 1,}',
        b"// x\n1",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b'"a\nb"',
        b'"\\x41"',
        b"True",
        "\u0661".encode(),
    ],
)
def test_everything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(JsonError):
        read(raw)


def test_a_refusal_carries_nothing_of_the_text() -> None:
    text = b'{"password": "hunter2", oops}'
    with pytest.raises(JsonError) as caught:
        read(text)
    assert str(caught.value) == "this is not strict JSON"
    assert caught.value.__context__ is None
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(_VALUES, st.booleans())
def test_what_is_written_as_json_is_read_as_the_same(value: Any, escaped: bool) -> None:
    assert read(json.dumps(value, ensure_ascii=escaped).encode()) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":,\\u0123456789abcdefn.-+eE ', max_size=40).map(str.encode))
def test_any_bytes_are_read_as_json_does_or_refused(raw: bytes) -> None:
    try:
        value = read(raw)
    except JsonError:
        return
    assert json.loads(raw) == value
