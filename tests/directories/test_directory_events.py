"""What is reported of directories: a doubt where it arises, a malformed answer or fact, and a service that is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Guard, LocalDirectory, Permission, Principal, Resource, permission
from cartaguard.directories import carta_asking
from cartaguard.directories.base import Directory, answered
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.caution import Caution
from cartaguard.errors import FactsUnavailable, Unavailable
from cartaguard.model.facts import Fact, Granted, GroupsNeed, ListingNeed, Need, PermissionNeed
from cartaguard.model.principal import Credential
from support.canary import CANARY
from support.colours import COLOURS, Run
from support.heard import Heard, hearing
from support.served import Answer, Served, serving
from support.tokens import Clock

P1 = Resource("Project", "p1")
OLGA = Principal(issuer="i", subject="s1", username="olga", credential=Credential("olgas-token"))
SEARCH = "attributeName=UserName&attributeValue=olga&attributeFilter=%3D"
ITEM, LISTING = "/permissions/resources/Project/p1", "/permissions/resources/Project"


@pytest.fixture
def heard() -> Iterator[Heard]:
    with hearing() as heard:
        yield heard


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


def test_a_carta_that_answers_is_no_event(run: Run, served: Served, heard: Heard) -> None:
    """Neither a permission nor its absence is reported."""
    served.answers[ITEM] = Answer.of({"permission": "Read"})
    run(CartaDirectory(served.url).fetch([PermissionNeed(OLGA, P1), PermissionNeed(OLGA, Resource("Project", "p2"))]))
    assert heard == []


def test_a_carta_that_does_not_answer_is_in_doubt(run: Run, served: Served, heard: Heard) -> None:
    """The event names Carta's address, the doubt and what happened, and not who asked."""
    served.answers[ITEM] = Answer(500)
    run(CartaDirectory(served.url).fetch([PermissionNeed(OLGA, P1)]))
    reason = f"`{served.url}` answered 500"
    assert heard == [("directory_in_doubt", {"source": served.url, "doubt": "carta_unavailable", "reason": reason})]


@pytest.mark.parametrize("answer", [Answer(500), Answer(401), Answer(418), Answer(503), Answer(body=b"x"), Answer(body=b" " * 2_200_000)])
@pytest.mark.parametrize("credential", [None, CANARY])
def test_whose_question_it_was_does_not_show(run: Run, served: Served, heard: Heard, answer: Answer, credential: str | None) -> None:
    """Neither the caller's name, which may be a part of Carta's address for the question, nor anybody's token."""
    for path in (ITEM, "/user", "/permissions/p1/olga?userType=User", f"/user/users?{SEARCH}"):
        served.answers[path] = answer
    directory = CartaDirectory(served.url, credential=credential, groups="user")
    run(directory.fetch([PermissionNeed(OLGA, P1), GroupsNeed(OLGA)]))
    assert heard
    assert not any(word in repr(heard) for word in ("olga", "s1", "token", CANARY))


@pytest.mark.parametrize(("path", "need"), [(ITEM, PermissionNeed(OLGA, P1)), (LISTING, ListingNeed(OLGA, "Project"))])
@pytest.mark.parametrize("body", ["x", [{"id": 7}]])
def test_an_answer_that_cannot_be_is_malformed(run: Run, served: Served, heard: Heard, path: str, need: Need, body: Any) -> None:
    """A whole answer or an item of a list: it is reported as such, by Carta's address."""
    served.answers[path] = Answer.of(body)
    run(CartaDirectory(served.url).fetch([need]))
    assert [(event, fields["source"]) for event, fields in heard] == [("answer_malformed", served.url)]


def test_a_carta_that_is_left_alone_is_told_once_and_so_is_its_return(
    run: Run, served: Served, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The breaker opens at the fifth failure in a row, and closes at the next answer."""
    clock = Clock()
    monkeypatch.setattr(carta_asking, "Caution", lambda source: Caution(source, clock))
    directory = CartaDirectory(served.url)
    served.answers[ITEM] = Answer(503)
    for wait in (1, 2, 4, 8, 30, 30):
        run(directory.fetch([PermissionNeed(OLGA, P1)]))
        clock.now += wait
    served.answers[ITEM] = Answer.of({"permission": "Read"})
    run(directory.fetch([PermissionNeed(OLGA, P1)]))
    breaker = [(event, fields) for event, fields in heard if event.startswith("breaker")]
    assert breaker == [("breaker_opened", {"source": served.url}), ("breaker_closed", {"source": served.url})]


def test_a_question_that_breaks_carta_opens_no_breaker_that_is_told(
    run: Run, served: Served, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds one could otherwise fill the log with it."""
    clock = Clock()
    monkeypatch.setattr(carta_asking, "Caution", lambda source: Caution(source, clock))
    directory = CartaDirectory(served.url)
    served.answers[ITEM] = Answer(500)
    for wait in (1, 2, 4, 8, 30, 30):
        run(directory.fetch([PermissionNeed(OLGA, P1)]))
        clock.now += wait
    assert {event for event, _ in heard} == {"directory_in_doubt"}


class Unreachable(Directory):
    """A directory of somebody's own that cannot be reached."""

    remote = True

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        raise FactsUnavailable("no staff table", code="staff_unavailable")


class Stepwise(Directory):
    """The same one in steps."""

    def fetch(self, needs: Sequence[Need]) -> Any:
        raise FactsUnavailable("no staff table", code="staff_unavailable")
        yield


@pytest.mark.parametrize("kind", [Unreachable, Stepwise])
def test_a_directory_of_somebodys_own_is_told_by_its_kind(run: Run, heard: Heard, kind: type[Directory]) -> None:
    """Whoever writes one has nothing to do for it."""
    need = GroupsNeed(OLGA)
    assert run(answered(kind(), [need]))[need].doubt == "staff_unavailable"
    assert heard == [("directory_in_doubt", {"source": kind.__name__, "doubt": "staff_unavailable", "reason": "no staff table"})]


def test_a_doubt_behind_a_cache_is_told_once(heard: Heard) -> None:
    """The layers in between report nothing of their own."""
    guard = Guard(directory=Unreachable())
    assert guard.check(OLGA, permission("read", "Project:p1")).indeterminate
    assert [event for event, _ in heard] == ["directory_in_doubt"]


class Brief(Directory):
    """It leaves questions out."""

    remote = True

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        return {}


def test_a_question_that_is_left_out_is_in_doubt(run: Run, heard: Heard) -> None:
    """A directory of somebody's own that answers less than it was asked is told of."""
    run(answered(Brief(), [GroupsNeed(OLGA), PermissionNeed(OLGA, P1)]))
    assert heard == [("directory_in_doubt", {"source": "Brief", "doubt": "no_answer"})]


class Flapping(Directory):
    """It answers until it is down."""

    remote = True

    def __init__(self) -> None:
        self.down = False

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        if self.down:
            raise FactsUnavailable("down", code="staff_unavailable")
        return {need: Granted(Permission.READ) for need in needs}


def test_a_stale_fact_that_serves_is_told_with_its_age(heard: Heard) -> None:
    """What `max_stale` allows is seen, as long as it goes on."""
    clock, source = Clock(), Flapping()
    guard = Guard(directory=source, clock=clock)
    demand = permission("read", "Project:p1", max_stale=300)
    assert guard.check(OLGA, demand).permitted
    source.down = True
    clock.now += 100
    assert guard.check(OLGA, demand).permitted
    assert heard[1:] == [("stale_fact_served", {"source": "Flapping", "doubt": "staff_unavailable", "age": "100"})]
    clock.now += 300
    assert guard.check(OLGA, demand).indeterminate
    assert [event for event, _ in heard[2:]] == ["directory_in_doubt"]


def test_a_flight_that_never_lands_is_in_doubt(heard: Heard) -> None:
    """Who waits in vain for another's fetch reports it by the directory that was asked."""
    cached = CachedDirectory(Flapping())
    steps = cached.fetch([PermissionNeed(OLGA, P1)])
    next(steps)
    with pytest.raises(StopIteration):
        steps.throw(Unavailable("the fetch was interrupted", code="interrupted"))
    assert heard == [("directory_in_doubt", {"source": "Flapping", "doubt": "interrupted", "reason": "the fetch was interrupted"})]


def test_a_file_that_cannot_be_read_is_in_doubt(heard: Heard, tmp_path: Path) -> None:
    """An SQLite directory is reported by its path."""
    path = tmp_path / "facts.sqlite"
    directory = LocalDirectory.open(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE grants")
    connection.commit()
    connection.close()
    fact = directory.permission(OLGA, P1)
    assert isinstance(fact, Granted)
    assert fact.doubt == "directory_unavailable"
    directory.close()
    assert [(event, fields["source"], fields["doubt"]) for event, fields in heard] == [
        ("directory_in_doubt", str(path.resolve()), "directory_unavailable")
    ]
