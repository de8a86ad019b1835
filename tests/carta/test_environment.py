"""Who asks, and where: from arguments, profiles and the environment, in the documented order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.null import Keyring as Null

from cartaguard.carta import ApiTokenLogin, AsyncCartaClient, CartaClient, PasswordLogin, Profile, Profiles, TokenLogin
from cartaguard.carta.environment import PRODUCTION, SANDBOX, find_login, host_of
from cartaguard.carta.vault import Vault
from cartaguard.errors import ConfigurationError, LoginError
from support.canary import CANARY

EVERYTHING = {
    "CARTA_API_TOKEN": "key",
    "CARTA_PROFILE": "lab",
    "CARTA_USERNAME": "uma",
    "CARTA_PASSWORD": CANARY,
    "CARTA_USER": "old",
    "CARTA_PASS": CANARY,
}


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    kept = Profiles(tmp_path / "profiles.ini", vault=Vault())
    kept.save(Profile("lab", "lara", "sandbox", CANARY, "token"))
    kept.save(Profile("robot", "", "production", token="token-1"))
    kept.save(Profile("dev", "olga", "http://127.0.0.1:8765", CANARY))
    kept.save(Profile("ci", "__token__", password="key-1"))
    kept.save(Profile("empty", "ed"))
    kept.save(Profile("odd", "ed", "moon", CANARY))
    return kept


def without(*keys: str) -> dict[str, str]:
    return {key: value for key, value in EVERYTHING.items() if key not in keys}


@pytest.mark.parametrize(
    ("given", "variables", "kind", "shown"),
    [
        ({"api_token": "k", "profile": "lab", "username": "u", "password": "p"}, EVERYTHING, ApiTokenLogin, "the API token given"),
        ({"profile": "lab", "username": "u", "password": "p"}, EVERYTHING, ApiTokenLogin, "CARTA_API_TOKEN"),
        ({"profile": "lab", "username": "u", "password": "p"}, without("CARTA_API_TOKEN"), PasswordLogin, "the profile `lab`"),
        ({"username": "u", "password": "p"}, without("CARTA_API_TOKEN"), PasswordLogin, "the user name and password given"),
        ({}, without("CARTA_API_TOKEN"), PasswordLogin, "the profile `lab`"),
        ({}, without("CARTA_API_TOKEN", "CARTA_PROFILE"), PasswordLogin, "CARTA_USERNAME and CARTA_PASSWORD"),
        ({"profile": "robot"}, {}, TokenLogin, "the profile `robot`"),
        ({"profile": "ci"}, {}, ApiTokenLogin, "the profile `ci`"),
    ],
)
def test_the_first_that_is_given_counts(
    profiles: Profiles, given: dict[str, str], variables: dict[str, str], kind: type, shown: str
) -> None:
    found = find_login(**given, variables=variables, profiles=profiles)
    assert isinstance(found.login, kind)
    assert found.source == shown
    assert CANARY not in repr(found)


def test_the_names_are_those_of_their_source(profiles: Profiles) -> None:
    for given, variables, name in (
        ({"username": "u", "password": "p"}, {}, "u"),
        ({"profile": "lab"}, {}, "lara"),
        ({}, without("CARTA_API_TOKEN", "CARTA_PROFILE"), "uma"),
    ):
        login: Any = find_login(**given, variables=variables, profiles=profiles).login
        assert login.username == name


def test_the_old_variables_still_count_with_a_warning(profiles: Profiles) -> None:
    with pytest.warns(DeprecationWarning, match="CARTA_USERNAME") as warned:
        login: Any = find_login(variables={"CARTA_USER": "old", "CARTA_PASS": CANARY}, profiles=profiles).login
    assert login.username == "old"
    assert CANARY not in str(warned[0].message)


@pytest.mark.parametrize(
    ("given", "variables", "host"),
    [
        ({"username": "u", "password": "p"}, {}, PRODUCTION),
        ({"username": "u", "password": "p", "environment": "sandbox"}, {}, SANDBOX),
        ({"username": "u", "password": "p"}, {"CARTA_ENV": "development"}, SANDBOX),
        ({"username": "u", "password": "p"}, {"CARTA_ENV": "sandbox", "CARTA_HOST": "https://c.example"}, "https://c.example"),
        ({"username": "u", "password": "p", "host": "https://h.example"}, {"CARTA_HOST": "https://c.example"}, "https://h.example"),
        ({"api_token": "k"}, {"CARTA_HOST": "https://c.example"}, "https://c.example"),
        ({"profile": "lab"}, {}, SANDBOX),
        ({"profile": "lab"}, {"CARTA_ENV": "production"}, SANDBOX),
        ({"profile": "lab", "environment": "production"}, {}, PRODUCTION),
        ({"profile": "lab", "host": "https://h.example"}, {}, "https://h.example"),
        ({"profile": "lab"}, {"CARTA_HOST": "https://c.example"}, "https://c.example"),
        ({"profile": "dev"}, {}, "http://127.0.0.1:8765"),
        ({}, {"CARTA_PROFILE": "robot", "CARTA_ENV": "sandbox"}, PRODUCTION),
    ],
)
def test_the_address_is_the_nearest_that_is_said(profiles: Profiles, given: dict[str, str], variables: dict[str, str], host: str) -> None:
    assert find_login(**given, variables=variables, profiles=profiles).host == host


@pytest.mark.parametrize(
    ("given", "variables", "code"),
    [
        ({}, {}, "no_login"),
        ({"username": "u"}, {"CARTA_PASSWORD": "p"}, "no_login"),
        ({"password": CANARY}, {}, "no_login"),
        ({}, {"CARTA_USERNAME": "u"}, "no_login"),
        ({}, {"CARTA_PASSWORD": CANARY}, "no_login"),
        ({}, {"CARTA_USERNAME": "u", "CARTA_PASS": CANARY}, "no_login"),
        ({"profile": "nobody"}, {}, "no_profile"),
        ({"profile": "empty"}, {}, "no_login"),
        ({"profile": "odd"}, {}, "environment"),
        ({"username": "u", "password": "p", "environment": "moon"}, {}, "environment"),
    ],
)
def test_half_a_login_or_none_is_an_error_that_says_what_to_give(
    profiles: Profiles, given: dict[str, str], variables: dict[str, str], code: str
) -> None:
    with pytest.raises(LoginError) as caught:
        find_login(**given, variables=variables, profiles=profiles)
    assert caught.value.code == code
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "host"),
    [("", PRODUCTION), ("Production", PRODUCTION), (" sandbox ", SANDBOX), ("DEVELOPMENT", SANDBOX), ("https://x.y", "https://x.y")],
)
def test_an_environment_has_an_address(environment: str, host: str) -> None:
    assert host_of(environment) == host


@pytest.mark.parametrize("client", [CartaClient, AsyncCartaClient])
def test_clients_are_made_from_a_profile_or_the_environment(
    client: type[CartaClient | AsyncCartaClient], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(keyring, "get_keyring", Null)
    for key in (*EVERYTHING, "CARTA_HOST", "CARTA_ENV"):
        monkeypatch.delenv(key, raising=False)
    Profiles().save(Profile("lab", "lara", "sandbox", CANARY))
    monkeypatch.setenv("CARTA_API_TOKEN", "key")
    assert client.from_profile("lab").host == SANDBOX
    assert isinstance(client.from_profile("lab")._login, PasswordLogin)
    assert client.from_profile("lab", host="https://h.example").host == "https://h.example"
    made = client.from_environment(environment="sandbox", timeout=3)
    assert (made.host, made._carta.timeout) == (SANDBOX, 3)
    assert isinstance(made._login, ApiTokenLogin)
    monkeypatch.setenv("CARTA_HOST", "https://c.example")
    assert client.from_profile("lab").host == client.from_environment().host == "https://c.example"
    monkeypatch.setenv("CARTA_HOST", "http://c.example")
    with pytest.raises(ConfigurationError, match="https"):
        client.from_environment()
