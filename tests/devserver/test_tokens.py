"""Tokens have exactly the claims that Cognito's have, and are verified by the library's own verifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from cartaguard import Issuer, RemoteKeys, TokenVerifier
from cartaguard.devserver.pool import POOL
from cartaguard.errors import CartaGuardError, InvalidToken
from cartaguard.testing import EmbeddedCarta

COMMON = {"sub", "iss", "iat", "auth_time", "exp", "jti", "origin_jti", "event_id", "token_use", "cognito:groups"}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def verifier(carta: EmbeddedCarta, *kinds: str) -> TokenVerifier:
    return TokenVerifier([Issuer(carta.issuer, client_ids=[POOL.client_id], token_use=kinds, keys=RemoteKeys(carta.jwks_uri))])


def test_an_id_token_says_who_somebody_is(seeded: EmbeddedCarta) -> None:
    token = seeded.token("adam")
    claims = claims_of(token)
    assert set(claims) == COMMON | {"aud", "cognito:username", "email", "email_verified", "given_name", "family_name"}
    assert claims["aud"] == seeded.client_id
    assert claims["cognito:username"] == "adam"
    assert claims["cognito:groups"] == ["AllUsers", "Aurora:All", "Aurora:Interns", "Aurora:Research"]
    assert claims["exp"] - claims["iat"] == 3600
    assert set(jwt.get_unverified_header(token)) == {"alg", "kid"}
    assert verifier(seeded, "id").verify(token)["email"] == "adam@example.org"


def test_an_access_token_names_the_client_and_nothing_of_the_profile(seeded: EmbeddedCarta) -> None:
    token = seeded.token("adam", use="access")
    claims = claims_of(token)
    assert set(claims) == COMMON | {"client_id", "username", "scope", "version"}
    assert jwt.get_unverified_header(token)["kid"] != jwt.get_unverified_header(seeded.token("adam"))["kid"]
    assert verifier(seeded, "access").verify(token)["username"] == "adam"


def test_the_groups_are_left_out_for_a_user_without_any(seeded: EmbeddedCarta) -> None:
    seeded.add_user("loner")
    assert "cognito:groups" not in claims_of(seeded.token("loner"))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"lifetime": -120}, "expired"),
        ({"client_id": "another"}, "wrong_audience"),
        ({"use": "access"}, "wrong_token_use"),
        ({"claims": {"exp": None}}, "missing_claim"),
        ({"claims": {"iss": "https://elsewhere.example"}}, "wrong_issuer"),
        ({"claims": {"cognito:groups": "Aurora:All"}}, "bad_claim"),
    ],
)
def test_a_token_can_be_made_wrong_on_purpose(seeded: EmbeddedCarta, options: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        verifier(seeded, "id").verify(seeded.token("olga", **options))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "mint", [lambda carta: carta.token("nobody"), lambda carta: carta.token("olga", use="refresh"), lambda carta: carta.token("")]
)
def test_there_is_no_token_for_nobody_or_of_another_kind(seeded: EmbeddedCarta, mint: Callable[[EmbeddedCarta], str]) -> None:
    with pytest.raises(CartaGuardError):
        mint(seeded)


def test_tokens_stay_good_over_a_rotation_and_new_ones_have_new_keys(empty: EmbeddedCarta) -> None:
    empty.add_user("olga")
    before = empty.token("olga")
    empty.rotate_keys()
    after = empty.token("olga")
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    for token in (before, after):
        assert verifier(empty, "id").verify(token)["cognito:username"] == "olga"
