"""The compact form: three canonical parts, and a header without surprises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.errors import InvalidRequest, InvalidToken
from cartaguard.tokens import compact
from cartaguard.tokens.base64url import ALPHABET
from cartaguard.tokens.compact import Header, read
from cartaguard.tokens.refusals import TOKEN_REFUSALS
from support.keys import b64
from support.tokens import token_for

GOOD = {"alg": "RS256", "kid": "k"}


def token(header: Any, payload: bytes = b"{}", signature: bytes = b"s") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{b64(raw)}.{b64(payload)}.{b64(signature)}".encode()


def code_of(raw: bytes) -> str:
    with pytest.raises(InvalidToken) as caught:
        read(raw)
    return caught.value.code


def test_a_token_is_taken_apart() -> None:
    whole = token(GOOD, b'{"a": 1}', b"signature")
    parts = read(whole)
    assert parts.header == Header("k", "RS256")
    assert parts.payload == b'{"a": 1}'
    assert parts.signature == b"signature"
    assert parts.message == whole.rpartition(b".")[0]
    assert parts.segment == whole.partition(b".")[0]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed"),
        (b".", "malformed"),
        (b"..", "malformed"),
        (b"a.b", "malformed"),
        (b"a", "malformed"),
        (b"AAAA..AAAA", "malformed"),
        (b".AAAA.AAAA", "malformed"),
        (b"AAAA.AAAA.", "malformed"),
        (b"AAAA.AAAA.AAAA.AAAA", "malformed"),
        (b"AAAA.AAAA.AAAA.AAAA.AAAA", "malformed"),
        (token(GOOD) + b"=", "bad_base64"),
        (token(GOOD) + b"\n", "bad_base64"),
        (token(GOOD) + b".\n", "bad_base64"),
        (b" " + token(GOOD), "bad_base64"),
        (token(GOOD).replace(b".", b"\xe3\x80\x82"), "bad_base64"),
        (token(GOOD) + b"\x00", "bad_base64"),
        (b"e30.e31.AAAA", "bad_base64"),
        (b"e30.e30.AAB", "bad_base64"),
        (b"e31.e30.AAAA", "bad_base64"),
        (b"e30.AAAAA.AAAA", "bad_base64"),
    ],
)
def test_anything_but_three_non_empty_canonical_parts_is_refused(raw: bytes, code: str) -> None:
    assert code_of(raw) == code


def test_a_token_over_16_kib_is_a_bad_request() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(b"a" * (16 * 1024 + 1))
    assert caught.value.code == "too_long"
    assert code_of(b"a" * (16 * 1024)) == "malformed"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"no json", "bad_json"),
        (b"[]", "bad_json"),
        (b'"text"', "bad_json"),
        (b"null", "bad_json"),
        (b'{"alg": "RS256", "alg": "none", "kid": "k"}', "bad_json"),
        (b'{"alg": "RS256", "kid": "a", "kid": "k"}', "bad_json"),
        ({"kid": "k"}, "bad_header"),
        ({**GOOD, "alg": ""}, "bad_header"),
        ({**GOOD, "alg": None}, "bad_header"),
        ({**GOOD, "alg": ["RS256"]}, "bad_header"),
        ({"alg": "RS256"}, "missing_kid"),
        ({**GOOD, "kid": ""}, "missing_kid"),
        ({**GOOD, "kid": 7}, "missing_kid"),
        ({**GOOD, "kid": None}, "missing_kid"),
        ({**GOOD, "crit": []}, "unsupported_header"),
        ({**GOOD, "crit": ["exp"], "exp": 1}, "unsupported_header"),
        ({**GOOD, "b64": True}, "unsupported_header"),
        ({**GOOD, "b64": False}, "unsupported_header"),
        ({**GOOD, "zip": "DEF"}, "unsupported_header"),
        ({**GOOD, "enc": "A256GCM"}, "unsupported_header"),
        ({**GOOD, "cty": "JWT"}, "unsupported_header"),
        ({**GOOD, "cty": None}, "unsupported_header"),
        ({**GOOD, "typ": "JWE"}, "wrong_type"),
        ({**GOOD, "typ": ""}, "wrong_type"),
        ({**GOOD, "typ": None}, "wrong_type"),
        ({**GOOD, "typ": ["JWT"]}, "wrong_type"),
        ({**GOOD, "typ": "text/JWT"}, "wrong_type"),
        ({**GOOD, "typ": "application/application/jwt"}, "wrong_type"),
        ({**GOOD, "typ": "dpop+jwt"}, "wrong_type"),
        ({**GOOD, "typ": "JWT "}, "wrong_type"),
    ],
)
def test_a_header_with_a_surprise_is_refused(header: Any, code: str) -> None:
    assert code_of(token(header)) == code


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/at+JWT"])
def test_the_two_types_are_compared_without_case_and_prefix(typ: str) -> None:
    assert read(token({**GOOD, "typ": typ})).header == Header("k", "RS256")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "anything"])
def test_a_key_or_address_in_the_header_is_not_looked_at(name: str) -> None:
    assert read(token({**GOOD, name: "https://attacker.example/keys"})).header == Header("k", "RS256")


def test_a_known_header_is_not_read_again() -> None:
    whole = token(b"never looked at")
    known = {whole.partition(b".")[0]: Header("k", "ES256")}
    assert read(whole, known).header == Header("k", "ES256")


@pytest.mark.parametrize("payload", [b"", b"[]", b"1", b"foo", b'{"a": NaN}', b'{"a": 1, "a": 1}'])
def test_a_payload_is_a_strict_json_object(payload: bytes) -> None:
    with pytest.raises(InvalidToken) as caught:
        compact.members(payload)
    assert caught.value.code == "bad_json"


_LETTERS = st.text(alphabet=(ALPHABET + b"=+. \n").decode(), max_size=30).map(str.encode)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | _LETTERS | st.tuples(_LETTERS, _LETTERS, _LETTERS).map(b".".join))
def test_any_bytes_are_read_or_refused_with_a_code_of_the_table(raw: bytes) -> None:
    code = ""
    try:
        parts = read(raw)
    except InvalidToken as fault:
        code = fault.code
    assert code in TOKEN_REFUSALS or parts.message + b"." + b64(parts.signature).encode() == raw


_GOOD_TOKEN = token_for().encode()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(_GOOD_TOKEN) - 1), st.binary(min_size=0, max_size=2))
def test_no_other_text_reads_as_the_same_token(place: int, instead: bytes) -> None:
    changed = _GOOD_TOKEN[:place] + instead + _GOOD_TOKEN[place + 1 :]
    original = read(_GOOD_TOKEN)
    try:
        parts = read(changed)
    except InvalidToken:
        return
    same = (parts.header, parts.payload, parts.signature) == (original.header, original.payload, original.signature)
    assert (changed == _GOOD_TOKEN) == (same and parts.message == original.message)
