"""Logging in: by token, API token, and a password that is proved and never sent."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import sys
import threading
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest

from cartaguard.carta import ApiTokenLogin, AsyncCartaClient, CartaClient, PasswordLogin, TokenLogin
from cartaguard.carta.endpoint import Endpoint
from cartaguard.drivers import blocking
from cartaguard.errors import CartaError, CartaUnauthorized, CartaUnavailable, ConfigurationError, LoginError, Unavailable
from cartaguard.model.principal import Credential
from support.canary import CANARY
from support.clients import Ask
from support.cognito import Pool, error
from support.recorder import Recorder
from support.served import Answer
from support.tokens import Clock


def who(carta: Any) -> Any:
    return carta.users.current()


@pytest.fixture(autouse=True)
def no_other_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def pool(recorder: Recorder) -> Pool:
    return Pool(recorder, CANARY)


# -- tokens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["token-1", Credential("token-1"), lambda: "token-1"])
def test_a_token_is_the_bearer(recorder: Recorder, ask: Ask, token: Any) -> None:
    recorder.usual = Answer.of({"name": "olga"})
    ask(recorder.url, TokenLogin(token), who)
    assert recorder.requests[0].headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX: y", "tökén", None, 7])
def test_what_is_no_token_is_refused_and_not_shown(token: Any) -> None:
    for kind in (TokenLogin, ApiTokenLogin):
        with pytest.raises(ConfigurationError) as caught:
            kind(token)
        assert not token or str(token) not in str(caught.value)


def test_an_asynchronous_function_gives_no_token() -> None:
    async def later() -> str:
        return "token"

    with pytest.raises(ConfigurationError, match="plain function"):
        TokenLogin(later)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [OSError("disk"), Unavailable("later")])
def test_a_function_that_fails_or_gives_none_is_a_login_error(recorder: Recorder, ask: Ask, fault: Exception) -> None:
    def fail() -> str:
        raise fault

    def none() -> str:
        return ""

    for function in (fail, none):
        with pytest.raises(LoginError) as caught:
            ask(recorder.url, TokenLogin(function), who)
        assert caught.value.code == "no_credential"
    assert recorder.requests == []


def test_a_token_that_is_refused_is_sent_once_and_a_function_is_asked_for_another(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(401, b'{"error": "expired"}')
    for token, sent in (("token-1", 1), (lambda: "token-1", 1)):
        with pytest.raises(CartaUnauthorized, match="expired"):
            ask(recorder.url, TokenLogin(token), who)
        assert len(recorder.requests) == sent
        recorder.requests.clear()
    tokens = iter(["old", "new", "new"])
    recorder.decide = lambda request: Answer.of({"name": "olga"}) if request.headers["authorization"] == "Bearer new" else None
    assert ask(recorder.url, TokenLogin(lambda: next(tokens)), who).name == "olga"


def test_an_api_token_is_the_password_of_a_fixed_user(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(401)
    with pytest.raises(CartaUnauthorized):
        ask(recorder.url, ApiTokenLogin("key:1"), who)
    (request,) = recorder.requests
    scheme, _, value = request.headers["authorization"].partition(" ")
    assert (scheme, b64decode(value)) == ("Basic", b"__token__:key:1")


# -- passwords ------------------------------------------------------------------------------------------


def test_a_password_is_proved_once_and_serves_both_colours(pool: Pool, recorder: Recorder) -> None:
    login = PasswordLogin("olga", CANARY)
    with CartaClient(recorder.url, login) as carta:
        assert [carta.users.current().name for _ in range(2)] == ["olga", "olga"]

    async def main() -> str:
        async with AsyncCartaClient(recorder.url, login) as carta:
            return (await carta.users.current()).name

    assert asyncio.run(main()) == "olga"
    assert pool.asked == ["auth", "USER_SRP_AUTH", "RespondToAuthChallenge"]
    assert not any(CANARY in f"{request.target}{request.headers}{request.body!r}" for request in recorder.requests)


def test_a_login_begins_under_asyncio_too(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    assert ask(recorder.url, PasswordLogin("olga", CANARY), who).name == "olga"


def test_a_wrong_password_is_refused_and_not_tried_again(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    login = PasswordLogin("olga", CANARY + "x")
    for _ in range(2):
        with pytest.raises(LoginError, match="Incorrect") as caught:
            ask(recorder.url, login, who)
        assert caught.value.code == "bad_credentials"
        assert CANARY not in str(caught.value)
    assert pool.asked == ["auth", "USER_SRP_AUTH", "RespondToAuthChallenge"]


@pytest.mark.parametrize(
    ("flow", "answer", "code"),
    [
        ("USER_SRP_AUTH", error("UserNotFoundException"), "bad_credentials"),
        ("USER_SRP_AUTH", error("com.amazonaws#NotAuthorizedException"), "bad_credentials"),
        ("RespondToAuthChallenge", error("NotAuthorizedException", "Password attempts exceeded"), "too_many_attempts"),
        ("RespondToAuthChallenge", error("PasswordResetRequiredException"), "password_reset_required"),
        ("RespondToAuthChallenge", error("UserNotConfirmedException"), "user_not_confirmed"),
        ("USER_SRP_AUTH", error("InvalidParameterException", "SRP_A is wrong"), "login"),
        ("USER_SRP_AUTH", Answer(400, b"<html>"), "login"),
        ("RespondToAuthChallenge", Answer.of({"ChallengeName": "NEW_PASSWORD_REQUIRED"}), "new_password_required"),
        ("RespondToAuthChallenge", Answer.of({"ChallengeName": "SOFTWARE_TOKEN_MFA"}), "mfa_required"),
        ("USER_SRP_AUTH", Answer.of({"ChallengeName": "SELECT_CHALLENGE"}), "mfa_required"),
    ],
)
def test_what_cognito_says_against_it_is_a_login_error_with_a_code(
    pool: Pool, recorder: Recorder, ask: Ask, flow: str, answer: Answer, code: str
) -> None:
    pool.instead[flow] = answer
    with pytest.raises(LoginError) as caught:
        ask(recorder.url, PasswordLogin("olga", CANARY), who)
    assert caught.value.code == code


def test_a_cognito_that_cannot_be_reached_is_no_refusal(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    pool.pool["cognitoUrl"] = "http://127.0.0.1:9"
    with pytest.raises(CartaUnavailable, match="cognito gave no answer"):
        ask(recorder.url, PasswordLogin("olga", CANARY), who)


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "RespondToAuthChallenge"])
@pytest.mark.parametrize("answer", [error("TooManyRequestsException"), Answer(500), Answer(403), Answer(302)])
def test_no_answer_from_cognito_is_no_refusal(pool: Pool, recorder: Recorder, ask: Ask, flow: str, answer: Answer) -> None:
    pool.instead[flow] = answer
    login = PasswordLogin("olga", CANARY)
    with pytest.raises(CartaUnavailable):
        ask(recorder.url, login, who)
    del pool.instead[flow]
    assert ask(recorder.url, login, who).name == "olga"


CHALLENGE = {"SALT": "ab", "SRP_B": "1", "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "olga"}


@pytest.mark.parametrize(
    "answer",
    [
        *(
            {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": {**CHALLENGE, key: value}}
            for key, value in [
                ("SALT", ""),
                ("SALT", "xy"),
                ("SRP_B", None),
                ("SRP_B", "0"),
                ("SECRET_BLOCK", "?"),
                ("USER_ID_FOR_SRP", 7),
            ]
        ),
        {"ChallengeName": "PASSWORD_VERIFIER"},
        {"ChallengeName": 7},
        {},
        {"AuthenticationResult": {"IdToken": ""}},
        {"AuthenticationResult": []},
        [],
        {"AuthenticationResult": {"IdToken": "two words", "ExpiresIn": 3600}},
    ],
)
def test_a_challenge_or_result_that_is_none_is_an_error(pool: Pool, recorder: Recorder, answer: object) -> None:
    pool.instead["USER_SRP_AUTH"] = Answer.of(answer)
    with pytest.raises(CartaError) as caught:
        who(CartaClient(recorder.url, PasswordLogin("olga", CANARY)))
    assert caught.value.code in {"carta_malformed", "carta_unavailable"}


def test_the_token_is_renewed_before_it_ends_and_the_password_is_not_needed(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    clock = Clock(1_000_000.0)
    login = PasswordLogin("olga", CANARY, clock=clock)
    for seconds, asked in ((0, 3), (3530, 3), (20, 4), (3530, 4), (20, 5)):
        clock.now += seconds
        assert ask(recorder.url, login, who).name == "olga"
        assert len(pool.asked) == asked
    assert pool.asked[3:] == ["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN_AUTH"]


def test_a_short_lived_token_serves_half_its_life(recorder: Recorder) -> None:
    pool, clock = Pool(recorder, CANARY, lifetime=60), Clock(1_000_000.0)
    carta = CartaClient(recorder.url, PasswordLogin("olga", CANARY, clock=clock))
    for seconds, asked in ((0, 3), (29, 3), (2, 4)):
        clock.now += seconds
        who(carta)
        assert len(pool.asked) == asked


def test_a_refused_token_is_renewed_once(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    login = PasswordLogin("olga", CANARY)
    ask(recorder.url, login, who)
    pool.expel()
    assert ask(recorder.url, login, who).name == "olga"
    assert pool.asked[3:] == ["REFRESH_TOKEN_AUTH"]
    recorder.decide = lambda request: Answer(401) if request.path == "/user" else pool.answer(request)
    with pytest.raises(CartaUnauthorized):
        ask(recorder.url, login, who)
    assert len(pool.asked) == 5


def test_what_somebody_else_renewed_is_not_renewed_again(pool: Pool, recorder: Recorder) -> None:
    login = PasswordLogin("olga", CANARY)
    carta = Endpoint(recorder.url)
    held = blocking.run(login.authorization(carta))
    assert blocking.run(login.renew(carta, "Bearer an-older-one")) is True
    assert blocking.run(login.authorization(carta)) == held
    assert len(pool.asked) == 3


def test_where_the_refresh_token_is_no_longer_taken_the_password_is_proved_again(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    login = PasswordLogin("olga", CANARY)
    ask(recorder.url, login, who)
    pool.expel()
    pool.refresh_tokens.clear()
    assert ask(recorder.url, login, who).name == "olga"
    assert pool.asked[3:] == ["REFRESH_TOKEN_AUTH", "USER_SRP_AUTH", "RespondToAuthChallenge"]


def test_a_refresh_token_that_is_rotated_is_used_next(pool: Pool, recorder: Recorder) -> None:
    pool.rotates = True
    carta = CartaClient(recorder.url, PasswordLogin("olga", CANARY))
    for _ in range(4):
        assert who(carta).name == "olga"
        pool.expel()
    assert pool.asked[3:] == ["REFRESH_TOKEN_AUTH"] * 3


def test_while_cognito_is_away_a_refresh_is_no_login_error(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    login = PasswordLogin("olga", CANARY)
    ask(recorder.url, login, who)
    pool.expel()
    pool.instead["REFRESH_TOKEN_AUTH"] = Answer(503)
    with pytest.raises(CartaUnavailable):
        ask(recorder.url, login, who)


def test_many_threads_and_tasks_log_in_once_together(pool: Pool, recorder: Recorder) -> None:
    login = PasswordLogin("olga", CANARY)
    carta = CartaClient(recorder.url, login)
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(who(carta).name)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["olga"] * 8
    assert pool.asked == ["auth", "USER_SRP_AUTH", "RespondToAuthChallenge"]
    pool.expel()

    async def main() -> list[Any]:
        async with AsyncCartaClient(recorder.url, login) as other:
            return await asyncio.gather(*(other.users.current() for _ in range(8)))

    assert [person.name for person in asyncio.run(main())] == ["olga"] * 8
    assert pool.asked[3:] == ["REFRESH_TOKEN_AUTH"]


def test_one_carta_never_gets_the_token_of_another(pool: Pool, recorder: Recorder, ask: Ask) -> None:
    login = PasswordLogin("olga", CANARY)
    ask(recorder.url, login, who)
    ask(recorder.url.replace("127.0.0.1", "localhost"), login, who)
    assert pool.asked == ["auth", "USER_SRP_AUTH", "RespondToAuthChallenge"] * 2


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"])
def test_the_address_of_cognito_is_the_variable_of_awss_tools(
    pool: Pool, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    pool.pool["cognitoUrl"] = "http://127.0.0.1:9/"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv(variable, f"{recorder.url}/cognito/")
    assert who(CartaClient(recorder.url, PasswordLogin("olga", CANARY))).name == "olga"


def test_a_proof_goes_to_no_insecure_address(pool: Pool, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    carta = CartaClient(recorder.url, PasswordLogin("olga", CANARY))
    pool.pool["cognitoUrl"] = "http://elsewhere.example/"
    with pytest.raises(ConfigurationError, match="cognitoUrl"):
        who(carta)
    pool.pool["cognitoUrl"] = ""
    pool.pool["region"] = "evil.example/"
    with pytest.raises(ConfigurationError) as caught:
        who(carta)
    assert caught.value.code == "bad_region"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.example/")
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL"):
        who(carta)


def test_a_carta_elsewhere_cannot_name_a_cognito_of_its_own() -> None:
    from cartaguard.carta.cognito import Cognito
    from cartaguard.carta.endpoint import Endpoint
    from cartaguard.carta.records import UserPool

    pool = UserPool("us-east-2", "us-east-2_Abc", "client", "https://elsewhere.example/")
    assert Cognito.of(Endpoint("https://c.example"), pool).url == "https://cognito-idp.us-east-2.amazonaws.com/"
    assert Cognito.of(Endpoint("http://localhost:1"), pool).url == "https://elsewhere.example/"


def test_without_the_extra_it_says_what_to_install(pool: Pool, recorder: Recorder, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycognito.aws_srp", None)
    with pytest.raises(LoginError, match=r'pip install "cartaguard\[login\]"') as caught:
        ask(recorder.url, PasswordLogin("olga", CANARY), who)
    assert caught.value.code == "login_extra"


@pytest.mark.parametrize(("name", "password"), [("", CANARY), ("olga", ""), ("olga", CANARY + "\ud800"), ("\ud800", CANARY)])
def test_half_a_login_is_refused(name: str, password: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PasswordLogin(name, password)
    assert CANARY not in repr(caught.value)
    assert caught.value.__context__ is None


# -- secrets --------------------------------------------------------------------------------------------


LOGINS: list[Callable[[], Any]] = [lambda: TokenLogin(CANARY), lambda: ApiTokenLogin(CANARY), lambda: PasswordLogin("olga", CANARY)]


@pytest.mark.parametrize("make", LOGINS)
def test_a_login_shows_nothing_and_goes_nowhere(make: Callable[[], Any]) -> None:
    login = make()
    shown = f"{login!r} {login} {CartaClient('https://c.example', login)!r}"
    assert CANARY not in shown
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not stored"):
            spread(login)


def test_no_library_logs_a_secret_at_its_debug_level(pool: Pool, recorder: Recorder, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """Not the HTTP client, nor what the SRP arithmetic comes from."""
    caplog.set_level(logging.DEBUG)
    login = PasswordLogin("olga", CANARY)
    ask(recorder.url, login, who)
    pool.expel()
    ask(recorder.url, login, who)
    ask(recorder.url, ApiTokenLogin(CANARY), lambda carta: carta.pool.login())
    recorder.decide = lambda request: pool.answer(request) or Answer()
    ask(recorder.url, login, lambda carta: carta.secrets.put("name", CANARY))
    assert "httpx" in caplog.text
    for secret in (CANARY, "token-1", "token-2", "refresh-0"):
        assert secret not in caplog.text


def test_a_session_shows_nothing(pool: Pool, recorder: Recorder) -> None:
    login = PasswordLogin("olga", CANARY)
    who(CartaClient(recorder.url, login))
    shown = repr(vars(login))
    assert CANARY not in shown
    assert "token-1" not in shown
    assert "refresh-0" not in shown
