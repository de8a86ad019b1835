"""The guard: each call and its async twin answer the same, and nothing blocks a loop without need."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from cartaguard import (
    Decision,
    Guard,
    Issuer,
    LocalDirectory,
    Permission,
    Policy,
    Principal,
    Resource,
    Settings,
    StaticKeys,
    TokenVerifier,
    authenticated,
    errors,
    groups,
    permission,
    public,
    restricted,
    users,
)
from cartaguard.directories.cached import CachedDirectory
from cartaguard.drivers.effects import Call, Steps
from cartaguard.model.facts import Granted, GroupsNeed, Known, Listed, ListingNeed, Memberships, PermissionNeed
from cartaguard.model.restriction import Restriction
from cartaguard.tokens.keys import Found, Keys
from support.facts import OLGA, FactTable, both, person
from support.keys import jwks, rsa_key
from support.tokens import CLIENT, ISSUER, Clock, bearer, token_for, verifier_for

P1, P2, P3 = (Resource("Project", name) for name in ("p1", "p2", "p3"))
READ = permission("read", "Project:{id}")


def table(**options: Any) -> FactTable:
    facts: dict[Any, Any] = {
        P1: Granted(Permission.READ),
        P2: Granted(Permission.OWNER),
        P3: Granted(),
        "groups": Memberships(frozenset({"Team"})),
        "Team": Memberships(frozenset({"Team"})),
        "Project": Listed(((P2, Permission.OWNER), (P1, Permission.READ))),
    }
    return FactTable({**facts, **options.pop("facts", {})}, **options)


@pytest.fixture(params=["at hand", "to be fetched"])
def guard(request: pytest.FixtureRequest) -> Guard:
    return Guard(directory=table(later=() if request.param == "at hand" else True))


# -- each call and its twin -------------------------------------------------------------------------------


def test_check(guard: Guard) -> None:
    for name, permitted in (("p1", True), ("p2", True), ("p3", False)):
        params = {"id": name}
        decision = both(lambda params=params: guard.check(OLGA, READ, params), lambda params=params: guard.acheck(OLGA, READ, params))  # type: ignore[misc]
        assert decision.permitted is permitted


def test_check_many(guard: Guard) -> None:
    checks: list[Any] = [authenticated, (READ, {"id": "p1"}), (READ, {"id": "p3"}), groups("Team")]
    found = both(lambda: guard.check_many(OLGA, checks), lambda: guard.acheck_many(OLGA, checks))
    assert [decision.permitted for decision in found] == [True, True, False, True]
    assert [decision.permitted for decision in guard.check_many(Principal.anonymous, checks)] == [False] * 4


def test_permissions(guard: Guard) -> None:
    for resource, expected in ((P1, Permission.READ), (P2, Permission.ALL), ("Project:p3", Permission.NONE)):
        ask = (lambda what=resource: guard.permissions(OLGA, what)), (lambda what=resource: guard.apermissions(OLGA, what))
        assert both(*ask) == expected
    assert guard.permissions(Principal.anonymous, P2) == Permission.NONE


def test_filter(guard: Guard) -> None:
    wanted = [P3, P2, P1, P2]
    assert both(lambda: guard.filter(OLGA, "read", wanted), lambda: guard.afilter(OLGA, "read", iter(wanted))) == [P2, P1, P2]
    assert guard.filter(OLGA, "write", wanted) == [P2, P2]
    assert guard.filter(OLGA, "read", []) == guard.filter(Principal.anonymous, "read", wanted) == []


def test_list_resources(guard: Guard) -> None:
    first = both(
        lambda: guard.list_resources(OLGA, "read", "Project", limit=1), lambda: guard.alist_resources(OLGA, "read", "Project", limit=1)
    )
    assert (list(first), first.truncated) == ([P1], True)
    second = both(
        lambda: guard.list_resources(OLGA, "read", "Project", limit=1, cursor=first.cursor),
        lambda: guard.alist_resources(OLGA, "read", "Project", limit=1, cursor=first.cursor),
    )
    assert (list(second), second.truncated) == ([P2], False)
    assert list(guard.list_resources(OLGA, "write", "Project")) == [P2]
    assert list(guard.list_resources(Principal.anonymous, "read", "Project")) == []


def test_a_page_holds_a_thousand_unless_another_number_is_asked_for() -> None:
    many = Listed(tuple((Resource("Project", f"{number:04}"), Permission.READ) for number in range(1002)))
    guard = Guard(directory=table(facts={"Project": many}))
    pages = both(lambda: guard.list_resources(OLGA, "read", "Project"), lambda: guard.alist_resources(OLGA, "read", "Project"))
    assert len(pages) == 1000


def test_a_page_after_something_that_is_no_cursor_is_an_error_also_for_the_anonymous(guard: Guard) -> None:
    for caller in (OLGA, Principal.anonymous):
        with pytest.raises(errors.ParameterError, match="is not a cursor"):
            guard.list_resources(caller, "read", "Project", cursor="!")


def test_groups(guard: Guard) -> None:
    caller = person(groups=["FromToken"])
    assert both(lambda: guard.groups(caller), lambda: guard.agroups(caller)) == {"Team", "FromToken"}
    assert guard.groups(Principal.anonymous) == frozenset()


def test_explain(guard: Guard) -> None:
    explanation = both(lambda: guard.explain(OLGA, READ, {"id": "p1"}), lambda: guard.aexplain(OLGA, READ, {"id": "p1"}))
    assert explanation.decision == guard.check(OLGA, READ, {"id": "p1"})


def test_invalidate_hands_on_what_is_named() -> None:
    directory = table()
    guard = Guard(directory=directory)
    guard.invalidate()
    guard.invalidate(principal=OLGA, group="Team", resource="Project:p1")
    asyncio.run(guard.ainvalidate(resource=P1))
    asyncio.run(guard.ainvalidate(principal=OLGA, group="Team"))
    assert directory.forgotten == [
        {"principal": None, "group": None, "resource": None},
        {"principal": OLGA, "group": "Team", "resource": P1},
        {"principal": None, "group": None, "resource": P1},
        {"principal": OLGA, "group": "Team", "resource": None},
    ]


# -- what is wrong is said, and with errors of ours ---------------------------------------------------------


@pytest.mark.parametrize("action", ["reads", "Read", "", None])
def test_an_unknown_permission_is_an_error(action: Any) -> None:
    guard = Guard(directory=table())
    for call in (
        lambda: guard.filter(OLGA, action, [P1]),
        lambda: guard.filter(Principal.anonymous, action, []),
        lambda: guard.list_resources(Principal.anonymous, action, "Project"),
    ):
        with pytest.raises(errors.RequirementError, match="is not a permission"):
            call()


def test_text_that_is_no_resource_is_an_error_of_ours() -> None:
    with pytest.raises(errors.ParameterError, match="`p1` is not a resource"):
        Guard().permissions(OLGA, "p1")


def test_a_whole_that_is_not_known_is_unavailable() -> None:
    doubtful = table(
        facts={P1: Granted(Permission.READ, "too_slow"), "Project": Listed(doubt="too_slow"), "groups": Memberships(doubt="too_slow")}
    )
    guard = Guard(directory=doubtful)
    for call in (
        lambda: guard.permissions(OLGA, P1),
        lambda: guard.filter(OLGA, "write", [P1]),
        lambda: guard.list_resources(OLGA, "read", "Project"),
        lambda: guard.groups(OLGA),
    ):
        with pytest.raises(errors.FactsUnavailable, match=r"did not answer \(too slow\)"):
            call()
    assert guard.filter(OLGA, "read", [P1]) == [P1], "what is known still counts"


# -- loops ------------------------------------------------------------------------------------------------


def test_a_blocking_call_in_a_loop_raises_only_when_something_has_to_be_fetched() -> None:
    async def main() -> None:
        at_hand = Guard(directory=table())
        assert at_hand.check(OLGA, READ, {"id": "p1"})
        assert at_hand.permissions(OLGA, P1) == Permission.READ
        assert at_hand.filter(OLGA, "read", [P1]) == [P1]
        assert at_hand.explain(OLGA, READ, {"id": "p1"}).decision
        directory = table(later=True)
        guard = Guard(directory=directory)
        assert guard.check(OLGA, authenticated)
        for call, twin in (
            (lambda: guard.check(OLGA, READ, {"id": "p1"}), "acheck"),
            (lambda: guard.check_many(OLGA, [groups("Team")]), "acheck_many"),
            (lambda: guard.permissions(OLGA, P1), "apermissions"),
            (lambda: guard.filter(OLGA, "read", [P1]), "afilter"),
            (lambda: guard.list_resources(OLGA, "read", "Project"), "alist_resources"),
            (lambda: guard.groups(OLGA), "agroups"),
            (lambda: guard.explain(OLGA, authenticated), "aexplain"),
        ):
            with pytest.raises(errors.WouldBlock, match=rf"await `guard\.{twin}\("):
                call()
        assert await asyncio.to_thread(guard.check, OLGA, READ, {"id": "p1"})

    asyncio.run(main())


def test_threads_and_tasks_share_one_guard() -> None:
    guard = Guard(directory=table(later=True))
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(guard.check(OLGA, READ, {"id": "p1"}).permitted)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def main() -> list[bool]:
        return [decision.permitted for decision in await asyncio.gather(*(guard.acheck(OLGA, READ, {"id": "p1"}) for _ in range(4)))]

    assert found + asyncio.run(main()) == [True] * 8


# -- making one -----------------------------------------------------------------------------------------


def test_a_guard_without_facts_knows_what_the_token_says() -> None:
    guard = Guard()
    assert guard.check(person(groups=["Team"]), groups("Team"))
    assert not guard.check(OLGA, READ, {"id": "p1"})
    assert guard.groups(person(groups=["Team"])) == {"Team"}
    assert repr(guard) == "<Guard LocalDirectory, <Policy of 0 entries>>"


def test_a_remote_directory_gets_a_cache_on_the_guards_clock() -> None:
    class Remote(FactTable):
        remote = True

    clock, remote = Clock(), Remote({P1: Granted(Permission.READ)}, later=True)
    guard = Guard(directory=remote, clock=clock)
    assert isinstance(guard.directory, CachedDirectory)
    for _ in range(3):
        assert guard.check(OLGA, READ, {"id": "p1"})
    assert len(remote.fetched) == 1
    clock.now += 3600
    assert guard.check(OLGA, READ, {"id": "p1"})
    assert len(remote.fetched) == 2


@pytest.mark.parametrize(
    ("options", "realm", "access"),
    [({}, "carta", None), ({"realm": "lab", "access_url": "https://portal.example/access"}, "lab", "https://portal.example/access")],
)
def test_a_refusal_names_the_guards_realm_and_where_access_can_be_asked_for(options: Any, realm: str, access: str | None) -> None:
    refusals = Guard(**options).refusals
    assert dict(refusals.decision(Decision(), authenticated=False).headers)["WWW-Authenticate"] == f'Bearer realm="{realm}"'
    assert json.loads(refusals.decision(Decision(), authenticated=True).body).get("request_access") == access


def test_closing_gives_back_what_the_directory_holds() -> None:
    directory = table()
    Guard(directory=directory).close()
    assert directory.closed


def test_a_guard_is_made_from_settings() -> None:
    settings = Settings.from_dict(
        {
            "issuers": [{"kind": "cognito", "region": "us-east-2", "user_pool_id": "us-east-2_Abc123xyz", "client_ids": ["c"]}],
            "routes": [{"path": "/*", "require": {"public": "a page"}}],
        }
    )
    assert Guard.from_settings(settings).policy.entries[0].requirement == public("a page")


# -- authentication -------------------------------------------------------------------------------------


def test_a_token_becomes_a_principal_in_both_colours() -> None:
    guard = Guard(verifier=verifier_for())
    values = bearer(token_for("olga", ["Team"]))
    caller = both(lambda: guard.authenticate(values), lambda: guard.aauthenticate(values))
    assert (caller.username, caller.groups, caller.issuer) == ("olga", frozenset({"Team"}), ISSUER)
    assert both(lambda: guard.authenticate([]), lambda: guard.aauthenticate([])) is Principal.anonymous


def test_keys_that_are_not_at_hand_are_fetched_or_refused_in_a_loop() -> None:
    class Distant(Keys):
        def __init__(self) -> None:
            self.real = StaticKeys(jwks(rsa_key()))

        def find(self, kid: str, alg: str) -> Found | None:
            return None

        def refresh(self, kid: str, alg: str) -> Steps[Found]:
            yield Call(lambda: None)
            return self.real.find(kid, alg)

    guard = Guard(verifier=TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=Distant())], clock=Clock()))
    assert guard.authenticate(bearer(token_for("olga"))).username == "olga"

    async def main() -> None:
        assert (await guard.aauthenticate(bearer(token_for("ada")))).username == "ada"
        with pytest.raises(errors.WouldBlock, match=r"await `guard\.aauthenticate\("):
            guard.authenticate(bearer(token_for("eve")))

    asyncio.run(main())


def test_a_guard_that_only_decides_authenticates_nobody_but_the_anonymous() -> None:
    guard = Guard()
    assert both(lambda: guard.authenticate([]), lambda: guard.aauthenticate([])) is Principal.anonymous
    with pytest.raises(errors.ConfigurationError, match="no verifier") as caught:
        guard.authenticate([b"Bearer x"])
    assert caught.value.code == "no_verifier"


# -- several issuers --------------------------------------------------------------------------------------


def several(**options: Any) -> Guard:
    issuers = [Issuer(name, client_ids=[CLIENT], keys=StaticKeys(jwks(rsa_key()))) for name in (ISSUER, "https://b.example")]
    return Guard(verifier=TokenVerifier(issuers, clock=Clock()), **options)


def test_among_several_issuers_users_must_say_whose_they_are() -> None:
    guard = several()
    qualified = users("olga", issuer=ISSUER)
    assert guard.accept(qualified) is qualified
    assert guard.check(person(issuer=ISSUER), qualified)
    assert not guard.check(person(issuer="https://b.example"), qualified)
    bare = groups("Team") | users("olga")
    for call in (
        lambda: guard.accept(bare),
        lambda: guard.check(OLGA, bare),
        lambda: guard.check_many(OLGA, [authenticated, (bare, {})]),
        lambda: guard.explain(OLGA, bare),
        lambda: asyncio.run(guard.acheck(OLGA, bare)),
        lambda: several(policy=Policy.from_dict({"routes": [{"path": "/a", "require": {"users": ["olga"]}}]})),
    ):
        with pytest.raises(errors.ConfigurationError, match="does not say whose users they are") as caught:
            call()
        assert caught.value.code == "unqualified_user"
    assert Guard().accept(bare) is bare


def test_among_several_issuers_a_directory_user_must_say_it_too() -> None:
    with pytest.raises(errors.ConfigurationError):
        several(directory=LocalDirectory.from_dict({"users": {"olga": {}}}))


@pytest.mark.parametrize("later", [(), True])
def test_among_several_issuers_a_bare_name_lists_nobody(later: Any) -> None:
    listed = {P1: Known(known=True, restrictions=(Restriction("only_allowed_users", frozenset({"olga"})),))}
    for issuer in (ISSUER, "https://b.example"):
        assert several(directory=FactTable(listed, later=later)).check(person(issuer=issuer), restricted("Project:p1")).denied
    assert Guard(directory=FactTable(listed, later=later)).check(OLGA, restricted("Project:p1"))


# -- what is asked ----------------------------------------------------------------------------------------


def test_the_question_is_part_of_what_a_directory_is_asked() -> None:
    directory = table(later=True)
    guard = Guard(directory=directory)
    guard.filter(OLGA, "clone", [P1])
    guard.permissions(OLGA, P1)
    guard.groups(OLGA)
    guard.list_resources(OLGA, "read", "Project")
    assert directory.fetched == [
        (PermissionNeed(OLGA, P1, 8),),
        (PermissionNeed(OLGA, P1),),
        (GroupsNeed(OLGA),),
        (ListingNeed(OLGA, "Project"),),
    ]
