"""Cognito's own clients log in over a socket, with nothing changed but the address."""

from __future__ import annotations

from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from pycognito import AWSSRP, Cognito

from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY

# Python 3.12 warns of what pycognito makes its timestamps with.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

TARGET = "AWSCognitoIdentityProviderService."


@pytest.fixture
def carta(empty: EmbeddedCarta, monkeypatch: pytest.MonkeyPatch) -> EmbeddedCarta:
    empty.add_user("olga", password=CANARY, groups=["Aurora:All"])
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", empty.cognito_url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return empty


def log_in(carta: EmbeddedCarta, name: str, password: str) -> dict[str, str]:
    """As pycarta does it: everything follows from Carta's address."""
    pool = httpx.get(f"{carta.url}/auth").json()
    client = boto3.client("cognito-idp", region_name=pool["region"])
    known = {"pool_id": pool["userPoolId"], "client_id": pool["userPoolWebClientId"]}
    answer: dict[str, dict[str, str]] = AWSSRP(username=name, password=password, client=client, **known).authenticate_user()
    client.close()
    return answer["AuthenticationResult"]


def test_a_password_login_leads_to_the_token_that_carta_takes(carta: EmbeddedCarta) -> None:
    token = log_in(carta, "olga", CANARY)["IdToken"]
    assert httpx.get(f"{carta.url}/user", headers={"Authorization": f"Bearer {token}"}).json()["name"] == "olga"


@pytest.mark.parametrize(("name", "password"), [("olga", "wrong"), ("nobody", CANARY)])
def test_a_wrong_password_is_refused_with_cognitos_own_error(carta: EmbeddedCarta, name: str, password: str) -> None:
    with pytest.raises(ClientError, match="Incorrect username or password") as caught:
        log_in(carta, name, password)
    assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"


def test_pycognito_verifies_refreshes_rotates_and_signs_out(carta: EmbeddedCarta) -> None:
    # It derives the issuer from its own parameter, and not from the environment.
    user = Cognito(
        "us-east-2_CartaDev0",
        carta.client_id,
        username="olga",
        access_key="unused",
        secret_key="unused",
        boto3_client_kwargs={"endpoint_url": carta.cognito_url},
    )
    user.authenticate(password=CANARY)
    assert user.id_claims["cognito:groups"] == ["Aurora:All"]
    before = user.id_token
    user.renew_access_token()
    assert user.id_token != before
    assert user.get_user().sub == user.id_claims["sub"]
    rotated = user.client.get_tokens_from_refresh_token(RefreshToken=user.refresh_token, ClientId=carta.client_id)
    user.refresh_token = rotated["AuthenticationResult"]["RefreshToken"]
    user.renew_access_token()
    spent = user.refresh_token
    user.logout()
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        user.client.initiate_auth(AuthFlow="REFRESH_TOKEN_AUTH", ClientId=carta.client_id, AuthParameters={"REFRESH_TOKEN": spent})
    user.client.close()


@pytest.mark.parametrize("slash", ["", "/"])
def test_refusals_are_json_as_aws_has_it(empty: EmbeddedCarta, slash: str) -> None:
    answer = httpx.post(f"{empty.cognito_url}{slash}", json={}, headers={"X-Amz-Target": f"{TARGET}GetUser"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-amz-json-1.1")
    assert (answer.headers["cache-control"], answer.headers["x-amzn-errortype"]) == ("no-store", "InvalidParameterException:")
    assert answer.json()["__type"] == "InvalidParameterException"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 10_000, b'{"AccessToken": "\\ud800"}', b'{"a": "\\u0000"}'])
def test_a_body_that_is_no_object_of_good_text_is_refused(empty: EmbeddedCarta, body: bytes) -> None:
    answer = httpx.post(empty.cognito_url, content=body, headers={"X-Amz-Target": f"{TARGET}GetUser"})
    assert (answer.status_code, answer.json()["__type"]) == (400, "SerializationException")


def test_a_call_that_is_none_is_refused(empty: EmbeddedCarta) -> None:
    headers: list[dict[str, Any]] = [{}, {"X-Amz-Target": "AWSCognitoIdentityProviderService.DeleteUser"}, {"X-Amz-Target": "x"}]
    for sent in headers:
        assert httpx.post(empty.cognito_url, json={}, headers=sent).json()["__type"] == "UnknownOperationException"
    assert httpx.get(empty.cognito_url).status_code == 405


@pytest.mark.parametrize("allowed", [True, False])
def test_a_password_is_taken_as_such_only_where_that_was_allowed(carta: EmbeddedCarta, allowed: bool) -> None:
    parameters = {"USERNAME": "olga", "PASSWORD": CANARY}
    with EmbeddedCarta(plain_logins=allowed) as other:
        other.add_user("olga", password=CANARY)
        sent = {"ClientId": other.client_id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters}
        answer = httpx.post(other.cognito_url, json=sent, headers={"X-Amz-Target": f"{TARGET}InitiateAuth"})
    assert ("AuthenticationResult" in answer.json()) is allowed
