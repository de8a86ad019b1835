"""Where a fuzzer begins: good and bad examples of each kind of text, and the words that they are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from support.keys import ec_key, ed_key, jwks, rsa_key
from support.tokens import access_claims, id_claims, token_for

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


def seeds(target: str) -> Iterator[bytes]:
    """Examples for one target."""
    payloads = [json.dumps(claims).encode() for claims in (id_claims(groups=["A:b"], nbf=1, azp="x"), access_claims())]
    token = token_for().encode()
    if target in ("json", "claims"):
        yield from payloads
        yield from (b"{}", b'{"a": [1, -0, 1.5e3, true, null, "\\u00e9"]}', b'{"a": 1, "\\u0061": 2}', b"[" * 17 + b"]" * 17)
    if target in ("compact", "base64url"):
        yield token
        for name in ("json_web_signature_test.json", "json_web_key_test.json"):
            for group in json.loads((_VECTORS / name).read_text(encoding="utf-8"))["testGroups"]:
                yield from (test["jws"].encode() for test in group["tests"] if isinstance(test["jws"], str))
    if target == "header":
        yield from (b'{"alg": "RS256", "kid": "k", "typ": "JWT"}', b'{"alg":"RS256","kid":"k","typ":"application/at+jwt"}')
        yield from (b'{"alg": "RS256", "kid": "k", "crit": ["exp"]}', b'{"alg": "none"}', b'{"kid": "\\u0061", "alg": "a"}')
    if target == "credential":
        yield from (b"Bearer " + token, b"bearer a.b.c", b"Basic a", b"Basic a, Bearer b", b"Bearer", b"Bearer a b")
    if target == "keys":
        yield from (json.dumps(jwks(key)).encode() for key in (rsa_key(), ec_key(), ed_key()))
    if target == "path":
        yield from (text.encode("utf-8") for text in _PATHS)
