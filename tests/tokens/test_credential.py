"""Credential: which ``Authorization`` values hold one bearer token."""

from __future__ import annotations

import pytest

from cartaguard.errors import InvalidRequest
from cartaguard.tokens.credential import LONGEST, bearer_token, octets
from cartaguard.tokens.refusals import CREDENTIAL_REFUSALS


@pytest.mark.parametrize(
    ("values", "token"),
    [
        ([], None),
        ([b""], None),
        ([b"Basic dXNlcjpwYXNz"], None),
        ([b"Basic"], None),
        ([b'Digest username="a", realm="b"'], None),
        ([b"Bearerx abc"], None),
        ([b"Bearer\tabc"], None),
        ([b" Bearer abc"], None),
        ([b"Bearer a.b.c"], b"a.b.c"),
        ([b"bearer a.b.c"], b"a.b.c"),
        ([b"BEARER a.b.c"], b"a.b.c"),
        ([b"Bearer \xff\x00"], b"\xff\x00"),
        ([b"Bearer \x0b\r"], b"\x0b\r"),
        ([b"Bearer X"], b"X"),
        ([b"Basic a,\x0bBearer b"], None),
        ([b"Basic a,XBearer b"], None),
        ([b"Bearer " + b"a" * (LONGEST - 7)], b"a" * (LONGEST - 7)),
    ],
)
def test_one_bearer_credential_is_found_and_another_scheme_is_none(values: list[bytes], token: bytes | None) -> None:
    assert bearer_token(values) == token


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([b"Bearer a", b"Bearer a"], "repeated_authorization"),
        ([b"Basic a", b"Bearer b"], "repeated_authorization"),
        ([b"Bearer a"] * 3, "repeated_authorization"),
        ([b"", b""], "repeated_authorization"),
        ([b"Bearer"], "missing_token"),
        ([b"Bearer "], "missing_token"),
        ([b"bearer    "], "missing_token"),
        ([b"Bearer \t"], "missing_token"),
        ([b"Bearer  a"], "several_credentials"),
        ([b"Bearer a "], "several_credentials"),
        ([b"Bearer a b"], "several_credentials"),
        ([b"Bearer a\tb"], "several_credentials"),
        ([b"Bearer a,b"], "several_credentials"),
        ([b"Bearer a, Bearer b"], "several_credentials"),
        ([b"Bearer a,Basic b"], "several_credentials"),
        ([b"Basic a, Bearer b"], "several_credentials"),
        ([b"Basic a,bearer b"], "several_credentials"),
        ([b"Bearer " + b"a" * (LONGEST - 6)], "too_long"),
        ([b"Basic " + b"a" * LONGEST], "too_long"),
    ],
)
def test_what_is_not_one_credential_is_a_bad_request(values: list[bytes], code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bearer_token(values)
    assert (caught.value.code, str(caught.value)) == (code, CREDENTIAL_REFUSALS[code])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\tBearer a.b.c ", b"\tBearer a.b.c "),
        ("Bearer a.b.c", b"Bearer a.b.c"),
        ("", b""),
        ("Bearer \xe4", b"Bearer \xe4"),
        ("Bearer \u20ac", b"Bearer ?"),
        ("X\xa0Bearer a.b.c\x85X", b"X\xa0Bearer a.b.c\x85X"),
        ("\xa0Bearer a.b.c\x85", b"\xa0Bearer a.b.c\x85"),
        # Werkzeug keeps what RFC 9110 says is not there; the token is the same behind every server.
        ("\tBearer a.b.c ", b"Bearer a.b.c"),
    ],
)
def test_text_of_a_wsgi_server_is_the_bytes_that_the_client_sent_without_space_around_them(value: bytes | str, expected: bytes) -> None:
    assert octets(value) == expected
    assert bearer_token([value]) == bearer_token([expected])
