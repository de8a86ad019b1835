"""A service account's login: tokens, API tokens, and logins that are renewed."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cartaguard import Permission, Principal, Resource
from cartaguard.carta import ApiTokenLogin, PasswordLogin
from cartaguard.carta.endpoint import Endpoint
from cartaguard.directories import carta_asking
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.caution import Caution
from cartaguard.drivers.breaker import Breaker
from cartaguard.drivers.effects import Steps
from cartaguard.errors import CartaUnavailable, ConfigurationError, FactsUnavailable, LoginError
from cartaguard.model.facts import Fact, Granted, PermissionNeed
from cartaguard.model.principal import Credential
from support.canary import CANARY
from support.colours import COLOURS, Run
from support.served import Answer, Served, serving
from support.tokens import Clock

OLGA = Principal(issuer="i", subject="s1", username="olga", credential=Credential("olgas-token"))
NEED = PermissionNeed(OLGA, Resource("Project", "p1"))
HELD = "/permissions/p1/olga?userType=User"
READ = Granted(Permission.READ)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        served.answers[HELD] = Answer(body=b"Read")
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(carta_asking, "Caution", lambda source: Caution(source, clock))
    monkeypatch.setattr(carta_asking, "Breaker", lambda: Breaker(clock))
    return clock


def ask(run: Run, directory: CartaDirectory) -> Fact:
    facts = run(directory.fetch([NEED]))
    fact: Fact = facts[NEED]
    return fact


def sent(served: Served) -> list[str]:
    return [headers["authorization"] for _, headers in served.requests]


class Numbered:
    """A login whose tokens are numbered; ``fault`` is what befalls it."""

    def __init__(self, fault: Exception | None = None, *, renews: bool = True) -> None:
        self.number = 1
        self.fault = fault
        self.renews = renews
        self.asked = 0

    def authorization(self, carta: Endpoint) -> Steps[str]:
        yield from ()
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return f"Bearer {self.number}"

    def renew(self, carta: Endpoint, refused: str) -> Steps[bool]:
        yield from ()
        assert refused == f"Bearer {self.number}"
        self.number += 1
        return self.renews


@pytest.mark.parametrize("key", [CANARY, Credential(CANARY), lambda: CANARY, "login"])
def test_an_api_token_is_the_password_of_a_fixed_name(run: Run, served: Served, key: Any) -> None:
    login: dict[str, Any] = {"credential": ApiTokenLogin(CANARY)} if key == "login" else {"api_token": key}
    directory = CartaDirectory(served.url, **login)
    assert ask(run, directory) == READ
    assert sent(served) == ["Basic " + b64encode(f"__token__:{CANARY}".encode()).decode()]
    assert CANARY not in repr(directory)


def _fails() -> str:
    raise FactsUnavailable("the vault is shut")


@pytest.mark.parametrize("key", [_fails, lambda: "", lambda: "two words", lambda: None])
def test_an_api_token_that_cannot_be_had_is_a_doubt(run: Run, served: Served, key: Any) -> None:
    assert ask(run, CartaDirectory(served.url, api_token=key)) == Granted(doubt="no_credential")
    assert served.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"api_token": ""},
        {"api_token": f"{CANARY} {CANARY}"},
        {"api_token": Credential("")},
        {"api_token": 7},
        {"api_token": CANARY, "credential": CANARY},
        {"api_token": CANARY, "credential": PasswordLogin("vera", CANARY)},
        {"api": "v3"},
        {"issuer": ""},
        {"issuer": " "},
        {"issuer": 7},
    ],
)
def test_a_wrong_set_up_is_refused_at_once_and_without_secrets(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        CartaDirectory("https://carta.example", **options)
    assert CANARY not in str(caught.value)


def test_a_login_that_is_refused_is_renewed_once(run: Run, served: Served) -> None:
    served.refused = {"Bearer 1"}
    login = Numbered()
    directory = CartaDirectory(served.url, credential=login)
    assert ask(run, directory) == READ
    assert ask(run, directory) == READ
    assert sent(served) == ["Bearer 1", "Bearer 2", "Bearer 2"]


def test_a_function_is_asked_for_another_token(run: Run, served: Served) -> None:
    served.refused = {"Bearer old"}
    tokens = iter(["old", "new", "new"])
    assert ask(run, CartaDirectory(served.url, credential=lambda: next(tokens))) == READ
    assert sent(served) == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("credential", ["old", lambda: "old"])
def test_a_token_that_stays_the_same_is_not_sent_twice(run: Run, served: Served, credential: str | Callable[[], str]) -> None:
    served.refused = {"Bearer old"}
    assert ask(run, CartaDirectory(served.url, credential=credential)) == Granted(doubt="carta_unauthorized")
    assert sent(served) == ["Bearer old"]


def test_a_login_that_carta_never_takes_is_renewed_only_now_and_then(run: Run, served: Served, clock: Clock) -> None:
    served.refused = {f"Bearer {number}" for number in range(1, 20)}
    login = Numbered()
    directory = CartaDirectory(served.url, credential=login)
    for expected in (2, 2, 2):
        assert ask(run, directory) == Granted(doubt="carta_unauthorized")
        assert login.number == expected
    clock.now += 1.5
    assert ask(run, directory) == Granted(doubt="carta_unauthorized")
    assert login.number == 3
    served.refused = set()
    clock.now += 2.5
    assert ask(run, directory) == READ


def test_a_login_that_gives_no_answer_is_left_alone(run: Run, served: Served, clock: Clock) -> None:
    login = Numbered(CartaUnavailable("cognito gave no answer"))
    directory = CartaDirectory(served.url, credential=login)
    for _ in range(3):
        assert ask(run, directory) == Granted(doubt="carta_unavailable")
    assert login.asked == 1
    login.fault = None
    clock.now += 1.5
    assert ask(run, directory) == READ


@pytest.mark.parametrize(
    ("fault", "doubt"),
    [
        (LoginError("no", code="bad_credentials"), "bad_credentials"),
        (LoginError("no", code="mfa_required"), "mfa_required"),
        (ConfigurationError("carta's user pool is in `x`", code="bad_region"), "bad_region"),
        (FactsUnavailable("the vault is shut", code="timeout"), "timeout"),
    ],
)
def test_a_login_that_fails_is_a_doubt(run: Run, served: Served, fault: Exception, doubt: str) -> None:
    assert ask(run, CartaDirectory(served.url, credential=Numbered(fault))) == Granted(doubt=doubt)
    assert served.requests == []


def test_a_password_that_cannot_be_proved_is_a_doubt_and_not_seen(run: Run, served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    directory = CartaDirectory(served.url, credential=PasswordLogin("vera", CANARY))
    assert ask(run, directory) == Granted(doubt="carta_not_found")
    assert [path for path, _ in served.requests] == ["/auth"]
    assert CANARY not in caplog.text + repr(directory)
