"""Project Wycheproof's vectors for JSON Web Signatures and Keys (see vectors/wycheproof/SOURCE.md).

Their payloads are texts such as ``foo`` and no claims. So each one is judged before the claims: reader, header,
algorithm, key and signature. Whatever else this verifier demands can only refuse more.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Issuer, StaticKeys, TokenVerifier
from cartaguard.errors import CartaGuardError, InvalidToken
from cartaguard.tokens import compact
from cartaguard.tokens.jwk import FAMILIES
from support.tokens import CLIENT, Clock

VECTORS = Path(__file__).parents[1] / "vectors" / "wycheproof"

#: Valid vectors that a rule of ours refuses, with that rule's code. The three parts of a token are not empty; a
#: key's `alg` is absent or the token's (346, 350: a PS256 key for a PS384 token; 347, 351: there is no ES521).
STRICTER = {
    259: "malformed",
    264: "malformed",
    268: "malformed",
    272: "malformed",
    320: "malformed",
    325: "malformed",
    346: "unknown_key",
    347: "unknown_key",
    350: "unknown_key",
    351: "unknown_key",
}


def cases(name: str) -> list[Any]:
    return list(_cases(name))


def _cases(name: str) -> Iterator[Any]:
    for group in json.loads((VECTORS / name).read_text())["testGroups"]:
        public = group.get("public") or {"keys": []}
        keys = public.get("keys", [public])
        for test in group["tests"]:
            yield pytest.param(keys, test, id=f"{test['tcId']}-{test['comment']}")


def judge(keys: list[Mapping[str, Any]], token: str) -> str:
    """The code of the refusal, or nothing, of everything that comes before the claims."""
    try:
        parts = compact.read(token.encode())
        if parts.header.alg not in FAMILIES:
            return "alg_not_allowed"
        found = StaticKeys({"keys": keys}).find(*parts.header)
        return "" if found.check(parts.signature, parts.message) else "bad_signature"
    except InvalidToken as fault:
        return fault.code


@pytest.mark.parametrize(("keys", "test"), cases("json_web_signature_test.json"))
def test_every_invalid_signature_is_refused_and_every_valid_one_accepted(keys: list[Any], test: dict[str, Any]) -> None:
    code = judge(keys, test["jws"])
    if test["result"] == "valid" and keys[0:1] and keys[0]["kty"] != "oct":
        assert code == STRICTER.get(test["tcId"], "")
    else:
        assert code


def _rule(keys: list[Mapping[str, Any]], token: str) -> str:
    """The rule that a vector breaks, told without the reader."""
    if "" in token.split("."):
        return "malformed"
    [key] = keys
    header = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    return "unknown_key" if "alg" in key and key["alg"] != header["alg"] else ""


@pytest.mark.parametrize(
    ("keys", "test"), [case.values for case in cases("json_web_signature_test.json") if case.values[1]["tcId"] in STRICTER]
)
def test_each_valid_vector_that_is_refused_breaks_the_rule_that_is_named(keys: list[Any], test: dict[str, Any]) -> None:
    assert test["result"] == "valid"
    assert _rule(keys, test["jws"]) == STRICTER[test["tcId"]]


@pytest.mark.parametrize(("keys", "test"), cases("json_web_key_test.json"))
def test_every_key_that_must_not_be_used_is_not(keys: list[Any], test: dict[str, Any]) -> None:
    code = judge(keys, test["jws"])
    usable = any(key["kty"] != "oct" for key in keys)
    assert bool(code) == (test["result"] != "valid" or not usable)


@pytest.mark.parametrize("name", ["json_web_signature_test.json", "json_web_key_test.json"])
def test_the_whole_verifier_accepts_none_of_them(name: str) -> None:
    for case in cases(name):
        keys, test = case.values
        issuer = Issuer("https://issuer.example", client_ids=[CLIENT], algorithms=FAMILIES, keys=StaticKeys({"keys": keys}))
        with pytest.raises(CartaGuardError):
            TokenVerifier([issuer], clock=Clock()).verify(test["jws"])
