"""Base64url: each value has exactly one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.tokens.base64url import ALPHABET, decode
from support.keys import b64


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=70))
def test_the_canonical_spelling_of_any_bytes_is_read_back(raw: bytes) -> None:
    assert decode(b64(raw).encode()) == raw


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=(ALPHABET + b"=+/ \n").decode(), max_size=12).map(str.encode))
def test_any_other_text_is_refused(text: bytes) -> None:
    raw = decode(text)
    assert raw is None or b64(raw).encode() == text


@pytest.mark.parametrize("text", [b"A", b"AAAAA", b"AB", b"AAB", b"AA==", b"AAA=", b"AA\n", b" AA", b"A+AA", b"A/AA", b"\xff\xff\xff\xff"])
def test_surplus_bits_padding_and_foreign_letters_are_refused(text: bytes) -> None:
    assert decode(text) is None
