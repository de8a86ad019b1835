"""No text of a token, and nothing secret in it, is in any exception, traceback, repr or log record."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator

import pytest

from cartaguard import Issuer, RemoteKeys, StaticKeys, TokenVerifier
from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError
from support.keys import SigningKey, b64, jwks, rsa_key
from support.served import Answer, serving
from support.tokens import CLIENT, ISSUER, NOW, Clock, bearer, id_claims, mint, token_for, verifier_for

CANARY = "canary7yellow7bird"
KEY = rsa_key()
MALLORY = SigningKey(KEY.kid, KEY.alg, rsa_key("mallory").private)


def with_header(**header: object) -> str:
    return mint(id_claims(), header=header)


TOKENS: dict[str, str] = {
    "garbage": CANARY,
    "two parts": f"{CANARY}.{CANARY}",
    "foreign letters": f"{CANARY}.{CANARY}.{CANARY}!",
    "not ASCII": f"{CANARY}é",
    "a header that is no JSON": f"{b64(CANARY.encode())}.e30.AAAA",
    "a payload that is no JSON": mint(b'{"sub": "' + CANARY.encode()),
    "a repeated claim": mint(b'{"' + CANARY.encode() + b'": 1, "' + CANARY.encode() + b'": 2}'),
    "a surrogate": mint(b'{"sub": "' + CANARY.encode() + b'\\ud800"}'),
    "not UTF-8": mint(b'{"sub": "' + CANARY.encode() + b'\xff"}'),
    "an unknown kid": with_header(kid=CANARY),
    "an unknown alg": with_header(alg=CANARY),
    "an unknown typ": with_header(typ=CANARY),
    "an unsupported header": with_header(crit=[CANARY]),
    "an address in the header": mint(id_claims(), MALLORY, header={"jku": f"https://{CANARY}.example"}),
    "a foreign issuer": token_for(iss=f"https://{CANARY}.example"),
    "a foreign client": token_for(aud=CANARY),
    "a foreign party": token_for(azp=CANARY),
    "another kind": token_for(token_use=CANARY),
    "an odd time": token_for(claims={"exp": CANARY}),
    "odd groups": token_for(claims={"cognito:groups": CANARY}),
    "another signature": token_for(CANARY, key=MALLORY),
    "expired": token_for(CANARY, now=NOW - 10_000),
    "of tomorrow": token_for(CANARY, now=NOW + 10_000),
    "too long": CANARY * 2000,
}


def everything_said_of(fault: BaseException) -> Iterator[str]:
    yield "".join(traceback.format_exception(fault))
    seen: BaseException | None = fault
    while seen is not None:
        yield repr(seen) + str(seen) + repr(seen.args) + repr(vars(seen))
        seen = seen.__cause__ or seen.__context__


def secrets_of(token: str) -> set[str]:
    """The canary, and every part of the token that is long enough to be told apart."""
    return {CANARY, b64(CANARY.encode())[:16], *(part for part in token.split(".") if len(part) > 16)}


WAYS: dict[str, Callable[[TokenVerifier, str], object]] = {
    "verify": lambda verifier, token: verifier.verify(token),
    "at hand": lambda verifier, token: verifier.at_hand([b"Bearer " + token.encode()]),
    "steps": lambda verifier, token: blocking.run(verifier.authenticate_steps([b"Bearer " + token.encode()])),
}


@pytest.mark.parametrize("what", TOKENS)
@pytest.mark.parametrize("way", WAYS)
def test_a_refused_token_leaves_no_trace(what: str, way: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token, verifier = TOKENS[what], verifier_for()
    with pytest.raises(CartaGuardError) as caught:
        WAYS[way](verifier, token)
    said = [*everything_said_of(caught.value), caplog.text, repr(verifier)]
    for secret in secrets_of(token):
        assert not any(secret in text for text in said)


def test_a_token_whose_keys_cannot_be_had_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = mint(id_claims(CANARY), header={"kid": CANARY})
    with serving() as served:
        served.answers["/keys"] = Answer(500)
        verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{served.url}/keys"))], clock=Clock())
        with pytest.raises(CartaGuardError) as caught:
            verifier.verify(token)
    said = [*everything_said_of(caught.value), caplog.text]
    assert "event=keys_unavailable" in caplog.text
    for secret in secrets_of(token):
        assert not any(secret in text for text in said)


def test_a_good_token_is_in_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_for(email=f"{CANARY}@example.org")
    verifier = verifier_for()
    claims, principal = verifier.verify(token), verifier.at_hand(bearer(token))
    assert principal is not None
    said = [repr(thing) for thing in (verifier, claims, principal, principal.credential)] + [caplog.text]
    for secret in secrets_of(token):
        assert not any(secret in text for text in said)


def test_a_key_that_is_skipped_is_logged_without_its_secret(caplog: pytest.LogCaptureFixture) -> None:
    StaticKeys(jwks(KEY.jwk(d=CANARY), KEY.jwk(kid="", n=CANARY)))
    assert "private or symmetric" in caplog.text
    assert CANARY not in caplog.text
