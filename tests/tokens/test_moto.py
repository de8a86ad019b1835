"""Cognito as moto plays it: real pools, clients, groups and tokens, and the key set over HTTP.

moto's tokens name AWS as their issuer while its key set is on this machine (protocol note on Cognito), so the
issuer is mapped to that address. It checks no SRP password, so a refused password is not tested here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cartaguard import Issuer, RemoteKeys, TokenVerifier
from cartaguard.errors import InvalidToken, KeysUnavailable
from support.tokens import bearer

REGION = "us-east-2"
PASSWORD = "Correct-Horse-7-Battery"
GROUPS = ["OrgA:Team", "OrgB:Other"]
FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass
class Pool:
    """A pool on moto's server, with two clients, and the tokens of a login."""

    url: str
    id: str
    client_id: str
    sibling_id: str
    sub: str
    cognito: Any

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{REGION}.amazonaws.com/{self.id}"

    def verifier(self, client_id: str | None = None, token_use: str = "id", http: Any = None) -> TokenVerifier:
        keys = RemoteKeys(f"{self.url}/{self.id}/.well-known/jwks.json", http=http)
        return TokenVerifier([Issuer(self.issuer, client_ids=[client_id or self.client_id], token_use={token_use}, keys=keys)])

    def login(self, how: str) -> dict[str, str]:
        """``id`` and ``access`` token of olga."""
        if how == "SRP":
            from pycognito.aws_srp import AWSSRP

            srp = AWSSRP(username="olga", password=PASSWORD, pool_id=self.id, client_id=self.client_id, client=self.cognito)
            answer = srp.authenticate_user()
        else:
            answer = self.cognito.initiate_auth(
                ClientId=self.client_id, AuthFlow=how, AuthParameters={"USERNAME": "olga", "PASSWORD": PASSWORD}
            )
        result = answer["AuthenticationResult"]
        return {"id": result["IdToken"], "access": result["AccessToken"]}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FAKE_AWS.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        import boto3
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            url = f"http://{host}:{port}"
            cognito = boto3.client("cognito-idp", region_name=REGION, endpoint_url=url)
            pool_id = cognito.create_user_pool(PoolName="carta")["UserPool"]["Id"]
            clients = [
                cognito.create_user_pool_client(
                    UserPoolId=pool_id, ClientName=name, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]
                )["UserPoolClient"]["ClientId"]
                for name in ("carta", "sibling")
            ]
            user = cognito.admin_create_user(UserPoolId=pool_id, Username="olga", MessageAction="SUPPRESS")["User"]
            cognito.admin_set_user_password(UserPoolId=pool_id, Username="olga", Password=PASSWORD, Permanent=True)
            for group in GROUPS:
                cognito.create_group(UserPoolId=pool_id, GroupName=group)
                cognito.admin_add_user_to_group(UserPoolId=pool_id, Username="olga", GroupName=group)
            sub = next(attribute["Value"] for attribute in user["Attributes"] if attribute["Name"] == "sub")
            yield Pool(url, pool_id, clients[0], clients[1], sub, cognito)
        finally:
            server.stop()


@pytest.fixture(params=["SRP", "USER_PASSWORD_AUTH"])
def tokens(pool: Pool, request: pytest.FixtureRequest) -> dict[str, str]:
    return pool.login(request.param)


def test_the_id_token_of_a_login_is_accepted_with_its_groups(pool: Pool, tokens: dict[str, str]) -> None:
    verifier = pool.verifier()
    claims = verifier.verify(tokens["id"])
    assert (claims.issuer, claims.subject, claims["aud"]) == (pool.issuer, pool.sub, pool.client_id)
    olga = verifier.at_hand(bearer(tokens["id"]))
    assert olga is not None
    assert (olga.issuer, olga.subject, olga.username, olga.groups) == (pool.issuer, pool.sub, "olga", frozenset(GROUPS))


def test_the_access_token_of_a_login_is_accepted_where_it_is_asked_for(pool: Pool, tokens: dict[str, str]) -> None:
    verifier = pool.verifier(token_use="access")
    assert asyncio.run(_averify(verifier, tokens["access"])) == pool.sub
    olga = verifier.at_hand(bearer(tokens["access"]))
    assert olga is not None
    assert (olga.username, olga.groups, olga.scopes) == ("olga", frozenset(GROUPS), frozenset({"aws.cognito.signin.user.admin"}))


async def _averify(verifier: TokenVerifier, token: str) -> str:
    return (await verifier.averify(token)).subject


@pytest.mark.parametrize(("kind", "code"), [("id", "wrong_audience"), ("access", "wrong_client")])
def test_a_sibling_client_of_the_same_pool_does_not_accept_them(kind: str, code: str, pool: Pool, tokens: dict[str, str]) -> None:
    with pytest.raises(InvalidToken) as caught:
        pool.verifier(pool.sibling_id, kind).verify(tokens[kind])
    assert caught.value.code == code


@pytest.mark.parametrize(("kind", "other"), [("id", "access"), ("access", "id")])
def test_one_kind_of_token_is_not_accepted_for_the_other(kind: str, other: str, pool: Pool, tokens: dict[str, str]) -> None:
    with pytest.raises(InvalidToken) as caught:
        pool.verifier(token_use=kind).verify(tokens[other])
    assert caught.value.code == "wrong_token_use"


def test_a_token_of_another_pool_is_not_accepted(pool: Pool, tokens: dict[str, str]) -> None:
    other = Issuer.cognito(region=REGION, user_pool_id=f"{REGION}_Another", client_ids=[pool.client_id])
    with pytest.raises(InvalidToken) as caught:
        TokenVerifier([other]).verify(tokens["id"])
    assert caught.value.code == "wrong_issuer"


def test_without_the_key_set_there_is_no_verdict(pool: Pool, tokens: dict[str, str]) -> None:
    keys = RemoteKeys("http://127.0.0.1:1/jwks.json")
    with pytest.raises(KeysUnavailable):
        TokenVerifier([Issuer(pool.issuer, client_ids=[pool.client_id], keys=keys)]).verify(tokens["id"])
