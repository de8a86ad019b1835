"""CartaDirectory against an embedded Carta, in both colours: facts are what Carta says, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import pytest

from cartaguard import Issuer, Permission, Principal, Resource, TokenVerifier
from cartaguard.carta import CartaClient, PasswordLogin, TokenLogin
from cartaguard.directories.base import at_hand
from cartaguard.directories.carta import CartaDirectory
from cartaguard.drivers import blocking
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.testing import EmbeddedCarta
from support.colours import COLOURS, Run

ALLOYS, CERAMICS = Resource("Project", "alloys"), Resource("Project", "ceramics")
SERVICE = Resource("Service", "aurora/phase-fit")

#: What each holds on Project:alloys, and through it on the service.
HELD = {
    "olga": (Permission.ALL, Permission.ALL),
    "edda": (Permission.of("read", "write", "execute"), Permission.of("read", "execute")),
    "adam": (Permission.of("read", "execute"), Permission.of("read", "execute")),
    "greta": (Permission.READ, Permission.READ),
    "otto": (Permission.NONE, Permission.NONE),
    "vera": (Permission.NONE, Permission.NONE),
}


@pytest.fixture(scope="module")
def carta() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta(seed=True) as carta:
        yield carta


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


@cache
def caller(carta: EmbeddedCarta, name: str) -> Principal:
    """The principal that a guard makes of this user's token."""
    return blocking.run(verifier(carta).authenticate_steps([b"Bearer " + carta.token(name).encode()]))


@cache
def verifier(carta: EmbeddedCarta) -> TokenVerifier:
    return TokenVerifier([Issuer.carta(carta.url)])


def ask(run: Run, directory: CartaDirectory, need: Need) -> Fact:
    fact = at_hand(directory, need)
    if fact is None:
        fact = run(directory.fetch([need]))[need]
    return fact


#: Who asks: the caller, or an administrator by token, by password or by API token; and through which generation.
WAYS = ("own v1", "token v1", "password v1", "key v1", "own v2", "token v2", "key v2")


@pytest.fixture(scope="module")
def key(carta: EmbeddedCarta) -> str:
    with CartaClient(carta.url, TokenLogin(carta.token("vera"))) as client:
        return client.tokens.create("directory", ["GET /**"]).token


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def directory(carta: EmbeddedCarta, way: str, key: str) -> CartaDirectory:
    who, _, api = way.partition(" ")
    logins: dict[str, dict[str, Any]] = {
        "own": {},
        "token": {"credential": lambda: carta.token("vera")},
        "password": {"credential": PasswordLogin("vera", "vera-develops-1")},
        "key": {"api_token": key},
    }
    return CartaDirectory(carta.url + "/", api="v2" if api == "v2" else "v1", **logins[who])


def seen(way: str, held: Permission) -> Permission:
    """What a generation has words for: v1 has none for an owner."""
    return held if way.endswith("v2") else held & ~Permission.OWNER


@pytest.mark.parametrize("name", HELD)
def test_permissions_are_those_that_carta_resolves(run: Run, carta: EmbeddedCarta, directory: CartaDirectory, way: str, name: str) -> None:
    principal = caller(carta, name)
    for resource, held in zip((ALLOYS, SERVICE), HELD[name], strict=True):
        assert ask(run, directory, PermissionNeed(principal, resource)) == Granted(seen(way, held))


@pytest.mark.parametrize("id", ["nothing", "alloys/", "ALLOYS", "aurora/", "%61lloys", "alloys?x=", "alloys#", "a:b"])
def test_a_resource_that_carta_does_not_know_is_held_by_nobody(run: Run, carta: EmbeddedCarta, directory: CartaDirectory, id: str) -> None:
    assert ask(run, directory, PermissionNeed(caller(carta, "olga"), Resource("Project", id))) == Granted()


@pytest.mark.parametrize("id", [".", "..", "../alloys", "x/../alloys", "./alloys", "..\\alloys", "\ud800"])
def test_a_name_that_addresses_something_else_is_not_asked_about(
    run: Run, carta: EmbeddedCarta, directory: CartaDirectory, id: str
) -> None:
    assert ask(run, directory, PermissionNeed(caller(carta, "olga"), Resource("Project", id))) == Granted()


def test_the_type_is_part_of_the_question(run: Run, carta: EmbeddedCarta, directory: CartaDirectory, way: str) -> None:
    if way.endswith("v1") and not way.startswith("own"):
        # v1 has no question about another user that names a type.
        assert ask(run, directory, PermissionNeed(caller(carta, "greta"), Resource("Workspace", "alloys"))) == Granted(Permission.READ)
    else:
        assert ask(run, directory, PermissionNeed(caller(carta, "greta"), Resource("Workspace", "alloys"))) == Granted()


@pytest.mark.parametrize("name", ["olga", "vera"])
def test_what_somebody_holds_on_themselves_is_no_resource(run: Run, carta: EmbeddedCarta, directory: CartaDirectory, name: str) -> None:
    principal = caller(carta, name)
    for name_of_theirs in (principal.subject, "self"):
        assert ask(run, directory, PermissionNeed(principal, Resource("Project", name_of_theirs))) == Granted()


def test_services_and_namespaces_are_found_by_name_and_by_id(run: Run, carta: EmbeddedCarta, directory: CartaDirectory, way: str) -> None:
    otto = caller(carta, "otto")
    [(kiln, held)] = run(directory.fetch([ListingNeed(otto, "Service")]))[ListingNeed(otto, "Service")].resources
    assert held == seen(way, Permission.ALL)
    for resource in (kiln, Resource("Service", "basalt/kiln"), Resource("Namespace", "basalt")):
        assert ask(run, directory, PermissionNeed(otto, resource)) == Granted(held)
        assert ask(run, directory, PermissionNeed(caller(carta, "adam"), resource)) == Granted()
    for name in ("basalt/oven", "aurora/kiln", "kiln"):
        assert ask(run, directory, PermissionNeed(otto, Resource("Service", name))) == Granted()


def test_a_listing_is_what_the_caller_can_reach(run: Run, carta: EmbeddedCarta, directory: CartaDirectory) -> None:
    editor = Permission.of("read", "write", "execute")
    assert ask(run, directory, ListingNeed(caller(carta, "greta"), "Project")) == Listed(((ALLOYS, Permission.READ), (CERAMICS, editor)))
    assert ask(run, directory, ListingNeed(caller(carta, "vera"), "Project")) == Listed()
    assert ask(run, directory, ListingNeed(caller(carta, "greta"), "..")) == Listed()


def test_organizations_are_those_of_carta(run: Run, carta: EmbeddedCarta, directory: CartaDirectory) -> None:
    principal = caller(carta, "otto")
    assert ask(run, directory, OrganizationsNeed(principal)) == Organizations(frozenset({"Basalt"}))


def test_groups_are_the_tokens_and_nothing_is_asked(carta: EmbeddedCarta, directory: CartaDirectory) -> None:
    principal = caller(carta, "adam")
    expected = Memberships(frozenset({"AllUsers", "Aurora:All", "Aurora:Interns", "Aurora:Research"}))
    assert directory.groups(principal) == expected
    assert blocking.run(directory.fetch([GroupsNeed(principal)])) == {GroupsNeed(principal): expected}


@pytest.mark.parametrize(("credential", "groups"), [(None, "user"), ("vera", "user"), ("vera", "members")])
def test_carta_is_asked_for_groups_where_that_is_wanted(
    run: Run, carta: EmbeddedCarta, credential: str | None, groups: Literal["user", "members"]
) -> None:
    directory = CartaDirectory(carta.url, credential=carta.token(credential) if credential else None, groups=groups)
    name = f"new-{credential}-{groups}-{run.__name__}"
    carta.add_user(name, groups=["Aurora:All"])
    principal = caller(carta, name)
    carta.add_member("Aurora:Interns", name)
    wanted = frozenset({"Aurora:Research", "Basalt:All"})
    found = ask(run, directory, GroupsNeed(principal, wanted))
    assert isinstance(found, Memberships)
    assert found.groups & wanted == {"Aurora:Research"}
    expected = Memberships(frozenset({"AllUsers", "Aurora:All", "Aurora:Interns", "Aurora:Research"}))
    assert ask(run, directory, GroupsNeed(principal)) == expected
    assert "Aurora:Research" not in principal.groups


def test_one_answer_tells_groups_and_organizations(run: Run, carta: EmbeddedCarta) -> None:
    directory = CartaDirectory(carta.url, groups="user")
    principal = caller(carta, "otto")
    facts = run(directory.fetch([OrganizationsNeed(principal)]))
    assert facts[GroupsNeed(principal)] == Memberships(frozenset({"AllUsers", "Basalt:All"}))
    assert facts[OrganizationsNeed(principal)] == Organizations(frozenset({"Basalt"}))


def test_several_needs_of_several_callers_are_answered_together(
    run: Run, carta: EmbeddedCarta, directory: CartaDirectory, way: str
) -> None:
    principals = [caller(carta, name) for name in HELD]
    needs: list[Need] = [PermissionNeed(principal, ALLOYS, flag) for principal in principals for flag in (0, 1)]
    needs += [RestrictionNeed(principals[0], ALLOYS), OrganizationsNeed(principals[0]), ListingNeed(principals[4], "Service")]
    facts = run(directory.fetch(needs))
    assert set(needs) <= set(facts)
    for principal in principals:
        for flag in (0, 1):
            assert facts[PermissionNeed(principal, ALLOYS, flag)] == Granted(seen(way, HELD[principal.username][0]))
    [(_, held)] = facts[ListingNeed(principals[4], "Service")].resources
    assert held == seen(way, Permission.ALL)


def test_carta_knows_no_restrictions(carta: EmbeddedCarta, directory: CartaDirectory) -> None:
    need = RestrictionNeed(caller(carta, "olga"), ALLOYS)
    assert at_hand(directory, need) == Known()
    assert blocking.run(directory.fetch([need])) == {need: Known()}


def test_nothing_is_asked_about_the_anonymous(run: Run) -> None:
    nobody, nowhere = Principal.anonymous, CartaDirectory("http://127.0.0.1:9", groups="user")
    needs: list[Need] = [GroupsNeed(nobody), PermissionNeed(nobody, ALLOYS), OrganizationsNeed(nobody), ListingNeed(nobody, "Project")]
    assert list(run(nowhere.fetch(needs)).values()) == [Memberships(), Granted(), Organizations(), Listed()]


def test_a_token_that_carta_does_not_take_is_a_doubt(run: Run, carta: EmbeddedCarta) -> None:
    good = caller(carta, "olga")
    with EmbeddedCarta(seed=True) as other:
        assert ask(run, CartaDirectory(other.url), PermissionNeed(good, ALLOYS)) == Granted(doubt="carta_unauthorized")
        served = CartaDirectory(other.url, credential=carta.token("vera"))
        assert ask(run, served, PermissionNeed(good, ALLOYS)) == Granted(doubt="carta_unauthorized")


def test_a_service_account_without_rights_learns_nothing(run: Run, carta: EmbeddedCarta) -> None:
    directory = CartaDirectory(carta.url, credential=carta.token("otto"))
    assert ask(run, directory, PermissionNeed(caller(carta, "olga"), ALLOYS)) == Granted()
    assert ask(run, directory, ListingNeed(caller(carta, "olga"), "Project")) == Listed()


def test_it_says_where_it_asks_and_not_with_what(carta: EmbeddedCarta) -> None:
    token = carta.token("vera")
    assert repr(CartaDirectory(carta.url, credential=token)) == f"CartaDirectory({carta.url!r})"
    assert CartaDirectory.remote
