"""CartaDirectory through Carta's v2: nodes have types, one listing answers for many, and what is no answer is a doubt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cartaguard import Permission, Principal, Resource
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.carta import WORTH_A_LISTING, CartaDirectory
from cartaguard.drivers import blocking
from cartaguard.model.facts import Fact, Granted, Listed, ListingNeed, Need, PermissionNeed
from cartaguard.model.principal import Credential
from support.colours import COLOURS, Run
from support.served import Answer, Served, serving
from support.tokens import Clock

OLGA = Principal(issuer="i", subject="s1", username="olga", credential=Credential("olgas-token"))
READ = Permission.READ
P1 = Resource("Project", "p1")
MANY = [Resource("Project", f"p{number}") for number in range(1, WORTH_A_LISTING + 1)]

NODE, LISTING = "/v2/resource/{}", "/v2/permissions/self/resources/Project"


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


def held(id: str, source: str = "self") -> str:
    return f"/v2/permissions/{source}/{id}"


def node(id: str, *labels: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "name": f"the {id}", "labels": list(labels), **more}


def put(served: Served, id: str, *flags: str, labels: tuple[str, ...] = ("Project",), source: str = "self") -> None:
    """Let somebody hold these flags on a node."""
    served.answers[held(id, source)] = Answer.of(dict.fromkeys(flags, True))
    served.answers[NODE.format(id)] = Answer.of(node(id, *labels))


def listed(*entries: tuple[str, str]) -> Answer:
    return Answer.of([{"id": name, "name": name, "permission": {flag: True}} for name, flag in entries])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("read",), READ),
        (("execute", "write", "read", "admin"), Permission.of("execute", "write", "read", "admin")),
        (("owner",), Permission.ALL),
        ((), Permission.NONE),
    ],
)
def test_what_a_caller_holds_on_a_node_is_asked_with_their_own_token(
    run: Run, served: Served, flags: tuple[str, ...], expected: Permission
) -> None:
    put(served, "p1", *flags)
    assert ask(run, CartaDirectory(served.url, api="v2"), PermissionNeed(OLGA, P1)) == Granted(expected)
    assert [path for path, _ in served.requests] == [held("p1"), NODE.format("p1")][: 1 if not flags else 2]
    assert {headers["authorization"] for _, headers in served.requests} == {"Bearer olgas-token"}


def test_a_service_account_asks_about_the_callers_node(run: Run, served: Served) -> None:
    put(served, "p1", "write", source="s1")
    directory = CartaDirectory(served.url, api="v2", credential="service-token")
    assert ask(run, directory, PermissionNeed(OLGA, P1)) == Granted(Permission.WRITE)
    served.answers["/v2/permissions/s1/resources/Project"] = listed(("p1", "read"))
    assert ask(run, directory, ListingNeed(OLGA, "Project")) == Listed(((P1, READ),))
    assert {headers["authorization"] for _, headers in served.requests} == {"Bearer service-token"}


@pytest.mark.parametrize("labels", [(), ("User",), ("UserGroup", "project"), ("Service",)])
def test_a_node_of_another_type_is_not_the_resource(run: Run, served: Served, labels: tuple[str, ...]) -> None:
    """Everybody holds everything on their own node, so that its id must be no project's."""
    put(served, "s1", "owner", labels=labels)
    assert ask(run, CartaDirectory(served.url, api="v2"), PermissionNeed(OLGA, Resource("Project", "s1"))) == Granted()


def test_a_node_with_several_labels_is_of_each_type(run: Run, served: Served) -> None:
    put(served, "p1", "read", labels=("Sample", "Project"))
    assert ask(run, CartaDirectory(served.url, api="v2"), PermissionNeed(OLGA, P1)) == Granted(READ)


@pytest.mark.parametrize("status", [403, 404])
def test_a_node_that_is_hidden_is_held_by_nobody(run: Run, served: Served, status: int) -> None:
    put(served, "p1", "read")
    served.answers[NODE.format("p1")] = Answer(status)
    assert ask(run, CartaDirectory(served.url, api="v2"), PermissionNeed(OLGA, P1)) == Granted()


@pytest.mark.parametrize(
    ("path", "answer", "doubt"),
    [
        (held("p1"), Answer.of({"read": "true"}), "carta_malformed"),
        (held("p1"), Answer.of(["read"]), "carta_malformed"),
        (held("p1"), Answer(body=b"Read"), "carta_malformed"),
        (held("p1"), Answer(201, b'{"read": true}'), "carta_unexpected"),
        (held("p1"), Answer(401), "carta_unauthorized"),
        (held("p1"), Answer(500), "carta_unavailable"),
        (held("p1"), Answer(503), "carta_unavailable"),
        (NODE.format("p1"), Answer.of(node("p2", "Project")), "carta_malformed"),
        (NODE.format("p1"), Answer.of(node("p1", "Project") | {"labels": "Project"}), "carta_malformed"),
        (NODE.format("p1"), Answer(502), "carta_unavailable"),
    ],
)
def test_what_is_no_answer_is_a_doubt(run: Run, served: Served, path: str, answer: Answer, doubt: str) -> None:
    put(served, "p1", "owner")
    served.answers[path] = answer
    assert ask(run, CartaDirectory(served.url, api="v2"), PermissionNeed(OLGA, P1)) == Granted(doubt=doubt)


def test_the_word_for_whoever_asks_is_no_resource_and_no_caller(run: Run, served: Served) -> None:
    put(served, "self", "owner")
    served.answers[LISTING] = listed(("p1", "owner"))
    own, service = CartaDirectory(served.url, api="v2"), CartaDirectory(served.url, api="v2", credential="service-token")
    assert ask(run, own, PermissionNeed(OLGA, Resource("Project", "self"))) == Granted()
    sly = Principal(issuer="i", subject="self", username="olga")
    assert ask(run, service, PermissionNeed(sly, P1)) == Granted()
    assert ask(run, service, ListingNeed(sly, "Project")) == Listed()
    assert served.requests == []


def test_one_listing_answers_for_many_resources_of_a_type(run: Run, served: Served) -> None:
    served.answers[LISTING] = listed(("p1", "read"), ("p2", "owner"), ("p9", "write"))
    needs = [PermissionNeed(OLGA, resource, flag) for resource in [*MANY, Resource("Project", "..")] for flag in (0, 1)]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    found = {need.resource.id: facts[need] for need in needs}
    assert found == {"p1": Granted(READ), "p2": Granted(Permission.ALL), "p3": Granted(), "..": Granted()}
    assert [path for path, _ in served.requests] == [LISTING]
    assert len(facts[ListingNeed(OLGA, "Project")].resources) == 3


def test_few_resources_are_asked_about_one_by_one(run: Run, served: Served) -> None:
    put(served, "p1", "read")
    needs = [PermissionNeed(OLGA, resource) for resource in MANY[:-1]]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    assert [facts[need] for need in needs] == [Granted(READ), Granted()]
    assert served.count(LISTING) == 0


def test_a_listing_that_is_asked_for_anyway_serves_the_rest(run: Run, served: Served) -> None:
    served.answers[LISTING] = listed(("p1", "read"))
    needs: list[Need] = [PermissionNeed(OLGA, P1), ListingNeed(OLGA, "Project")]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    assert [facts[need] for need in needs] == [Granted(READ), Listed(((P1, READ),))]
    assert [path for path, _ in served.requests] == [LISTING]


def test_types_and_callers_are_listed_apart(run: Run, served: Served) -> None:
    greta = Principal(issuer="i", subject="s2", username="greta", credential=Credential("gretas-token"))
    served.answers[LISTING] = listed(("p1", "read"))
    served.answers["/v2/permissions/self/resources/File"] = listed(("p1", "write"))
    needs = [
        PermissionNeed(principal, Resource(type_, resource.id))
        for principal in (OLGA, greta)
        for type_ in ("Project", "File")
        for resource in MANY
    ]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    assert {(need.principal.username, str(need.resource)) for need in needs if facts[need] != Granted()} == {
        (name, resource) for name in ("olga", "greta") for resource in ("Project:p1", "File:p1")
    }
    assert sorted((path[-7:], headers["authorization"]) for path, headers in served.requests) == [
        ("Project", "Bearer gretas-token"),
        ("Project", "Bearer olgas-token"),
        ("es/File", "Bearer gretas-token"),
        ("es/File", "Bearer olgas-token"),
    ]


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (Answer(body=b" " * (2 * 1024 * 1024 + 1)), "carta_unavailable"),
        (Answer(500), "carta_unavailable"),
        (Answer(400), "carta_unexpected"),
        (Answer(403), ""),
        (Answer(404), ""),
        (Answer.of({}), "carta_malformed"),
        (Answer.of([{"id": "p1", "name": "p1", "permission": {"owner": True}}, {"id": "p2"}]), "carta_malformed"),
    ],
)
def test_where_a_listing_fails_the_resources_are_asked_about_one_by_one(run: Run, served: Served, answer: Answer, doubt: str) -> None:
    served.answers[LISTING] = answer
    put(served, "p1", "read")
    needs: list[Need] = [PermissionNeed(OLGA, resource) for resource in MANY]
    facts = run(CartaDirectory(served.url, api="v2").fetch([*needs, ListingNeed(OLGA, "Project")]))
    assert [facts[need] for need in needs] == [Granted(READ), Granted(), Granted()]
    assert facts[ListingNeed(OLGA, "Project")].doubt == doubt
    assert served.count(LISTING) == 1


def test_of_a_node_that_is_listed_twice_only_what_both_say_is_sure(run: Run, served: Served) -> None:
    served.answers[LISTING] = listed(("p1", "read"), ("p1", "owner"), ("p2", "write"), ("p2", "read"))
    assert ask(run, CartaDirectory(served.url, api="v2"), ListingNeed(OLGA, "Project")) == Listed(((P1, READ),), "carta_malformed")


def test_a_token_that_is_refused_is_not_sent_again_for_each_resource(run: Run, served: Served) -> None:
    served.answers[LISTING] = Answer(401)
    needs = [PermissionNeed(OLGA, resource) for resource in MANY]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    assert {facts[need] for need in needs} == {Granted(doubt="carta_unauthorized")}
    assert len(served.requests) == 1


def test_a_carta_that_is_overloaded_is_not_asked_about_each_resource(run: Run, served: Served) -> None:
    served.answers[LISTING] = Answer(503)
    needs = [PermissionNeed(OLGA, resource) for resource in MANY]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    assert {facts[need] for need in needs} == {Granted(doubt="carta_unavailable")}
    assert len(served.requests) == 1


@pytest.mark.remembers
def test_what_a_listing_tells_is_remembered_and_what_it_lacks_only_shortly(served: Served) -> None:
    clock = Clock()
    directory = CachedDirectory(CartaDirectory(served.url, api="v2"), clock=clock)
    served.answers[LISTING] = listed(("p1", "read"))
    blocking.run(directory.fetch([PermissionNeed(OLGA, resource, READ) for resource in MANY]))
    assert directory.permission(OLGA, P1, READ) == Granted(READ)
    assert directory.permission(OLGA, MANY[1], READ) == Granted()
    assert directory.listing(OLGA, "Project") == Listed(((P1, READ),))
    clock.now += 6
    assert directory.permission(OLGA, P1, READ) == Granted(READ)
    assert directory.permission(OLGA, MANY[1], READ) is None
    assert directory.listing(OLGA, "Project") is None
    clock.now += 55
    assert directory.permission(OLGA, P1, READ) is None
    assert len(served.requests) == 1
