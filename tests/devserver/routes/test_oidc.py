"""Anybody may know which pool to log in to, and its keys."""

from __future__ import annotations

import httpx
import pytest

from cartaguard.testing import EmbeddedCarta


def test_auth_names_the_pool_and_where_its_issuer_is(seeded: EmbeddedCarta) -> None:
    assert httpx.get(f"{seeded.url}/auth").json() == {
        "region": "us-east-2",
        "userPoolId": "us-east-2_CartaDev0",
        "userPoolWebClientId": seeded.client_id,
        "issuer": seeded.issuer,
        "jwksUri": seeded.jwks_uri,
        "cognitoUrl": seeded.cognito_url,
    }


def test_discovery_leads_to_the_key_set_which_has_a_key_for_each_kind_of_token(seeded: EmbeddedCarta) -> None:
    found = httpx.get(f"{seeded.issuer}/.well-known/openid-configuration").json()
    assert found["issuer"] == seeded.issuer
    keys = httpx.get(found["jwks_uri"]).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) == 2
    assert not {"d", "p", "q"} & {member for key in keys for member in key}


@pytest.mark.parametrize("document", ["jwks.json", "openid-configuration"])
def test_another_pool_is_not_here(seeded: EmbeddedCarta, document: str) -> None:
    answer = httpx.get(f"{seeded.cognito_url}/us-east-2_Other0000/.well-known/{document}")
    assert (answer.status_code, answer.json()) == (404, {"error": "user pool not found"})
