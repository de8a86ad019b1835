"""Cognito's calls: a password is proven and never sent, who is not there looks like somebody who is, and logins end."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.cognito import Cognito, CognitoError
from cartaguard.devserver.pool import POOL
from cartaguard.devserver.srp import N
from cartaguard.devserver.store import Store
from support.canary import CANARY
from support.srp import SrpClient
from support.stored import everything_in

# Python 3.12 warns of what pycognito makes its timestamps with.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

Answer = dict[str, Any]


class World:
    """A Cognito with olga in it, and a clock to turn."""

    def __init__(self, store: Store) -> None:
        self.time = 1_800_000_000.0
        self.store = store
        self.carta = DevCarta(store, "http://127.0.0.1:1", clock=lambda: self.time)
        self.cognito = Cognito(self.carta)
        with store.begin() as tables:
            tables.people.add("olga", CANARY, pool_id=POOL.id, first_name="Olga")
            tables.people.add("otto", "of-otto", pool_id=POOL.id)

    def client(self, name: str = "olga", password: str = CANARY, pool_id: str = POOL.id) -> SrpClient:
        return SrpClient(name, password, pool_id=pool_id, client_id=POOL.client_id)

    def begin(self, client: SrpClient) -> Answer:
        return self.cognito.answer("InitiateAuth", client.opening())

    def end(self, client: SrpClient, challenge: Answer, **changed: str) -> Answer:
        answer: Answer = self.cognito.answer("RespondToAuthChallenge", client.closing(challenge, **changed))["AuthenticationResult"]
        return answer

    def log_in(self, *who: str) -> Answer:
        client = self.client(*who)
        return self.end(client, self.begin(client))

    def refresh(self, token: str) -> Answer:
        sent = {"AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": POOL.client_id, "AuthParameters": {"REFRESH_TOKEN": token}}
        answer: Answer = self.cognito.answer("InitiateAuth", sent)["AuthenticationResult"]
        return answer

    def rotate(self, token: str) -> Answer:
        answer = self.cognito.answer("GetTokensFromRefreshToken", {"ClientId": POOL.client_id, "RefreshToken": token})
        found: Answer = answer["AuthenticationResult"]
        return found

    def refused(self, call: Callable[[], object]) -> str:
        with pytest.raises(CognitoError) as caught:
            call()
        assert CANARY not in str(caught.value)
        return caught.value.kind


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_who_knows_the_password_gets_three_tokens(world: World) -> None:
    issued = world.log_in()
    assert set(issued) == {"IdToken", "AccessToken", "RefreshToken", "ExpiresIn", "TokenType"}
    assert world.carta.verifier().verify(issued["IdToken"])["cognito:username"] == "olga"
    assert world.carta.verifier("access").verify(issued["AccessToken"])["username"] == "olga"
    assert claims_of(issued["IdToken"])["origin_jti"] == claims_of(issued["AccessToken"])["origin_jti"]


@pytest.mark.parametrize(
    ("name", "password", "pool"),
    [
        ("olga", "of-otto", POOL.id),
        ("olga", CANARY + " ", POOL.id),
        ("olga", CANARY.lower(), POOL.id),
        ("otto", CANARY, POOL.id),
        ("Olga", CANARY, POOL.id),
        ("nobody", CANARY, POOL.id),
        ("olga", CANARY, "us-east-2_Other0000"),
    ],
)
def test_a_wrong_password_is_refused_and_so_is_a_user_who_is_not_there(world: World, name: str, password: str, pool: str) -> None:
    client = world.client(name, password, pool)
    assert world.refused(lambda: world.end(client, world.begin(client))) == "NotAuthorizedException"


def test_a_user_who_is_not_there_looks_like_one_who_is(world: World) -> None:
    def shape(name: str) -> list[str]:
        parameters = world.begin(world.client(name))["ChallengeParameters"]
        assert (parameters["USERNAME"], parameters["USER_ID_FOR_SRP"]) == (name, name)
        assert len(base64.b64decode(parameters["SECRET_BLOCK"])) == 96
        assert int(parameters["SRP_B"], 16) < N
        assert int(parameters["SALT"], 16) < 2**128
        return [parameters["SALT"], *sorted(parameters)]

    assert shape("olga") == shape("olga")
    assert shape("nobody") == shape("nobody")
    assert shape("nobody")[0] != shape("nobody2")[0]
    assert shape("nobody")[1:] == shape("olga")[1:]


@pytest.mark.parametrize("public", ["0", "00", f"{N:x}", f"{2 * N:x}", "", "x", "-1", "+1", "0x1", " 1", "1_0", "f" * 771, "\u0661"])
def test_a_public_value_that_would_give_the_key_away_or_is_none_is_refused(world: World, public: str) -> None:
    opening = world.client().opening(SRP_A=public)
    assert world.refused(lambda: world.cognito.answer("InitiateAuth", opening)) == "InvalidParameterException"


def test_a_secret_block_is_good_for_one_answer_be_it_right_or_wrong(world: World) -> None:
    client = world.client()
    challenge = world.begin(client)
    world.end(client, challenge)
    assert world.refused(lambda: world.end(client, challenge)) == "NotAuthorizedException"
    wrong, right = world.client(), world.client()
    challenge = world.begin(right)
    assert world.refused(lambda: world.end(wrong, challenge)) == "NotAuthorizedException"
    assert world.refused(lambda: world.end(right, challenge)) == "NotAuthorizedException"


@pytest.mark.parametrize(("seconds", "good"), [(179, True), (181, False)])
def test_a_login_has_to_be_finished_within_minutes(world: World, seconds: float, good: bool) -> None:
    client = world.client()
    challenge = world.begin(client)
    world.time += seconds
    if good:
        world.end(client, challenge)
    else:
        assert world.refused(lambda: world.end(client, challenge)) == "NotAuthorizedException"


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"USERNAME": "otto"}, "NotAuthorizedException"),
        ({"PASSWORD_CLAIM_SECRET_BLOCK": base64.b64encode(b"x" * 96).decode()}, "NotAuthorizedException"),
        ({"PASSWORD_CLAIM_SIGNATURE": base64.b64encode(b"x" * 32).decode()}, "NotAuthorizedException"),
        ({"PASSWORD_CLAIM_SIGNATURE": "AAAA"}, "NotAuthorizedException"),
        ({"TIMESTAMP": "Sun Nov 22 03:59:22 UTC 2026"}, "NotAuthorizedException"),
        ({"TIMESTAMP": "2026-11-22"}, "InvalidParameterException"),
        ({"PASSWORD_CLAIM_SIGNATURE": "*"}, "InvalidParameterException"),
        ({"PASSWORD_CLAIM_SECRET_BLOCK": "é"}, "InvalidParameterException"),
        ({"PASSWORD_CLAIM_SECRET_BLOCK": ""}, "InvalidParameterException"),
    ],
)
def test_an_answer_belongs_to_one_login_and_one_moment(world: World, changed: dict[str, str], kind: str) -> None:
    client = world.client()
    challenge = world.begin(client)
    assert world.refused(lambda: world.end(client, challenge, **changed)) == kind


def test_a_login_goes_on_with_its_refresh_token_for_thirty_days(world: World) -> None:
    first = world.log_in()
    world.time += 29 * 86400
    again = world.refresh(first["RefreshToken"])
    assert set(again) == {"IdToken", "AccessToken", "ExpiresIn", "TokenType"}
    before, after = claims_of(first["IdToken"]), claims_of(again["IdToken"])
    assert (after["origin_jti"], after["auth_time"]) == (before["origin_jti"], before["auth_time"])
    assert after["iat"] == before["iat"] + 29 * 86400
    world.time += 2 * 86400
    assert world.refused(lambda: world.refresh(first["RefreshToken"])) == "NotAuthorizedException"


def test_a_rotated_refresh_token_ends_the_login_when_it_is_used_again(world: World) -> None:
    first = world.log_in()["RefreshToken"]
    second = world.rotate(first)["RefreshToken"]
    third = world.rotate(second)["RefreshToken"]
    assert len({first, second, third}) == 3
    assert world.refused(lambda: world.rotate(first)) == "RefreshTokenReuseException"
    assert world.refused(lambda: world.rotate(third)) == "RefreshTokenReuseException"
    assert world.refused(lambda: world.refresh(third)) == "NotAuthorizedException"


def test_a_revoked_refresh_token_ends_its_login_and_no_other(world: World) -> None:
    ended, other = world.log_in(), world.log_in()
    assert world.cognito.answer("RevokeToken", {"ClientId": POOL.client_id, "Token": ended["RefreshToken"]}) == {}
    assert world.refused(lambda: world.refresh(ended["RefreshToken"])) == "NotAuthorizedException"
    assert world.refused(lambda: world.cognito.answer("GetUser", {"AccessToken": ended["AccessToken"]})) == "NotAuthorizedException"
    world.refresh(other["RefreshToken"])
    assert world.cognito.answer("GetUser", {"AccessToken": other["AccessToken"]})["Username"] == "olga"


def test_a_global_sign_out_ends_every_login_of_this_user(world: World) -> None:
    mine, also_mine, his = world.log_in(), world.log_in(), world.log_in("otto", "of-otto")
    assert world.cognito.answer("GlobalSignOut", {"AccessToken": mine["AccessToken"]}) == {}
    for login in (mine, also_mine):
        world.refused(lambda login=login: world.refresh(login["RefreshToken"]))  # type: ignore[misc]
        world.refused(lambda login=login: world.cognito.answer("GlobalSignOut", {"AccessToken": login["AccessToken"]}))  # type: ignore[misc]
    world.refresh(his["RefreshToken"])


def test_a_user_is_known_by_an_access_token_and_by_no_other(world: World) -> None:
    issued = world.log_in()
    attributes = world.cognito.answer("GetUser", {"AccessToken": issued["AccessToken"]})["UserAttributes"]
    assert {"Name": "given_name", "Value": "Olga"} in attributes
    late = world.carta.token("olga", "access", lifetime=-60)
    for token in (issued["IdToken"], issued["RefreshToken"], late, world.carta.token("olga", "access", claims={"sub": "gone"}), "x"):
        assert world.refused(lambda token=token: world.cognito.answer("GetUser", {"AccessToken": token})) == "NotAuthorizedException"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("call", "sent", "kind"),
    [
        ("AdminCreateUser", {}, "UnknownOperationException"),
        ("", {}, "UnknownOperationException"),
        ("InitiateAuth", {}, "InvalidParameterException"),
        ("InitiateAuth", {"ClientId": "other"}, "ResourceNotFoundException"),
        ("InitiateAuth", {"ClientId": POOL.client_id, "AuthFlow": "USER_PASSWORD_AUTH"}, "InvalidParameterException"),
        ("InitiateAuth", {"ClientId": POOL.client_id, "AuthFlow": "USER_SRP_AUTH"}, "InvalidParameterException"),
        ("InitiateAuth", {"ClientId": POOL.client_id, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": []}, "InvalidParameterException"),
        (
            "InitiateAuth",
            {"ClientId": POOL.client_id, "AuthFlow": "REFRESH_TOKEN", "AuthParameters": {"REFRESH_TOKEN": "x"}},
            "NotAuthorizedException",
        ),
        ("RespondToAuthChallenge", {"ClientId": POOL.client_id, "ChallengeName": "SMS_MFA"}, "InvalidParameterException"),
        ("RespondToAuthChallenge", {"ClientId": POOL.client_id, "ChallengeName": "PASSWORD_VERIFIER"}, "InvalidParameterException"),
        ("GetTokensFromRefreshToken", {"ClientId": POOL.client_id, "RefreshToken": "x"}, "RefreshTokenReuseException"),
        ("GetUser", {"AccessToken": 1}, "InvalidParameterException"),
    ],
)
def test_anything_else_is_refused_in_cognitos_words(world: World, call: str, sent: dict[str, Any], kind: str) -> None:
    assert world.refused(lambda: world.cognito.answer(call, sent)) == kind


def test_a_client_sends_passwords_only_where_that_is_allowed(world: World) -> None:
    open_one = Cognito(world.carta, plain=True)

    def sent(name: str, password: str) -> dict[str, Any]:
        parameters = {"USERNAME": name, "PASSWORD": password}
        return {"ClientId": POOL.client_id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters}

    assert world.refused(lambda: world.cognito.answer("InitiateAuth", sent("olga", CANARY))) == "InvalidParameterException"
    assert "IdToken" in open_one.answer("InitiateAuth", sent("olga", CANARY))["AuthenticationResult"]
    for name, password in (("olga", "x"), ("nobody", CANARY)):
        assert world.refused(lambda who=(name, password): open_one.answer("InitiateAuth", sent(*who))) == "NotAuthorizedException"  # type: ignore[misc]


def test_neither_passwords_nor_refresh_tokens_nor_secret_blocks_are_stored(world: World) -> None:
    client = world.client()
    challenge = world.begin(client)
    issued = world.log_in()
    block = challenge["ChallengeParameters"]["SECRET_BLOCK"]
    stored = everything_in(world.store)
    for secret in (CANARY, issued["RefreshToken"], issued["IdToken"], issued["AccessToken"], block):
        assert secret.encode() not in stored
    assert base64.b64decode(block) not in stored
