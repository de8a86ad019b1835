"""Issuers: what is set up wrongly is found when it is built."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cartaguard import Issuer, RemoteKeys, StaticKeys, TokenVerifier
from cartaguard.errors import ConfigurationError
from support.keys import jwks, rsa_key
from support.tokens import CLIENT, ISSUER, Clock, token_for
from support.worded import worded

KEYS = StaticKeys(jwks(rsa_key()))


def test_an_issuer_keeps_what_it_is_given() -> None:
    issuer = Issuer(ISSUER, client_ids=["a", "b"], token_use=("id", "access"), algorithms=["RS256", "ES256"], keys=KEYS)
    assert (issuer.name, issuer.keys) == (ISSUER, KEYS)
    assert issuer.client_ids == {"a", "b"}
    assert issuer.token_use == {"id", "access"}
    assert issuer.algorithms == {"RS256", "ES256"}
    assert repr(issuer) == f"<Issuer '{ISSUER}'>"


def test_by_default_only_rs256_id_tokens_are_accepted() -> None:
    issuer = Issuer(ISSUER, client_ids={CLIENT}, keys=KEYS)
    assert issuer.token_use == {"id"}
    assert issuer.algorithms == {"RS256"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "bad_issuer"),
        ({"name": " "}, "bad_issuer"),
        ({"name": None}, "bad_issuer"),
        ({"keys": None}, "bad_issuer"),
        ({"keys": jwks(rsa_key())}, "bad_issuer"),
        ({"client_ids": []}, "bad_client_ids"),
        ({"client_ids": ()}, "bad_client_ids"),
        ({"client_ids": [""]}, "bad_client_ids"),
        ({"client_ids": [" "]}, "bad_client_ids"),
        ({"client_ids": [None]}, "bad_client_ids"),
        ({"client_ids": [[]]}, "bad_client_ids"),
        ({"client_ids": CLIENT}, "bad_client_ids"),
        ({"token_use": []}, "bad_token_use"),
        ({"token_use": "id"}, "bad_token_use"),
        ({"token_use": ["refresh"]}, "bad_token_use"),
        ({"token_use": ["id", "ID"]}, "bad_token_use"),
        ({"algorithms": []}, "bad_algorithms"),
        ({"algorithms": "RS256"}, "bad_algorithms"),
        *[
            ({"algorithms": ["RS256", alg]}, "bad_algorithms")
            for alg in ("none", "None", "HS256", "HS384", "HS512", "ES256K", "rs256", "", None)
        ],
    ],
)
def test_anything_empty_or_unknown_is_a_configuration_error(changes: dict[str, Any], code: str) -> None:
    values: dict[str, Any] = {"name": ISSUER, "client_ids": [CLIENT], "keys": KEYS, **changes}
    with pytest.raises(ConfigurationError) as caught:
        Issuer(values.pop("name"), **values)
    assert caught.value.code == code
    assert "`" in worded(caught.value)


def test_a_kind_of_token_that_is_unknown_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Issuer(ISSUER, client_ids=[CLIENT], keys=KEYS, token_use=["refresh"])
    assert str(caught.value) == "`token_use` holds `refresh`; use only id, access"


def test_a_cognito_pool_has_its_name_and_keys_at_aws() -> None:
    issuer = Issuer.cognito(region="us-east-2", user_pool_id="us-east-2_Abc123xyz", client_ids=[CLIENT], token_use=["access"])
    assert issuer.name == "https://cognito-idp.us-east-2.amazonaws.com/us-east-2_Abc123xyz"
    assert isinstance(issuer.keys, RemoteKeys)
    assert issuer.keys.url == issuer.name + "/.well-known/jwks.json"
    assert issuer.token_use == {"access"}


def test_a_cognito_pool_has_the_algorithms_and_the_client_that_were_given() -> None:
    asked: list[str] = []

    class Client:
        def get(self, url: str, **options: Any) -> httpx.Response:
            asked.append(url)
            return httpx.Response(200, json=jwks(rsa_key()))

    pool: dict[str, Any] = {"region": "us-east-2", "user_pool_id": "us-east-2_Abc123xyz", "client_ids": [CLIENT]}
    assert Issuer.cognito(**pool, algorithms=["PS256"]).algorithms == {"PS256"}
    verifier = TokenVerifier([Issuer.cognito(**pool, http=Client())], clock=Clock())
    assert verifier.verify(token_for()).issuer == ISSUER
    assert asked == [ISSUER + "/.well-known/jwks.json"]


@pytest.mark.parametrize(
    ("region", "pool", "code", "said"),
    [
        ("us-east", "us-east_a", "bad_region", "`us-east` is not an AWS region such as `us-east-2`"),
        ("us-east-2", "abc", "bad_pool_id", "`abc` is not a user pool id of the region, such as `us-east-2_Abc123xyz`"),
    ],
)
def test_what_is_no_region_or_pool_is_named_with_an_example(region: str, pool: str, code: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Issuer.cognito(region=region, user_pool_id=pool, client_ids=[CLIENT])
    assert (caught.value.code, str(caught.value)) == (code, said)


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-west-3", "ap-southeast-2", "us-gov-west-1", "ca-central-1", "mx-central-1", "il-central-1"]
)
def test_regions_and_pools_of_aws_are_known(region: str) -> None:
    assert Issuer.cognito(region=region, user_pool_id=f"{region}_{'a' * 32}", client_ids=[CLIENT]).name.endswith("a" * 32)


@pytest.mark.parametrize(
    ("region", "pool"),
    [
        ("", "us-east-2_a"),
        (None, "us-east-2_a"),
        ("us-east", "us-east_a"),
        ("us-east-2.attacker.example/", "us-east-2.attacker.example/_a"),
        ("us-east-2\n", "us-east-2\n_a"),
        ("US-EAST-2", "US-EAST-2_a"),
        ("us-e\u0430st-2", "us-e\u0430st-2_a"),
        ("us-east-\u0662", "us-east-\u0662_a"),
        ("us-east-2", ""),
        ("us-east-2", None),
        ("us-east-2", "us-east-2_"),
        ("us-east-2", "us-east-2_a/../b"),
        ("us-east-2", "us-east-2_a?b"),
        ("us-east-2", "us-east-2_a\n"),
        ("us-east-2", "us-east-2_\u0661"),
        ("us-east-2", "us-east-1_abc"),
        ("us-east-2", "abc"),
        ("us-east-2", "us-east-2_" + "a" * 56),
    ],
)
def test_a_region_or_pool_that_could_lead_elsewhere_is_a_configuration_error(region: Any, pool: Any) -> None:
    with pytest.raises(ConfigurationError):
        Issuer.cognito(region=region, user_pool_id=pool, client_ids=[CLIENT])
