"""CartaDirectory and a Carta that misbehaves: what is no answer is a doubt, and never a permission."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cartaguard import Permission, Principal, Resource
from cartaguard.directories import carta_asking as module
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.caution import Caution
from cartaguard.drivers import blocking
from cartaguard.errors import ConfigurationError, FactsUnavailable
from cartaguard.model.facts import Fact, Granted, GroupsNeed, Listed, ListingNeed, Memberships, Need, OrganizationsNeed, PermissionNeed
from cartaguard.model.principal import Credential
from support.colours import COLOURS, Run
from support.served import Answer, Served, serving
from support.tokens import Clock

P1 = Resource("Project", "p1")
OLGA = Principal(issuer="i", subject="s1", username="olga", groups=["OrgA:Claimed"], credential=Credential("olgas-token"))

ITEM, USER = "/permissions/resources/Project/p1", "/user"
LISTING = "/permissions/resources/Project"
HELD = "/permissions/p1/olga?userType=User"
SEARCH = "/user/users?attributeName=UserName&attributeValue=olga&attributeFilter=%3D"

PAGE = b"<html><body>Read, Write</body></html>"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


def ask(run: Run, directory: CartaDirectory, need: Need) -> Fact:
    facts = run(directory.fetch([need]))
    fact: Fact = facts[need]
    return fact


@pytest.mark.parametrize(
    ("status", "doubt"),
    [
        (201, "carta_unexpected"),
        (204, "carta_unexpected"),
        (301, "carta_unexpected"),
        (302, "carta_unexpected"),
        (400, "carta_unexpected"),
        (401, "carta_unauthorized"),
        (403, ""),
        (404, ""),
        (405, "carta_unexpected"),
        (410, "carta_unexpected"),
        (418, "carta_unexpected"),
        (429, "carta_unavailable"),
        (500, "carta_unavailable"),
        (502, "carta_unavailable"),
        (503, "carta_unavailable"),
        (599, "carta_unavailable"),
    ],
)
def test_only_200_can_give_something_and_only_403_and_404_say_that_there_is_nothing(
    run: Run, served: Served, status: int, doubt: str
) -> None:
    body = b"" if status == 204 else b'{"id": "p1", "permission": "Read"}'
    served.answers[ITEM] = served.answers[HELD] = Answer(status, body, {"Location": "/elsewhere"} if 300 < status < 400 else {})
    served.answers["/elsewhere"] = Answer(200, body)
    for directory in (CartaDirectory(served.url), CartaDirectory(served.url, credential="service-token")):
        assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt=doubt)
    assert served.count("/elsewhere") == 0


def test_what_is_asked_in_the_callers_name_bears_the_callers_token(run: Run, served: Served) -> None:
    served.answers[ITEM] = Answer.of({"id": "p1", "permission": "Read"})
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, P1)) == Granted(Permission.READ)
    assert [headers["authorization"] for _, headers in served.requests] == ["Bearer olgas-token"]


@pytest.mark.parametrize("credential", ["service-token", Credential("service-token"), lambda: "service-token"])
def test_what_a_service_asks_bears_its_own_token(run: Run, served: Served, credential: Any) -> None:
    served.answers[HELD] = Answer(body=b"Read")
    assert ask(run, CartaDirectory(served.url, credential=credential), PermissionNeed(OLGA, P1)) == Granted(Permission.READ)
    assert [headers["authorization"] for _, headers in served.requests] == ["Bearer service-token"]


@pytest.mark.parametrize(
    "body", [b"", PAGE, b"null", b'"Read"', b'{"id": "p2", "permission": "Read"}', b'{"permission": 1}', b"\xff", b"[" * 10_000]
)
def test_a_malformed_item_is_a_doubt(run: Run, served: Served, body: bytes) -> None:
    served.answers[ITEM] = Answer(body=body)
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, P1)) == Granted(doubt="carta_malformed")


@pytest.mark.parametrize("body", [PAGE, b'"Read, Write"', b'{"permission": "Read"}', b'["Read"]', b"\xff"])
def test_malformed_permission_text_is_a_doubt(run: Run, served: Served, body: bytes) -> None:
    served.answers[HELD] = Answer(body=body)
    directory = CartaDirectory(served.url, credential="service-token")
    assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_malformed")


def test_a_listing_keeps_what_is_sound_and_tells_that_something_is_missing(run: Run, served: Served) -> None:
    served.answers[LISTING] = Answer.of([{"id": "p1", "permission": "Read"}, {"id": "p2", "permission": 1}, {"id": "p3"}])
    fact = ask(run, CartaDirectory(served.url), ListingNeed(OLGA, "Project"))
    assert fact == Listed(((P1, Permission.READ),), "carta_malformed")


@pytest.mark.parametrize(
    "value", [{"name": "otto", "groups": ["OrgA:Team"]}, {"groups": ["OrgA:Team"]}, {"name": "olga", "groups": "OrgA:Team"}, []]
)
def test_a_user_who_is_malformed_or_another_is_a_doubt(run: Run, served: Served, value: object) -> None:
    served.answers[USER] = Answer.of(value)
    assert ask(run, CartaDirectory(served.url, groups="user"), GroupsNeed(OLGA)) == Memberships(doubt="carta_malformed")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Memberships()),
        ([{"name": "Olga", "groups": ["X"]}, {"name": "olga2", "groups": ["Y"]}], Memberships()),
        ([{"name": "olga", "groups": ["X"]}, {"name": "olga2", "groups": ["Y"]}], Memberships(frozenset({"X"}))),
        ([{"name": "olga", "groups": ["X"]}, {"name": "olga", "groups": ["Y"]}], Memberships(doubt="carta_malformed")),
        ({"name": "olga"}, Memberships(doubt="carta_malformed")),
    ],
)
def test_a_service_takes_exactly_the_user_of_that_name(run: Run, served: Served, found: object, expected: Memberships) -> None:
    served.answers[SEARCH] = Answer.of(found)
    assert ask(run, CartaDirectory(served.url, credential="service-token", groups="user"), GroupsNeed(OLGA)) == expected


@pytest.mark.parametrize("token", [None, "", "two words", "line\r\nX-Header: 1", "tökén"])
def test_a_caller_without_a_token_of_their_own_is_a_doubt_and_nothing_is_asked(run: Run, served: Served, token: str | None) -> None:
    principal = Principal(issuer="i", subject="s1", credential=None if token is None else Credential(token))
    directory = CartaDirectory(served.url, groups="user")
    for need in (PermissionNeed(principal, P1), ListingNeed(principal, "Project"), GroupsNeed(principal), OrganizationsNeed(principal)):
        assert ask(run, directory, need).doubt == "no_credential"
    assert served.requests == []


@pytest.mark.parametrize("username", ["", " ", "\t"])
def test_a_service_cannot_ask_about_a_caller_without_a_name(run: Run, served: Served, username: str) -> None:
    principal = Principal(issuer="i", subject="s1", username=username)
    directory = CartaDirectory(served.url, credential="service-token", groups="user")
    for need in (PermissionNeed(principal, P1), GroupsNeed(principal)):
        assert ask(run, directory, need).doubt == "no_username"
    assert served.requests == []


@pytest.mark.parametrize(("username", "path"), [("a/b", "a%2Fb"), ("users", "users"), ("x?userType=UserGroup", "x%3FuserType%3DUserGroup")])
def test_a_name_stays_one_segment(run: Run, served: Served, username: str, path: str) -> None:
    served.answers[f"/permissions/p1/{path}?userType=User"] = Answer(body=b"Read")
    principal = Principal(issuer="i", subject="s1", username=username)
    assert ask(run, CartaDirectory(served.url, credential="service-token"), PermissionNeed(principal, P1)) == Granted(Permission.READ)


@pytest.mark.parametrize("username", [".", "..", "../olga"])
def test_a_name_that_is_a_way_up_holds_nothing(run: Run, served: Served, username: str) -> None:
    principal = Principal(issuer="i", subject="s1", username=username)
    assert ask(run, CartaDirectory(served.url, credential="service-token"), PermissionNeed(principal, P1)) == Granted()
    assert served.requests == []


def _fails() -> str:
    raise FactsUnavailable("the vault is shut")


def _breaks() -> str:
    raise ConnectionError("hunter2")


@pytest.mark.parametrize("credential", [_fails, _breaks, lambda: "", lambda: "two words", lambda: None])
def test_a_service_token_that_cannot_be_had_is_a_doubt(run: Run, served: Served, credential: Any) -> None:
    directory = CartaDirectory(served.url, credential=credential)
    for need in (PermissionNeed(OLGA, P1), ListingNeed(OLGA, "Project"), OrganizationsNeed(OLGA)):
        assert ask(run, directory, need).doubt == "no_credential"
    assert served.requests == []


def test_a_carta_that_does_not_finish_in_time_is_a_doubt(run: Run, served: Served) -> None:
    served.gate.clear()
    directory = CartaDirectory(served.url, timeout=0.05)
    assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_unavailable")


def test_a_carta_that_cannot_be_reached_is_a_doubt_and_is_left_alone(run: Run) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens
        directory = CartaDirectory(f"http://127.0.0.1:{bound.getsockname()[1]}")
        assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_unavailable")
        assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_unavailable")


def test_an_answer_that_is_too_long_is_a_doubt_about_that_question_only(run: Run, served: Served) -> None:
    served.answers[LISTING] = Answer(body=b" " * (2 * 1024 * 1024 + 1))
    served.answers[ITEM] = Answer.of({"permission": "Read"})
    directory = CartaDirectory(served.url)
    assert ask(run, directory, ListingNeed(OLGA, "Project")) == Listed(doubt="carta_unavailable")
    assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(Permission.READ)


def test_a_failing_carta_is_asked_again_only_after_a_while(run: Run, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "Caution", lambda source: Caution(source, clock))
    directory = CartaDirectory(served.url)
    served.answers[ITEM] = Answer(503)
    for wait in (1, 2, 4, 8, 30):
        for _ in range(3):
            assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_unavailable")
        clock.now += wait
    assert served.count(ITEM) == 5
    served.answers[ITEM] = Answer.of({"permission": "Read"})
    assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(Permission.READ)


def test_a_question_that_breaks_carta_does_not_silence_it_for_others(run: Run, served: Served) -> None:
    served.answers[ITEM] = Answer(500)
    served.answers["/permissions/resources/Project/p2"] = Answer.of({"permission": "Read"})
    directory = CartaDirectory(served.url)
    for _ in range(5):
        assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_unavailable")
    assert served.count(ITEM) == 1
    assert ask(run, directory, PermissionNeed(OLGA, Resource("Project", "p2"))) == Granted(Permission.READ)


def test_one_doubt_among_several_needs_leaves_the_others_alone(run: Run, served: Served) -> None:
    served.answers[ITEM] = Answer.of({"permission": "Read"})
    needs: list[Need] = [PermissionNeed(OLGA, P1), ListingNeed(OLGA, "."), PermissionNeed(OLGA, Resource("Project", "p2"))]
    served.answers["/permissions/resources/Project/p2"] = Answer(body=PAGE)
    facts = run(CartaDirectory(served.url).fetch(needs))
    assert [facts[need] for need in needs] == [Granted(Permission.READ), Listed(), Granted(doubt="carta_malformed")]


def test_a_client_of_the_users_own_is_used_and_follows_no_redirect(served: Served) -> None:
    served.answers[ITEM] = Answer(302, headers={"Location": "/elsewhere"})
    with httpx.Client(follow_redirects=True, headers={"X-Own": "yes"}) as client:
        directory = CartaDirectory(served.url, http=client)
        assert ask(blocking.run, directory, PermissionNeed(OLGA, P1)) == Granted(doubt="carta_unexpected")
    assert [(path, headers["x-own"]) for path, headers in served.requests] == [(ITEM, "yes")]


@pytest.mark.parametrize(
    "options",
    [
        {"host": "http://carta.example"},
        {"host": "https://carta.example?token=hunter2"},
        {"groups": "all"},
        {"timeout": 0},
        {"credential": ""},
        {"credential": "hunter2 hunter2"},
        {"credential": Credential("")},
        {"credential": 7},
    ],
)
def test_a_wrong_set_up_is_refused_at_once_and_without_secrets(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        CartaDirectory(**{"host": "https://carta.example", **options})
    assert "hunter2" not in str(caught.value)


async def _async_token() -> str:
    return "t"


def test_a_coroutine_function_is_no_credential() -> None:
    with pytest.raises(ConfigurationError, match="plain function"):
        CartaDirectory("https://carta.example", credential=_async_token)  # type: ignore[arg-type]


def test_no_token_is_ever_logged(run: Run, served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    principal = Principal(issuer="i", subject="s1", username="olga", credential=Credential("canary-own"))
    for status, body in ((200, PAGE), (401, b"canary-answer"), (500, b""), (503, b"")):
        served.answers[ITEM] = served.answers[HELD] = served.answers[USER] = Answer(status, body)
        for directory in (
            CartaDirectory(served.url, groups="user"),
            CartaDirectory(served.url, credential="canary-service", groups="user"),
        ):
            facts = run(directory.fetch([PermissionNeed(principal, P1), GroupsNeed(principal)]))
            assert "canary" not in repr((directory, facts))
    assert "event=answer_malformed" in caplog.text
    assert "canary" not in caplog.text
