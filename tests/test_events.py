"""Events: counted always, logged once a minute and source, told to whoever asked, and never able to break what they report."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from cartaguard import events
from cartaguard.errors import ParameterError
from cartaguard.events import EVENTS, Events
from support.canary import CANARY


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own(clock: Clock, caplog: pytest.LogCaptureFixture) -> Events:
    """Events of the test's own, with everything logged in reach."""
    caplog.set_level(logging.DEBUG, "cartaguard.events")
    return Events(clock)


def test_an_event_is_one_line_and_one_count(own: Events, caplog: pytest.LogCaptureFixture) -> None:
    """The line has the event's name first and its fields after it, at the event's level, on the logger `cartaguard.events`."""
    own.emit("keys_stale", source="https://issuer.example.org/jwks.json", reason="status 500", age=301.25)
    [record] = caplog.records
    assert record.name == "cartaguard.events"
    assert record.levelno == logging.WARNING
    assert record.getMessage() == 'event=keys_stale source=https://issuer.example.org/jwks.json reason="status 500" age=301.25'
    assert own.counters() == {**dict.fromkeys(EVENTS, 0), "keys_stale": 1}


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_logged_at_its_level(own: Events, event: str, caplog: pytest.LogCaptureFixture) -> None:
    """The table says at which level."""
    own.emit(event, source="x")
    assert [record.levelname.lower() for record in caplog.records] == [EVENTS[event].level]


def test_an_event_that_is_not_in_the_table_is_an_error(own: Events, caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt name is the programmer's error: it is raised, and nothing is counted or logged."""
    with pytest.raises(ParameterError, match="no event is called `keys_stail`") as raised:
        own.emit("keys_stail", source="x")
    assert raised.value.code == "unknown_event"
    assert caplog.records == []
    assert set(own.counters().values()) == {0}


def test_a_flood_is_logged_once_a_minute_and_counted_whole(own: Events, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Of one event and source there is one line a minute; the next line says how many there were between; the counter has all."""
    for _ in range(1000):
        own.emit("directory_in_doubt", source="carta", doubt="carta_unavailable")
    clock.now = 59.9
    own.emit("directory_in_doubt", source="carta", doubt="carta_unavailable")
    assert len(caplog.records) == 1
    clock.now = 60.0
    own.emit("directory_in_doubt", source="carta", doubt="carta_unavailable")
    clock.now = 120.0
    own.emit("directory_in_doubt", source="carta", doubt="carta_unavailable")
    line = "event=directory_in_doubt source=carta doubt=carta_unavailable"
    assert caplog.messages == [line, f"{line} suppressed=1000", line]
    assert own.counters()["directory_in_doubt"] == 1003


@pytest.mark.parametrize("other", [{"source": "pecan"}, {"doubt": "carta_malformed"}])
def test_another_source_has_its_own_line(own: Events, other: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """Who fails for the first time is seen at once, whoever else has failed."""
    first = {"source": "carta", "doubt": "carta_unavailable"}
    own.emit("directory_in_doubt", **first)
    own.emit("directory_in_doubt", **{**first, **other})
    assert len(caplog.records) == 2


def test_a_field_that_is_only_told_makes_no_other_source(own: Events, caplog: pytest.LogCaptureFixture) -> None:
    """The same source with another reason is the same trouble."""
    own.emit("keys_stale", source="carta", reason="status 500")
    own.emit("keys_stale", source="carta", reason="status 502")
    assert len(caplog.records) == 1


def test_sources_without_end_are_one_after_a_while(own: Events, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Of more sources than can be told apart only one more line comes; a minute later there is room again."""
    for number in range(3000):
        own.emit("keys_stale", source=f"s{number}")
    assert len(caplog.records) == 1001
    assert own.counters()["keys_stale"] == 3000
    own.emit("keys_back", source="s1")
    assert len(caplog.records) == 1002
    clock.now = 60.0
    own.emit("keys_stale", source="another")
    own.emit("keys_stale", source="s0")
    assert len(caplog.records) == 1004


def test_a_subscriber_is_told_of_every_event(own: Events) -> None:
    """Also of those that are not logged, with the fields as they are shown, until it is ended."""
    told: list[tuple[str, Mapping[str, str]]] = []

    def subscriber(event: str, fields: Mapping[str, str]) -> None:
        told.append((event, fields))

    end = own.on_event(subscriber)
    own.emit("cache_down", source="redis://cache:6379", reason="a\nb", waited=2)
    own.emit("cache_down", source="redis://cache:6379")
    end()
    own.emit("cache_down", source="redis://cache:6379")
    assert told == [
        ("cache_down", {"source": "redis://cache:6379", "reason": "a\\nb", "waited": "2"}),
        ("cache_down", {"source": "redis://cache:6379"}),
    ]


def test_a_subscriber_that_raises_is_contained_and_logged_once(own: Events, caplog: pytest.LogCaptureFixture) -> None:
    """The event is counted, the other subscribers are told, and the fault's text, which may be anything, is not shown."""
    told = []

    def broken(event: str, fields: Mapping[str, str]) -> None:
        raise ValueError(CANARY)

    own.on_event(broken)
    own.on_event(lambda event, _: told.append(event))
    own.emit("bus_lost", source="redis")
    own.emit("bus_lost", source="redis")
    assert told == ["bus_lost", "bus_lost"]
    [_, failed] = caplog.messages
    assert failed.startswith("event=subscriber_failed source=")
    assert "broken" in failed
    assert failed.endswith("reason=ValueError")
    assert (own.counters()["bus_lost"], own.counters()["subscriber_failed"]) == (2, 2)


def test_refusals_are_counted_by_status_and_reason_and_not_logged(own: Events, caplog: pytest.LogCaptureFixture) -> None:
    """A counter says how many requests were refused and why."""
    own.refused(401, "expired")
    own.refused(401, "expired")
    own.refused(403, "not_group_member")
    assert own.refusals() == {(401, "expired"): 2, (403, "not_group_member"): 1}
    assert caplog.records == []


def test_reasons_without_end_are_one_after_a_while(own: Events) -> None:
    """An application that invents reasons cannot fill the memory, or the metrics."""
    for number in range(3000):
        own.refused(403, f"r{number}")
    assert len(own.refusals()) == 1001
    assert own.refusals()[403, "other"] == 2000


def test_nothing_is_lost_between_threads(own: Events) -> None:
    """Eight threads that report at once are all counted."""

    def work() -> None:
        for _ in range(500):
            own.emit("cache_down", source="redis")
            own.refused(401, "expired")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert own.counters()["cache_down"] == 4000
    assert own.refusals() == {(401, "expired"): 4000}


def test_a_forked_child_counts_from_nothing_and_is_not_held_up() -> None:
    """A worker that was forked while another thread reported has no locked lock, and only its own counts."""
    events.emit("cache_down", source="redis")
    with events._process._lock:
        pid = os.fork()
        if pid == 0:
            events.emit("bus_lost", source="redis")
            os._exit(0 if (events.counters()["bus_lost"], events.counters()["cache_down"]) == (1, 0) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert events.counters()["cache_down"] == 1


def test_the_modules_functions_are_of_one_whole() -> None:
    """What one module reports is what another reads."""
    told: list[str] = []
    end = events.on_event(lambda event, _: told.append(event))
    events.emit("bus_back", source="redis")
    end()
    events.refused(503, "keys_unavailable")
    assert told == ["bus_back"]
    assert events.counters()["bus_back"] == 1
    assert events.refusals() == {(503, "keys_unavailable"): 1}


def test_the_page_about_running_it_has_the_table() -> None:
    """docs/operations.md tells level and meaning of each event in the table's own words, and what to do."""
    page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (info|warning|error) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    assert [row[:3] for row in rows] == [(name, event.level, event.meaning) for name, event in EVENTS.items()]
