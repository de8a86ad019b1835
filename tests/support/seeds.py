"""Where a fuzzer begins: good and bad examples of each kind of text, and the words that they are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from support.keys import ec_key, ed_key, jwks, rsa_key
from support.tokens import CLIENT, NOW, access_claims, id_claims, token_for

__all__ = ["DICTIONARY", "seeds"]

_VECTORS = Path(__file__).parents[1] / "vectors" / "wycheproof"

#: Words that a fuzzer would take long to find.
DICTIONARY: tuple[bytes, ...] = (
    *(b'"alg"', b'"kid"', b'"typ"', b'"crit"', b'"b64"', b'"zip"', b'"RS256"', b'"JWT"', b'"at+jwt"', b'"application/jwt"'),
    *(b'"exp":', b'"iat":', b'"nbf":', b'"aud":', b'"iss":', b'"sub":', b'"azp":', b'"token_use":', b'"cognito:groups":'),
    *(b'"kty":', b'"RSA"', b'"EC"', b'"OKP"', b'"crv":', b'"use":"sig"', b'"key_ops":["verify"]', b'"d":', b'"k":'),
    *(b"\\u0061", b"\\ud83d\\ude00", b"\\ud800", b"NaN", b"Infinity", b"1e400", b"-0", b"1E2", b"null", b"true", b"[[[[", b"{}"),
    *(b"Bearer ", b"bearer ", b", Bearer ", b"../", b"/./", b"//", b";", b"%2f", b"\\", b"\xef\xbf\xbd", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
)

_PATHS = ("", "/", "/a", "/a/", "/a/b", "//", "/a//b", "/..", "/a/../b", "/a;b", "/a%2fb", "/\u00e9", "/a\x00", "a", "/a\\b", "/\u2028")


#: Texts at the edges of what JSON may be.
_JSON = (
    *(
        b"{}",
        b'{"a": [1, -0, 1.5e3, true, null, "\\u00e9"]}',
        b'{"a": 1, "\\u0061": 2}',
        b'"\\ud83d\\ude00"',
        b'"\\ud83d"',
        b'{"\\ude00": 1}',
    ),
    *(
        b"[" * 16 + b"]" * 16,
        b"[" * 17 + b"]" * 17,
        b"9" * 20,
        b"-" + b"9" * 20,
        b"9" * 21,
        b"1." + b"1" * 38,
        b"1." + b"1" * 39,
        b"1e308",
        b"1e309",
    ),
)

#: What the types of a token may be, and what is nearly one.
_TYPES = (
    "JWT",
    "jwt",
    "at+jwt",
    "application/jwt",
    "APPLICATION/AT+JWT",
    "JWT ",
    " JWT",
    "",
    "JWE",
    "text/jwt",
    "application/",
    "\u212awt",
)

_EDGES = (-3600, -30.5, -30, -29.5, 0, 29.5, 30, 30.5, 3600)


def _claims() -> Iterator[dict[str, Any]]:
    """Tokens at the edges of their time, and with one claim of another form."""
    yield id_claims(groups=["A:b"])
    yield access_claims()
    for exp, iat in product(_EDGES, _EDGES):
        yield id_claims(exp=NOW + exp, iat=NOW + iat)
    for nbf in _EDGES:
        yield id_claims(nbf=NOW + nbf)
    for name in ("exp", "iat", "nbf"):
        yield from ({**id_claims(), name: value} for value in (0, -1, True, "1", None, 253402300799, 253402300800))
    for name in ("iss", "sub", "aud", "azp", "cognito:username", "cognito:groups", "scope", "token_use"):
        yield from ({**id_claims(), name: value} for value in ("", " ", "\u200b", "a", CLIENT, [CLIENT], [1], [], None, 7))


def seeds(target: str) -> Iterator[bytes]:
    """Examples for one target."""
    token = token_for().encode()
    if target == "json":
        yield from _JSON
    if target == "claims":
        yield from (json.dumps(claims).encode() for claims in _claims())
    if target in ("compact", "base64url"):
        yield token
        for name in ("json_web_signature_test.json", "json_web_key_test.json"):
            for group in json.loads((_VECTORS / name).read_text(encoding="utf-8"))["testGroups"]:
                yield from (test["jws"].encode() for test in group["tests"] if isinstance(test["jws"], str))
    if target == "header":
        yield from (json.dumps({"alg": "RS256", "kid": "k", "typ": typ}).encode() for typ in _TYPES)
        for name in ("crit", "b64", "zip", "enc", "cty", "jwk", "x"):
            yield json.dumps({"alg": "RS256", "kid": "k", name: ["exp"]}).encode()
        yield from (b'{"alg": "none"}', b'{"kid": "\\u0061", "alg": "a"}')
    if target == "credential":
        yield from (
            b"Bearer " + token,
            b"bearer a.b.c",
            b"Basic a",
            b"Basic a, Bearer b",
            b"Bearer",
            b"Bearer a b",
            b"Bearer a\tb",
            b"Bearer a,b",
        )
    if target == "keys":
        yield from (json.dumps(jwks(key)).encode() for key in (rsa_key(), ec_key(), ed_key()))
    if target == "path":
        yield from (text.encode("utf-8") for text in _PATHS)
