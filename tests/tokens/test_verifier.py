"""TokenVerifier: the order of things, the issuers and the fast path."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Issuer, Principal, RemoteKeys, StaticKeys, TokenVerifier
from cartaguard.drivers import blocking
from cartaguard.errors import ConfigurationError, InvalidRequest, InvalidToken
from cartaguard.tokens.claims import SignedClaims
from support.keys import SigningKey, b64, ec_key, jwks, rsa_key
from support.served import Answer, serving
from support.tokens import CLIENT, ISSUER, NOW, Clock, bearer, id_claims, mint, token_for, verifier_for
from support.worded import worded

KEY = rsa_key()
MALLORY = SigningKey(KEY.kid, KEY.alg, rsa_key("mallory").private)


def code_of(verifier: TokenVerifier, token: Any) -> str:
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token)
    return caught.value.code


@pytest.mark.parametrize("form", [str, str.encode])
def test_a_good_token_gives_its_claims(form: Any) -> None:
    claims = verifier_for().verify(form(token_for()))
    assert isinstance(claims, SignedClaims)
    assert claims == id_claims()


def test_the_async_twin_gives_the_same() -> None:
    verifier = verifier_for()

    async def story() -> tuple[SignedClaims, str]:
        with pytest.raises(InvalidToken) as caught:
            await verifier.averify(token_for(key=MALLORY))
        return await verifier.averify(token_for()), caught.value.code

    assert asyncio.run(story()) == (verifier.verify(token_for()), "bad_signature")


@pytest.mark.parametrize("token", [None, 7, "", "é.é.é", "\ud800", bytearray(b"a.b.c"), ["a"]])
def test_what_is_no_token_is_malformed(token: Any) -> None:
    assert code_of(verifier_for(), token) == "malformed"


def test_a_token_over_16_kib_is_a_bad_request() -> None:
    with pytest.raises(InvalidRequest):
        verifier_for().verify("a" * 20_000)


def test_a_token_is_refused_unless_the_very_key_of_its_kid_signed_it() -> None:
    verifier = verifier_for()
    assert code_of(verifier, token_for(key=MALLORY)) == "bad_signature"
    assert code_of(verifier, token_for(key=rsa_key("other"))) == "unknown_key"
    good, other = token_for().split("."), token_for("adam").split(".")
    assert code_of(verifier, ".".join([good[0], other[1], good[2]])) == "bad_signature"


def test_a_known_header_does_not_lend_its_key_to_another_issuer_or_algorithm() -> None:
    """Two issuers with the same `kid`, one header segment: each token is checked with its own issuer's key."""
    other = SigningKey(KEY.kid, KEY.alg, rsa_key("mallory").private)
    verifier = TokenVerifier(
        [
            Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(KEY))),
            Issuer("https://other.example", client_ids=["other"], keys=StaticKeys(jwks(other))),
        ],
        clock=Clock(),
    )
    assert verifier.issuers == (ISSUER, "https://other.example")
    assert verifier.verify(token_for()).issuer == ISSUER
    assert verifier.verify(token_for(key=other, iss="https://other.example", aud="other")).issuer == "https://other.example"
    assert code_of(verifier, token_for(key=other)) == "bad_signature"
    assert code_of(verifier, token_for(iss="https://other.example", aud="other")) == "bad_signature"
    assert code_of(verifier, token_for(aud="other")) == "wrong_audience"
    assert code_of(verifier, token_for(iss="https://third.example")) == "wrong_issuer"


@pytest.mark.parametrize("iss", [ISSUER + "/", ISSUER.upper(), ISSUER + " ", "", None, 7, [ISSUER], {"a": ISSUER}])
def test_the_issuer_is_compared_exactly(iss: Any) -> None:
    assert code_of(verifier_for(), mint({**id_claims(), "iss": iss})) == "wrong_issuer"


def test_a_missing_issuer_is_refused() -> None:
    assert code_of(verifier_for(), mint(id_claims(iss=None))) == "wrong_issuer"


def test_the_algorithm_is_one_of_the_issuers_list_and_of_the_key() -> None:
    elliptic = ec_key()
    assert code_of(verifier_for(KEY, elliptic), token_for(key=elliptic)) == "alg_not_allowed"
    both = verifier_for(KEY, elliptic, algorithms=["RS256", "ES256"])
    assert both.verify(token_for(key=elliptic))
    assert code_of(both, mint(id_claims(), KEY, header={"alg": "ES256"})) == "unknown_key"
    for alg in ("none", "HS256", "rs256", "RS256 ", "PS256"):
        assert code_of(both, mint(id_claims(), KEY, header={"alg": alg})) == "alg_not_allowed"


def test_the_public_key_as_a_shared_secret_does_not_pass() -> None:
    header = b64(b'{"alg":"HS256","kid":"rsa-1"}')
    assert code_of(verifier_for(), f"{header}.{token_for().split('.')[1]}.{b64(b'0' * 32)}") == "alg_not_allowed"


def test_a_payload_that_is_no_object_is_refused_however_well_signed() -> None:
    for payload in (b"foo", b"[]", b'{"iss": 1, "iss": 2}'):
        assert code_of(verifier_for(), mint(payload)) == "bad_json"


@pytest.mark.parametrize(
    ("values", "code"),
    [([b"Bearer a.b"], "malformed"), ([b"Bearer " + token_for(key=MALLORY).encode()], "bad_signature")],
)
def test_a_bad_credential_is_refused_at_hand_and_by_the_steps_alike(values: list[bytes], code: str) -> None:
    verifier = verifier_for()
    with pytest.raises(InvalidToken) as caught:
        verifier.at_hand(values)
    with pytest.raises(InvalidToken) as again:
        blocking.run(verifier.authenticate_steps(values))
    assert caught.value.code == again.value.code == code
    with pytest.raises(InvalidRequest):
        verifier.at_hand(values * 2)


@pytest.mark.parametrize("values", [[], [b"Basic abc"], [b""]])
def test_without_a_bearer_credential_the_caller_is_anonymous(values: list[bytes]) -> None:
    assert verifier_for().at_hand(values) is Principal.anonymous
    assert blocking.run(verifier_for().authenticate_steps(values)) is Principal.anonymous


@pytest.mark.remembers
def test_a_verified_token_is_at_hand_until_it_expires_and_is_then_refused() -> None:
    clock = Clock()
    verifier = verifier_for(clock=clock)
    values = bearer(token_for(life=100))
    assert verifier.cached(values[0]) is None
    principal = verifier.at_hand(values)
    assert principal is verifier.cached(values[0]) is verifier.at_hand(values)
    clock.now = NOW + 129.999
    assert verifier.cached(values[0]) is principal
    clock.now = NOW + 130
    assert verifier.cached(values[0]) is None
    with pytest.raises(InvalidToken) as caught:
        verifier.at_hand(values)
    assert caught.value.code == "expired"


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 30), st.floats(NOW - 50, NOW + 50), st.floats(0.001, 100), st.lists(st.floats(NOW - 100, NOW + 200), max_size=6))
def test_a_cached_token_and_a_cold_one_are_refused_at_the_same_instants(
    leeway: float, iat: float, life: float, instants: list[float]
) -> None:
    clock = Clock()
    issuer = Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(KEY)))
    warm, cold = (TokenVerifier([issuer], leeway=leeway, clock=clock, max_tokens=bound) for bound in (10, 0))
    values = bearer(token_for(claims={"iat": iat, "exp": iat + life, "nbf": iat}))

    def outcome(verifier: TokenVerifier) -> str:
        try:
            return "ok" if verifier.at_hand(values) else "fetch"
        except InvalidToken as fault:
            return fault.code

    for clock.now in (iat, *instants, iat + life + leeway, iat - leeway, iat):
        assert outcome(warm) == outcome(cold)
        assert warm.cached(values[0]) is None or outcome(cold) == "ok"


def test_a_refused_token_is_not_remembered() -> None:
    verifier = verifier_for()
    values = bearer(token_for(aud="foreign"))
    for _ in range(2):
        with pytest.raises(InvalidToken):
            verifier.at_hand(values)
    assert verifier.cached(values[0]) is None


@pytest.mark.remembers
def test_only_headers_of_good_signatures_are_remembered_and_not_without_end() -> None:
    verifier = verifier_for()
    for number in range(300):
        with pytest.raises(InvalidToken):
            verifier.verify(mint(id_claims(), MALLORY, header={"x": number}))
    assert verifier._headers == {}
    for number in range(300):
        assert verifier.verify(mint(id_claims(), KEY, header={"x": number}))
    assert len(verifier._headers) == 300 - 256


def test_the_cache_is_bounded() -> None:
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(KEY)))], clock=Clock(), max_tokens=3)
    values = [bearer(token_for(f"user-{number}")) for number in range(5)]
    for value in values:
        assert verifier.at_hand(value)
    assert [verifier.cached(value[0]) is not None for value in values] == [False, False, True, True, True]


@pytest.mark.remembers
def test_10_000_tokens_are_remembered_where_nothing_else_is_said() -> None:
    shelf = verifier_for()._cache.shelf
    for number in range(10_001):
        shelf.put(str(number).encode(), Principal.anonymous, NOW, NOW + 1)
    assert len(shelf.entries) == 10_000


def test_tokens_whose_key_is_stale_push_no_other_one_out() -> None:
    """They are not remembered themselves."""
    clock = Clock()
    with serving() as served:
        served.answers["/keys"] = Answer.of(jwks(KEY))
        remote = Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{served.url}/keys"))
        static = Issuer("https://other.example", client_ids=[CLIENT], keys=StaticKeys(jwks(KEY)))
        verifier = TokenVerifier([remote, static], clock=clock, max_tokens=1)
        assert verifier.verify(token_for())
        served.answers["/keys"] = Answer(500)
        clock.now += 300
        values = bearer(token_for(iss="https://other.example"))
        assert verifier.at_hand(values) is not None
        assert blocking.run(verifier.authenticate_steps(bearer(token_for()))).authenticated
    assert verifier.cached(values[0]) is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuers": []}, "no_issuer"),
        ({"leeway": -1}, "bad_leeway"),
        ({"leeway": 30.5}, "bad_leeway"),
        ({"leeway": float("nan")}, "bad_leeway"),
        ({"max_tokens": -1}, "bad_max_tokens"),
    ],
)
def test_what_is_out_of_range_is_a_configuration_error(changes: dict[str, Any], code: str) -> None:
    values: dict[str, Any] = {"issuers": [Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(KEY)))], **changes}
    with pytest.raises(ConfigurationError) as caught:
        TokenVerifier(**values)
    assert caught.value.code == code
    assert worded(caught.value)


def test_an_issuer_may_not_be_given_twice() -> None:
    same_name = [Issuer(ISSUER, client_ids=[client], keys=StaticKeys(jwks(KEY))) for client in ("a", "b")]
    same_server = [Issuer.carta("https://carta.example"), Issuer.carta("https://carta.example/")]
    for issuers in (same_name, same_server):
        with pytest.raises(ConfigurationError, match="twice") as caught:
            TokenVerifier(issuers)
        assert caught.value.code == "repeated_issuer"


def test_a_verifier_shows_its_issuers() -> None:
    assert repr(verifier_for()) == f"<TokenVerifier of {ISSUER}>"
    both = [Issuer(name, client_ids=[CLIENT], keys=StaticKeys(jwks(KEY))) for name in (ISSUER, "https://b.example")]
    assert repr(TokenVerifier(both)) == f"<TokenVerifier of {ISSUER}, https://b.example>"


def test_importing_the_verifier_loads_no_cryptography_http_client_or_event_loop() -> None:
    heavy = ["asyncio", "cryptography", "httpx", "httpx2", "jwt", "ssl"]
    script = f"import cartaguard.tokens.verifier, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
