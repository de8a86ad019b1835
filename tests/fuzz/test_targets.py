"""Every reader agrees with its second opinion, on what a fuzzer began with, what it found, and what hypothesis draws."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.hostile import TARGETS
from support.seeds import DICTIONARY, seeds
from support.tokens import CLIENT, ISSUER, NOW, id_claims


@pytest.mark.parametrize("target", TARGETS)
def test_a_reader_agrees_with_its_second_opinion_on_every_example(target: str) -> None:
    examples = list(seeds(target))
    assert examples
    for raw in examples:
        TARGETS[target](raw)
    for raw in examples[:: max(1, len(examples) // 40)]:
        for place in range(0, len(raw), max(1, len(raw) // 40)):
            TARGETS[target](raw[:place] + raw[place + 1 :])
            TARGETS[target](raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(TARGETS)), st.binary(max_size=80) | st.lists(st.sampled_from(DICTIONARY) | st.binary(max_size=3)).map(b"".join)
)
def test_a_reader_agrees_with_its_second_opinion_on_any_bytes(target: str, raw: bytes) -> None:
    TARGETS[target](raw)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('{}[]",:\\u0019afdDeE+-. \tntrlsé\u2028'), max_size=24).map(str.encode))
def test_json_agrees_on_texts_that_are_nearly_json(raw: bytes) -> None:
    TARGETS["json"](raw)


_NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "enc", "cty", "jwk", "x"])
_WORDS = st.sampled_from(
    ["RS256", "k", "JWT", "jwt", "AT+JWT", "application/jwt", "application/at+jwt", "text/jwt", "JWT ", "\u212awt", ""]
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_NAMES, _WORDS | st.none() | st.integers(0, 1) | st.lists(_WORDS, max_size=1)), st.booleans(), st.booleans())
def test_the_compact_form_agrees_on_headers(members: dict[str, Any], complete: bool, escaped: bool) -> None:
    raw = json.dumps({**members, **({"alg": "RS256", "kid": "k"} if complete else {})}, ensure_ascii=escaped).encode()
    TARGETS["header"](raw)


_INSTANTS: st.SearchStrategy[Any] = st.sampled_from([0, -1, True, "1", None, 1e300, 253402300799, 253402300800, [], 0.5]) | st.builds(
    lambda offset, fraction: NOW + offset + fraction, st.sampled_from([-3600, -60, -30, 0, 30, 60, 3600]), st.sampled_from([-0.5, 0, 0.5])
)
_TEXTS: st.SearchStrategy[Any] = st.sampled_from(
    ["", " ", "a", " a", "\u200b", "\u00a0", "\x00", "\u3000a", CLIENT, CLIENT + " ", None, 1, [CLIENT], [], {}]
)


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "iss": st.sampled_from([ISSUER, ISSUER + "/", None]),
            "token_use": st.sampled_from(["id", "access", "refresh", ["id"]]),
            **dict.fromkeys(("exp", "iat", "nbf"), _INSTANTS),
            **dict.fromkeys(("aud", "client_id", "sub", "azp", "cognito:username", "username", "scope"), _TEXTS),
            "cognito:groups": _TEXTS | st.lists(_TEXTS, max_size=2),
        },
    ),
    st.sets(st.sampled_from(["iss", "sub", "exp", "iat", "aud", "token_use"]), max_size=1),
)
def test_the_verifier_agrees_on_claims(changes: dict[str, Any], missing: set[str]) -> None:
    claims = {name: value for name, value in {**id_claims(), "client_id": CLIENT, **changes}.items() if name not in missing}
    TARGETS["claims"](json.dumps(claims).encode())


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("/.a;\\%\x00\t\x7f\x85\u00e9\ufffd\ud800\u2028\ufeff\uff0e"), max_size=8))
def test_the_path_agrees_on_paths_that_are_nearly_good(text: str) -> None:
    TARGETS["path"](text.encode("utf-8", "surrogatepass"))
    TARGETS["path"](("/" + text).encode("utf-8", "surrogatepass"))
