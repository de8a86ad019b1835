"""What is held against its second opinion, for any bytes: by hypothesis in every run, by a fuzzer in `make fuzz`.

Each target takes bytes, and raises AssertionError where a reader accepts what the rules refuse, refuses what they
accept, reads something else, or fails with anything but its refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cartaguard import Issuer, TokenVerifier
from cartaguard.errors import InvalidPath, InvalidRequest, InvalidToken
from cartaguard.model.pattern import canonical
from cartaguard.tokens import compact, credential, jwk, strictjson
from cartaguard.tokens.base64url import decode
from cartaguard.tokens.claims import SignedClaims
from cartaguard.tokens.keys import Found, Keys
from cartaguard.tokens.refusals import CREDENTIAL_REFUSALS, TOKEN_REFUSALS
from support import oracles
from support.keys import b64
from support.tokens import CLIENT, ISSUER, NOW, Clock

__all__ = ["TARGETS"]

LEEWAY = 30


def reads_json(raw: bytes) -> None:
    """Strict JSON."""
    try:
        expected, good = oracles.JsonText(raw).value(), True
    except oracles.Refused:
        expected, good = None, False
    try:
        value = strictjson.read(raw)
    except strictjson.JsonError:
        assert not good
    else:
        assert good
        assert oracles.same(value, expected)


def reads_compact(raw: bytes) -> None:
    """The compact form with its header."""
    parts = oracles.compact(raw)
    named = None if parts is None else oracles.header(parts.header)
    try:
        read = compact.read(raw)
    except InvalidToken as fault:
        code = fault.code
    except InvalidRequest as fault:
        code = fault.code
        assert len(raw) > credential.LONGEST
    else:
        assert parts is not None
        assert read.header == named
        assert (read.payload, read.signature) == (parts.payload, parts.signature)
        assert ".".join(map(b64, parts)).encode() == raw == read.message + b"." + b64(read.signature).encode()
        assert read.segment == raw.partition(b".")[0]
        return
    assert code in TOKEN_REFUSALS or code in CREDENTIAL_REFUSALS
    assert named is None


def reads_header(raw: bytes) -> None:
    """A header, as the compact form has it: a fuzzer changes its JSON more easily than its base64url."""
    reads_compact(f"{b64(raw)}.e30.AAAA".encode())


class _AnySignature(Keys):
    """Keys by which every signature is good, so that what comes behind it is reached."""

    def find(self, kid: str, alg: str) -> Found:
        return Found(lambda signature, message: True, 0.0)


_VERIFIER = TokenVerifier(
    [Issuer(ISSUER, client_ids=[CLIENT], token_use=["id", "access"], keys=_AnySignature())], clock=Clock(), leeway=LEEWAY
)


def verifies_claims(raw: bytes) -> None:
    """A payload, as if it were signed."""
    expected = oracles.claims(raw, issuer=ISSUER, clients={CLIENT}, now=NOW, leeway=LEEWAY)
    token = ".".join((b64(b'{"alg":"RS256","kid":"k"}'), b64(raw), "AAAA")).encode()
    signed: SignedClaims | None = None
    try:
        signed = _VERIFIER.verify(token)
        caller = _VERIFIER.at_hand([b"Bearer " + token])
        assert caller is not None
        assert caller.subject == signed["sub"]
    except (InvalidToken, InvalidRequest):
        assert signed is None
        assert expected is None or len(token) > credential.LONGEST - len("Bearer ")
    else:
        assert expected is not None
        assert oracles.same(dict(signed), expected)


def verifies_credential(raw: bytes) -> None:
    """An ``Authorization`` value."""
    code, token = "", None
    try:
        token = credential.bearer_token([raw])
    except InvalidRequest as fault:
        code = fault.code
    assert not code or code in CREDENTIAL_REFUSALS
    assert token == oracles.bearer(raw)
    if token is not None:
        try:
            _VERIFIER.at_hand([raw])
        except (InvalidToken, InvalidRequest):
            """Whatever is wrong with it, it is refused and nothing else."""


def reads_keys(raw: bytes) -> None:
    """A key set: no bytes may crash its reader, and what is usable obeys the rules that can be told from outside."""
    try:
        document = strictjson.read(raw)
    except strictjson.JsonError:
        return
    for key in jwk.read_keys(document, "fuzz") or ():
        assert key.kid
        assert key.algorithms <= set(jwk.FAMILIES)
        for alg in key.algorithms:
            assert not key.check(alg)(bytes(64), b"message")


def reads_base64url(raw: bytes) -> None:
    """Base64url."""
    value = decode(raw)
    whole = oracles.compact(b"AAAA." + (raw or b"!") + b".AAAA")
    assert (value or None) == (None if whole is None else whole.payload) or len(raw) > credential.LONGEST - 10


def reads_path(raw: bytes) -> None:
    """A path, of any code points."""
    text = raw.decode("utf-8", "surrogatepass") if _is_text(raw) else raw.decode("latin-1")
    try:
        read: str | None = canonical(text)
    except InvalidPath:
        read = None
    assert read == oracles.path(text)


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "json": reads_json,
    "compact": reads_compact,
    "header": reads_header,
    "claims": verifies_claims,
    "credential": verifies_credential,
    "keys": reads_keys,
    "base64url": reads_base64url,
    "path": reads_path,
}
