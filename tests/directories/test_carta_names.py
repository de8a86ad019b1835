"""Services and namespaces by their names: one more question tells the id, and what has no id is held by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cartaguard import Permission, Principal, Resource
from cartaguard.directories import carta as module
from cartaguard.directories.base import Aged
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.carta_names import LIFETIME, Names
from cartaguard.drivers import blocking
from cartaguard.model.facts import Fact, Granted, Need, PermissionNeed
from cartaguard.model.freshness import Freshness
from cartaguard.model.principal import Credential
from support.colours import COLOURS, Run
from support.served import Answer, Served, serving
from support.tokens import Clock

OLGA = Principal(issuer="i", subject="s1", username="olga", credential=Credential("olgas-token"))
READ = Permission.READ
FIT = Resource("Service", "aurora/fit")
DETAILS = "/service/details/aurora/fit"
UUID = "29b2efdb-e765-59a6-b536-c7907d4c140b"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "Names", lambda asking: Names(asking, clock))
    return clock


def ask(run: Run, directory: CartaDirectory, need: Need) -> Fact:
    facts = run(directory.fetch([need]))
    fact: Fact = facts[need]
    return fact


def item(id: str) -> Answer:
    return Answer.of({"id": id, "name": "fit", "permission": "Read"})


@pytest.mark.parametrize(
    ("options", "answers"),
    [
        ({}, {"/permissions/resources/Service/7": item("7")}),
        ({"credential": "service-token"}, {"/permissions/7/olga?userType=User": Answer(body=b"Read")}),
        (
            {"api": "v2"},
            {
                "/v2/permissions/self/7": Answer.of({"read": True}),
                "/v2/resource/7": Answer.of({"id": "7", "name": "fit", "labels": ["Service"]}),
            },
        ),
        (
            {"api": "v2", "credential": "service-token"},
            {
                "/v2/permissions/s1/7": Answer.of({"read": True}),
                "/v2/resource/7": Answer.of({"id": "7", "name": "fit", "labels": ["Service"]}),
            },
        ),
    ],
)
def test_a_service_is_found_by_its_namespace_and_name(
    run: Run, served: Served, options: dict[str, Any], answers: dict[str, Answer]
) -> None:
    served.answers |= {DETAILS: item("7"), **answers}
    assert ask(run, CartaDirectory(served.url, **options), PermissionNeed(OLGA, FIT)) == Granted(READ)
    assert [path for path, _ in served.requests] == [DETAILS, *answers]


def test_a_namespace_is_found_by_its_name(run: Run, served: Served) -> None:
    served.answers |= {"/service/details/aurora": item("8"), "/permissions/resources/Namespace/8": item("8")}
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, Resource("Namespace", "aurora"))) == Granted(READ)


@pytest.mark.parametrize("resource", ["Service:7", f"Service:{UUID}", f"Namespace:{UUID}", f"Namespace:{UUID.upper()}", "Project:a/b"])
def test_an_id_is_asked_about_as_it_is(run: Run, served: Served, resource: str) -> None:
    """An id is never looked up as a name: whoever took that name would be asked about instead."""
    named = Resource.parse(resource)
    path = f"/permissions/resources/{named.type}/{named.id.replace('/', '%2F')}"
    served.answers[path] = item(named.id)
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, named)) == Granted(READ)
    assert [path for path, _ in served.requests] == [path]


@pytest.mark.parametrize("id", ["aurora/", "/fit", "aurora/..", "../fit", "./fit"])
def test_a_name_that_addresses_something_else_is_not_asked_about(run: Run, served: Served, id: str) -> None:
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, Resource("Service", id))) == Granted()
    assert served.requests == []


@pytest.mark.parametrize("name", ["a?b", "a#b", "a b", "a%2Fb", "å"])
def test_a_name_stays_one_segment(run: Run, served: Served, name: str) -> None:
    ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, Resource("Service", f"aurora/{name}")))
    [(path, _)] = served.requests
    assert path.count("/") == 4
    assert not set("?# ") & set(path)


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        (Answer(403), Granted()),
        (Answer(404), Granted()),
        (Answer(401), Granted(doubt="carta_unauthorized")),
        (Answer(500), Granted(doubt="carta_unavailable")),
        (Answer(302, headers={"Location": "/permissions/resources/Service/7"}), Granted(doubt="carta_unexpected")),
        (Answer.of({"name": "fit"}), Granted(doubt="carta_malformed")),
        (Answer.of({"id": ""}), Granted(doubt="carta_malformed")),
        (Answer.of(["7"]), Granted(doubt="carta_malformed")),
    ],
)
def test_without_an_id_nothing_is_held_and_without_an_answer_it_is_a_doubt(run: Run, served: Served, answer: Answer, fact: Granted) -> None:
    served.answers[DETAILS] = answer
    served.answers["/permissions/resources/Service/7"] = item("7")
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, FIT)) == fact
    assert len(served.requests) == 1


@pytest.mark.parametrize("way", [".", "..", "../../user"])
def test_an_id_that_is_a_way_up_holds_nothing(run: Run, served: Served, way: str) -> None:
    served.answers[DETAILS] = item(way)
    assert ask(run, CartaDirectory(served.url), PermissionNeed(OLGA, FIT)) == Granted()


def test_the_id_is_remembered_for_a_short_while(run: Run, served: Served, clock: Clock) -> None:
    served.answers |= {DETAILS: item("7"), "/permissions/resources/Service/7": item("7")}
    directory = CartaDirectory(served.url)
    for count, wait in ((1, LIFETIME - 1), (1, 1), (2, 0)):
        assert ask(run, directory, PermissionNeed(OLGA, FIT)) == Granted(READ)
        assert served.count(DETAILS) == count
        clock.now += wait
    assert served.count("/permissions/resources/Service/7") == 3


@pytest.mark.parametrize(("age", "asked"), [(None, 1), (4.0, 1), (2.0, 2), (0.0, 2), (60.0, 1)])
def test_an_id_is_remembered_no_longer_than_a_question_allows(
    run: Run, served: Served, clock: Clock, age: float | None, asked: int
) -> None:
    """The name may be another one's since; and what was used says how old it was."""
    served.answers |= {DETAILS: item("7"), "/permissions/resources/Service/7": item("7")}
    directory = CartaDirectory(served.url)
    ask(run, directory, PermissionNeed(OLGA, FIT))
    clock.now += 2.0
    facts = run(directory.fetch([PermissionNeed(OLGA, FIT, 1, Freshness(max_age=age))]))
    assert isinstance(facts, Aged)
    assert (served.count(DETAILS), facts.age) == (asked, 2.0 if asked == 1 else 0.0)


def test_that_there_is_no_service_is_not_remembered(run: Run, served: Served, clock: Clock) -> None:
    directory = CartaDirectory(served.url)
    assert ask(run, directory, PermissionNeed(OLGA, FIT)) == Granted()
    served.answers |= {DETAILS: item("7"), "/permissions/resources/Service/7": item("7")}
    assert ask(run, directory, PermissionNeed(OLGA, FIT)) == Granted(READ)


@pytest.mark.remembers
def test_what_one_caller_may_know_of_is_asked_anew_for_another(run: Run, served: Served) -> None:
    served.answers |= {DETAILS: item("7"), "/permissions/resources/Service/7": item("7")}
    greta = Principal(issuer="i", subject="s2", username="greta", credential=Credential("gretas-token"))
    elsewhere = Principal(issuer="j", subject="s1", username="olga", credential=Credential("another-token"))
    own = CartaDirectory(served.url)
    for principal in (OLGA, greta, elsewhere, OLGA):
        ask(run, own, PermissionNeed(principal, FIT))
    assert served.count(DETAILS) == 3
    service = CartaDirectory(served.url, credential="service-token")
    for principal in (OLGA, greta):
        ask(run, service, PermissionNeed(principal, FIT))
    assert served.count(DETAILS) == 4


def test_an_id_is_forgotten_with_its_resource(run: Run, served: Served) -> None:
    served.answers |= {DETAILS: item("7"), "/permissions/resources/Service/7": item("7"), "/permissions/resources/Service/8": Answer(403)}
    directory = CartaDirectory(served.url)
    assert ask(run, directory, PermissionNeed(OLGA, FIT)) == Granted(READ)
    served.answers[DETAILS] = item("8")
    directory.invalidate(resource=FIT)
    assert ask(run, directory, PermissionNeed(OLGA, FIT)) == Granted()


def test_an_id_that_was_asked_for_before_an_invalidation_is_not_remembered(served: Served) -> None:
    served.answers[DETAILS] = item("7")
    directory = CartaDirectory(served.url)
    steps = directory.fetch([PermissionNeed(OLGA, FIT)])
    answer = blocking._perform(next(steps))
    directory.invalidate(resource=FIT)
    steps.send(answer)
    steps.close()
    ask(blocking.run, directory, PermissionNeed(OLGA, FIT))
    assert served.count(DETAILS) == 2


def test_many_services_by_name_need_one_listing(run: Run, served: Served) -> None:
    services = [Resource("Service", f"aurora/s{number}") for number in range(4)]
    for number in range(3):
        served.answers[f"/service/details/aurora/s{number}"] = item(str(number))
    served.answers["/v2/permissions/self/resources/Service"] = Answer.of([{"id": "1", "name": "s1", "permission": {"owner": True}}])
    needs = [PermissionNeed(OLGA, resource) for resource in services]
    facts = run(CartaDirectory(served.url, api="v2").fetch(needs))
    assert [facts[need] for need in needs] == [Granted(), Granted(Permission.ALL), Granted(), Granted()]
    assert len(served.requests) == 5
