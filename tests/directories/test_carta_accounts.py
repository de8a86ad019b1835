"""Groups from Carta's own lists of members, by a service account."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cartaguard import Guard, Principal, groups
from cartaguard.directories import carta as module
from cartaguard.directories.base import Aged, at_hand
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.carta_accounts import Accounts
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.local import LocalDirectory
from cartaguard.drivers import aio, blocking, transport
from cartaguard.errors import ConfigurationError
from cartaguard.model.facts import Fact, GroupsNeed, Memberships, Need, Organizations, OrganizationsNeed
from cartaguard.model.freshness import Freshness
from cartaguard.model.principal import Credential
from support.colours import COLOURS, Run
from support.served import Answer, Served, serving
from support.tokens import Clock

OLGA = Principal(issuer="i", subject="s1", username="olga", groups=["OrgA:Claimed"], credential=Credential("olgas-token"))
TEAM, OTHERS = "OrgA:Team", "OrgA:Others"
MEMBERS = {group: f"/user/group/{group.replace(':', '%3A')}" for group in (TEAM, OTHERS, "OrgA:Claimed")}
SEARCH = "/user/users?attributeName=UserName&attributeValue=olga&attributeFilter=%3D"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


@pytest.fixture
def directory(served: Served) -> CartaDirectory:
    return CartaDirectory(served.url, credential="service-token", groups="members")


def ask(run: Run, directory: CartaDirectory, need: Need) -> Fact:
    facts = run(directory.fetch([need]))
    fact: Fact = facts[need]
    return fact


def among(*wanted: str, principal: Principal = OLGA) -> GroupsNeed:
    return GroupsNeed(principal, frozenset(wanted))


def members(*people: dict[str, Any]) -> Answer:
    return Answer.of([{"name": "somebody", **person} for person in people])


@pytest.mark.parametrize(
    ("people", "is_one"),
    [
        ([{"id": "s1", "name": "olga"}], True),
        ([{"id": "s1", "name": "renamed"}], True),
        ([{"name": "olga"}], True),
        ([{"id": None, "name": "olga"}], True),
        ([{"id": "s2", "name": "olga"}], False),
        ([{"name": "Olga"}], False),
        ([{"id": "S1"}], False),
        ([{"id": "s2"}, {"id": "s1"}], True),
        ([], False),
    ],
)
def test_a_member_is_known_by_the_id_and_by_name_only_where_none_is_told(
    run: Run, served: Served, directory: CartaDirectory, people: list[dict[str, Any]], is_one: bool
) -> None:
    served.answers[MEMBERS[TEAM]] = members(*people)
    assert ask(run, directory, among(TEAM)) == Memberships(frozenset({TEAM} if is_one else ()))
    assert [(path, headers["authorization"]) for path, headers in served.requests] == [(MEMBERS[TEAM], "Bearer service-token")]


@pytest.mark.parametrize("username", ["", " "])
def test_a_caller_without_a_name_is_no_member_by_name(run: Run, served: Served, directory: CartaDirectory, username: str) -> None:
    served.answers[MEMBERS[TEAM]] = members({"name": " "})
    assert ask(run, directory, among(TEAM, principal=Principal(issuer="i", subject="s1", username=username))) == Memberships()


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (Answer(403), ""),
        (Answer(404), ""),
        (Answer(401), "carta_unauthorized"),
        (Answer(500), "carta_unavailable"),
        (Answer(400), "carta_unexpected"),
        (Answer.of({"id": "s1", "name": "olga"}), "carta_malformed"),
        (Answer.of([{"id": "s1"}]), "carta_malformed"),
        (Answer.of([{"id": 1, "name": "olga"}]), "carta_malformed"),
        (Answer(body=b"[" + b" " * (2 * 1024 * 1024) + b"]"), "carta_unavailable"),
    ],
)
def test_a_list_that_cannot_be_had_is_a_doubt_about_its_group_only(
    run: Run, served: Served, directory: CartaDirectory, answer: Answer, doubt: str
) -> None:
    served.answers[MEMBERS[TEAM]] = answer
    served.answers[MEMBERS[OTHERS]] = members({"id": "s1"})
    assert ask(run, directory, among(TEAM, OTHERS)) == Memberships(frozenset({OTHERS}), doubt)


def test_a_group_that_no_path_can_carry_has_no_members(run: Run, served: Served, directory: CartaDirectory) -> None:
    assert ask(run, directory, among("..")) == Memberships()
    assert served.requests == []


def test_what_the_token_states_is_not_asked_about(run: Run, served: Served, directory: CartaDirectory) -> None:
    assert ask(run, directory, among("OrgA:Claimed", TEAM)) == Memberships(frozenset({"OrgA:Claimed"}))
    assert [path for path, _ in served.requests] == [MEMBERS[TEAM]]


def test_where_no_group_is_named_the_account_tells(run: Run, served: Served, directory: CartaDirectory) -> None:
    served.answers[SEARCH] = members({"name": "olga", "groups": [TEAM], "organization": "OrgA"})
    assert ask(run, directory, GroupsNeed(OLGA)) == Memberships(frozenset({TEAM}))
    assert ask(run, directory, OrganizationsNeed(OLGA)) == Organizations(frozenset({"OrgA"}))
    assert served.count(SEARCH) == 2


@pytest.mark.parametrize("credential", [None, "service-token"])
def test_an_account_of_the_same_name_and_another_id_is_not_the_callers(run: Run, served: Served, credential: str | None) -> None:
    """A login name may be given anew."""
    account = {"id": "s2", "name": "olga", "groups": [TEAM]}
    served.answers |= {SEARCH: Answer.of([account]), "/user": Answer.of(account)}
    doubt = "" if credential else "carta_malformed"
    assert ask(run, CartaDirectory(served.url, credential=credential, groups="user"), GroupsNeed(OLGA)) == Memberships(doubt=doubt)


@pytest.mark.parametrize("age", [None, 60.0])
def test_many_callers_at_once_need_one_list(served: Served, directory: CartaDirectory, age: float | None) -> None:
    served.answers[MEMBERS[TEAM]] = members(*({"id": f"s{number}"} for number in range(0, 20, 2)))
    served.gate.clear()
    fresh = Freshness(max_age=age)
    needs = [GroupsNeed(Principal(issuer="i", subject=f"s{number}"), frozenset({TEAM}), fresh) for number in range(20)]

    async def at_once() -> list[Any]:
        opened = asyncio.create_task(asyncio.to_thread(served.open_on_arrival))
        found = await asyncio.gather(*(aio.run(directory.fetch([need])) for need in needs))
        await opened
        await transport._aclient().aclose()
        return found

    found = asyncio.run(at_once())
    assert [bool(facts[need].groups) for need, facts in zip(needs, found, strict=True)] == [True, False] * 10
    assert served.count(MEMBERS[TEAM]) == 1


@pytest.mark.parametrize(
    ("fresh", "later", "lists"),
    [
        (None, 3.0, 1),
        (Freshness(max_stale=9.0), 3.0, 1),
        (Freshness(max_age=3.5), 3.0, 1),
        (Freshness(max_age=3.0), 3.0, 2),
        (Freshness(max_age=0.0), 0.0, 2),
    ],
)
def test_a_list_is_joined_that_was_asked_for_no_earlier_than_a_question_allows(
    served: Served, monkeypatch: pytest.MonkeyPatch, fresh: Freshness | None, later: float, lists: int
) -> None:
    """Whoever it was asked for; and who joins is told how much earlier that was."""
    clock = Clock()
    monkeypatch.setattr(module, "Accounts", lambda asking: Accounts(asking, clock))
    directory = CartaDirectory(served.url, credential="service-token", groups="members")
    served.answers[MEMBERS[TEAM]] = members({"id": "s1"})
    others = among(TEAM, principal=Principal(issuer="i", subject="s2", username="greta"))
    served.gate.clear()

    async def main() -> Mapping[Need, Fact]:
        first = asyncio.create_task(aio.run(directory.fetch([others])))
        await asyncio.to_thread(served.arrived.wait, 10)
        clock.now += later
        second = asyncio.create_task(aio.run(directory.fetch([GroupsNeed(OLGA, frozenset({TEAM}), fresh)])))
        for _ in range(20):
            await asyncio.sleep(0)
        served.gate.set()
        await first
        facts = await second
        await transport._aclient().aclose()
        return facts

    facts = asyncio.run(main())
    assert isinstance(facts, Aged)
    assert (facts.age, list(facts.values())) == (later if lists == 1 else 0.0, [Memberships(frozenset({TEAM}))])
    assert served.count(MEMBERS[TEAM]) == lists


def test_whoever_asks_after_an_invalidation_does_not_join_an_older_list(served: Served, directory: CartaDirectory) -> None:
    served.answers[MEMBERS[TEAM]] = members()
    served.gate.clear()
    first: list[Fact] = []
    thread = threading.Thread(target=lambda: first.append(ask(blocking.run, directory, among(TEAM))))
    thread.start()
    served.arrived.wait(10)
    served.answers[MEMBERS[TEAM]] = members({"id": "s1"})
    directory.invalidate(group=TEAM)
    served.arrived.clear()
    opener = threading.Thread(target=served.open_on_arrival)
    opener.start()
    assert ask(blocking.run, directory, among(TEAM)) == Memberships(frozenset({TEAM}))
    thread.join(10)
    opener.join(10)
    assert served.count(MEMBERS[TEAM]) == 2


def test_an_answer_about_one_group_is_not_remembered_as_one_about_another(run: Run, served: Served, directory: CartaDirectory) -> None:
    served.answers |= {MEMBERS[TEAM]: members(), MEMBERS[OTHERS]: members({"id": "s1"})}
    clock = Clock()
    cached = CachedDirectory(directory, clock=clock)
    assert run(cached.fetch([among(TEAM)])) == {among(TEAM): Memberships()}
    assert at_hand(cached, among(TEAM)) == Memberships()
    assert at_hand(cached, among(OTHERS)) is None
    assert run(cached.fetch([among(OTHERS)])) == {among(OTHERS): Memberships(frozenset({OTHERS}))}
    clock.now += 6
    assert at_hand(cached, among(TEAM)) is None
    assert at_hand(cached, among(OTHERS)) == Memberships(frozenset({OTHERS}))


@pytest.mark.parametrize("local", [[], [LocalDirectory.from_dict({"users": {"olga": {}}})]])
def test_a_guard_decides_by_the_lists_of_the_groups_that_a_policy_names(
    served: Served, directory: CartaDirectory, local: list[LocalDirectory]
) -> None:
    guard = Guard(directory=ChainDirectory([directory, *local]))
    served.answers |= {MEMBERS[TEAM]: members({"id": "s1"}), MEMBERS[OTHERS]: members()}
    assert guard.check(OLGA, groups(TEAM)).permitted
    assert not guard.check(OLGA, groups(OTHERS)).permitted
    assert guard.check(OLGA, groups(TEAM, OTHERS)).permitted


@pytest.mark.parametrize("options", [{}, {"credential": None}])
def test_lists_of_members_need_a_service_account(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="service account"):
        CartaDirectory("https://carta.example", groups="members", **options)
