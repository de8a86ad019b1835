"""Every credential that the conformance file names, made with real keys: good ones, bad ones, and none."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from support.doors import Headers
from support.keys import b64, ec_key, rsa_key
from support.tokens import CLIENT, ISSUER, NOW, access_claims, id_claims, mint, token_for

__all__ = ["CREDENTIALS", "headers_of"]


def _token(**changes: Any) -> str:
    """An ID token of olga with these changes."""
    return token_for("olga", **changes)


def _signed(payload: bytes) -> str:
    """Olga's signature over a payload as it is."""
    return mint(payload)


def _payload(**changes: Any) -> str:
    return json.dumps(id_claims("olga", **changes))


def _tampered() -> str:
    """Nina's signature under a payload that says olga."""
    header, _, signature = token_for("nina").split(".")
    return ".".join((header, token_for("olga").split(".")[1], signature))


def _unsigned(signature: str) -> str:
    header = b64(b'{"alg": "none", "kid": "rsa-1"}')
    return f"{header}.{b64(_payload().encode())}.{signature}"


def _hs256() -> str:
    """A token whose shared secret is the issuer's public key, as anybody can read it (CVE-2015-9235)."""
    pem = rsa_key().private.public_key().public_bytes(*_pem_format())
    header = b64(b'{"alg": "HS256", "kid": "rsa-1"}')
    message = f"{header}.{b64(_payload().encode())}"
    return f"{message}.{b64(hmac.digest(pem, message.encode(), 'sha256'))}"


def _pem_format() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def _own_key(member: str) -> str:
    """A token that brings the key it is signed with."""
    own = rsa_key("own")
    value: object = {"jwk": own.jwk(), "jku": "https://keys.example.org/jwks.json", "x5c": ["MIIB"]}[member]
    return mint(id_claims("olga"), own, header={member: value})


def _other_key() -> str:
    """Signed with a key that is not the issuer's, under the name of one that is."""
    return mint(id_claims("olga"), rsa_key("own"), header={"kid": "rsa-1"})


def _cut() -> str:
    """Two bytes of the signature are missing."""
    message, _, signature = token_for("olga").rpartition(".")
    return f"{message}.{b64(base64.urlsafe_b64decode(signature + '==')[:-2])}"


def _padded() -> str:
    header, payload, signature = token_for("olga").split(".")
    return ".".join((header, payload, signature + "=="))


def _standard_base64() -> str:
    """The two letters of the other base64 alphabet."""
    header, payload, signature = mint(_payload(name="???>>>~~~").encode()).split(".")
    return ".".join((header, base64.b64encode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).decode(), signature))


_TOKENS: dict[str, Callable[[], str]] = {
    "long expired": lambda: _token(now=NOW - 90_000),
    "just expired": lambda: _token(now=NOW - 3630),
    "expired within the leeway": lambda: _token(now=NOW - 3629),
    "issued in the future": lambda: _token(now=NOW + 31),
    "issued within the leeway": lambda: _token(now=NOW + 30),
    "not yet valid": lambda: _token(nbf=int(NOW) + 31),
    "never valid": lambda: _token(exp=int(NOW)),
    "exp as text": lambda: _token(exp=str(int(NOW) + 3600)),
    "exp as true": lambda: _token(exp=True),
    "exp beyond all dates": lambda: _token(exp=253402300800),
    "without exp": lambda: _token(exp=None),
    "without iat": lambda: _token(iat=None),
    "without sub": lambda: _token(sub=None),
    "blank sub": lambda: _token(sub=" "),
    "foreign issuer": lambda: _token(iss="https://cognito-idp.us-east-2.amazonaws.com/us-east-2_Another99"),
    "issuer with a slash": lambda: _token(iss=ISSUER + "/"),
    "without issuer": lambda: _token(iss=None),
    "sibling client": lambda: _token(aud="another1client2of3the4pool"),
    "list of audiences": lambda: _token(aud=[CLIENT]),
    "without audience": lambda: _token(aud=None),
    "foreign azp": lambda: _token(azp="another1client2of3the4pool"),
    "access token of a sibling client": lambda: mint(access_claims("olga", client_id="another1client2of3the4pool")),
    "access token with aud alone": lambda: mint(access_claims("olga", client_id=None, aud=CLIENT)),
    "refresh token": lambda: _token(token_use="refresh"),
    "without token_use": lambda: _token(token_use=None),
    "token_use as a list": lambda: _token(token_use=["id"]),
    "groups as text": lambda: _token(claims={"cognito:groups": "OrgA:Team"}),
    "groups with a number": lambda: _token(claims={"cognito:groups": ["OrgA:Team", 7]}),
    "alg none, unsigned": lambda: _unsigned(""),
    "alg none": lambda: _unsigned(b64(b"signature")),
    "HS256 with the public key": _hs256,
    "RS512": lambda: mint(id_claims("olga"), rsa_key(alg="RS512")),
    "ES256": lambda: mint(id_claims("olga"), ec_key()),
    "alg in lower case": lambda: mint(id_claims("olga"), header={"alg": "rs256"}),
    "without alg": lambda: mint(id_claims("olga"), header={"alg": None}),
    "unknown kid": lambda: mint(id_claims("olga"), rsa_key("rsa-2")),
    "without kid": lambda: mint(id_claims("olga"), header={"kid": None}),
    "kid as a number": lambda: mint(id_claims("olga"), header={"kid": 1}),
    "another key under a known kid": _other_key,
    "brings its own jwk": lambda: _own_key("jwk"),
    "brings its own jku": lambda: _own_key("jku"),
    "brings its own x5c": lambda: _own_key("x5c"),
    "crit": lambda: mint(id_claims("olga"), header={"crit": ["exp"]}),
    "typ JWE": lambda: mint(id_claims("olga"), header={"typ": "JWE"}),
    "typ at+jwt": lambda: mint(id_claims("olga"), header={"typ": "application/at+JWT"}),
    "tampered": _tampered,
    "cut signature": _cut,
    "padded": _padded,
    "other base64 alphabet": _standard_base64,
    "sub twice": lambda: _signed(_payload()[:-1].encode() + b', "sub": "sub-nina"}'),
    "NaN": lambda: _signed(_payload(name=float("nan")).encode()),
    "list for a payload": lambda: _signed(b"[]"),
    "payload in Latin-1": lambda: _signed(b'{"name": "\xe4"}'),
    "deep payload": lambda: _signed(b'{"name": ' + b"[" * 20 + b"]" * 20 + b"}"),
    "garbage": lambda: "garbage",
    "two parts": lambda: token_for("olga").rpartition(".")[0],
    "four parts": lambda: token_for("olga") + ".AAAA",
    "nothing but dots": lambda: "." * 16_000,
    "empty part": lambda: ".".join((token_for("olga").split(".")[0], "", "AAAA")),
    "exactly 16 KiB": lambda: "x" * (16 * 1024 - len("Bearer ")),
    "over 16 KiB": lambda: "x" * (16 * 1024 - len("Bearer ") + 1),
    # Good ones, with something to say.
    "olga, e-mail not verified": lambda: _token(email_verified=False),
    "olga, e-mail verified as text": lambda: _token(email_verified="true"),
    "olga by access token": lambda: mint(access_claims("olga")),
    "nina with uploads/write": lambda: mint(access_claims("nina", scope="openid uploads/write")),
    "nina with both uploads scopes": lambda: mint(access_claims("nina", scope="uploads/read uploads/write")),
    "nina with Uploads/Write": lambda: mint(access_claims("nina", scope="Uploads/Write")),
    "mia with uploads/write": lambda: mint(access_claims("mia", scope="uploads/write")),
    "stranger of OrgA:Team": lambda: token_for("stranger", ["OrgA:Team"]),
    "stranger of OrgA:Inner": lambda: token_for("stranger", ["OrgA:Inner"]),
    "stranger of orga:team": lambda: token_for("stranger", ["orga:team"]),
    "stranger of a list in text": lambda: token_for("stranger", ["OrgA:Team,OrgB:Readers"]),
    "physicist": lambda: token_for("nina", department="physics"),
    "Physicist": lambda: token_for("nina", department="Physics"),
    "physicist among others": lambda: token_for("nina", department=["chemistry", "physics"]),
    "level 1": lambda: token_for("nina", level=1),
    "level true": lambda: token_for("nina", level=True),
    "level as text": lambda: token_for("nina", level="1"),
    "another sub as olga": lambda: token_for("olga", sub="sub-of-somebody-else"),
}

_PEOPLE = ("olga", "ada", "uli", "gus", "cleo", "max", "mia", "nina", "otto", "stranger")


def _good() -> bytes:
    return token_for("olga").encode()


def _basic() -> bytes:
    return b"Basic " + base64.b64encode(b"olga:password")


_HEADERS: dict[str, Callable[[], list[bytes]]] = {
    "nobody": list,
    "lower-case scheme": lambda: [b"bearer " + _good()],
    "upper-case scheme": lambda: [b"BEARER " + _good()],
    "Basic": lambda: [_basic()],
    "another scheme with a good token": lambda: [b"Token " + _good()],
    "no scheme": lambda: [_good()],
    "Bearer alone": lambda: [b"Bearer"],
    "Bearer and a space": lambda: [b"Bearer "],
    "empty header": lambda: [b""],
    "two spaces": lambda: [b"Bearer  " + _good()],
    "a tab": lambda: [b"Bearer\t" + _good()],
    "a comma behind": lambda: [b"Bearer " + _good() + b","],
    "two tokens in one": lambda: [b"Bearer " + _good() + b", Bearer " + _good()],
    "two words": lambda: [b"Bearer " + _good() + b" " + _good()],
    "Basic, then Bearer in one": lambda: [_basic() + b", Bearer " + _good()],
    "header twice": lambda: [b"Bearer " + _good(), b"Bearer " + _good()],
    "header twice, two people": lambda: [b"Bearer " + token_for("nina").encode(), b"Bearer " + _good()],
    "Basic header, Bearer header": lambda: [_basic(), b"Bearer " + _good()],
    "bytes beyond ASCII": lambda: [b"Bearer \xc3\xa4\xff.\xff.\xff"],
}

CREDENTIALS: dict[str, Callable[[], list[bytes]]] = {
    **_HEADERS,
    **{name: lambda name=name: [b"Bearer " + token_for(name).encode()] for name in _PEOPLE},  # type: ignore[misc]
    **{name: lambda make=make: [b"Bearer " + make().encode("latin-1")] for name, make in _TOKENS.items()},  # type: ignore[misc]
}


@cache
def headers_of(credential: str) -> Headers:
    """The ``Authorization`` headers of a credential; made once, as signing is slow."""
    return tuple(("Authorization", value) for value in CREDENTIALS[credential]())
