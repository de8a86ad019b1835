"""Metrics, with the real libraries: what was counted and what is up, read when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from cartaguard import Guard, LocalDirectory, otel, prometheus
from cartaguard.events import EVENTS, emit, refused
from cartaguard.model.health import Condition, Level, Part
from support.canary import CANARY
from support.tokens import verifier_for


class Thing:
    """Something that tells of itself."""

    def __init__(self, part: Part, level: Level) -> None:
        self.part, self.level = part, level

    def health(self) -> list[Condition]:
        return [Condition(self.part, f"redis://:{CANARY}@cache", "x", self.level)]


@pytest.fixture
def guard() -> Guard:
    guard = Guard(verifier=verifier_for(), directory=LocalDirectory.from_dict({}))
    guard.monitor.add(Thing("cache", "ok"))
    guard.monitor.add(Thing("cache", "down"))
    return guard


Key: TypeAlias = tuple[Any, ...]


def _key(name: str, labels: Mapping[str, Any]) -> Key:
    """A name, and the values of its labels in the order of their names."""
    return (name, *(labels[label] for label in sorted(labels)))


def happen() -> None:
    for _ in range(3):
        emit("directory_in_doubt", source="https://carta.example.org", doubt="carta_unavailable")
    refused(401, "expired")
    refused(401, "expired")
    refused(503, "facts_unavailable")


UP = {"keys": 1.0, "directory": 1.0, "cache": 0.0}


class Scraped:
    """A Prometheus endpoint on this machine, and what a scrape of it says."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.server, self.thread = start_http_server(0, "127.0.0.1", registry)
        self.text = ""

    def samples(self) -> dict[Key, float]:
        self.text = httpx.get(f"http://127.0.0.1:{self.server.server_port}/metrics", trust_env=False).text
        return {
            _key(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def scraped(guard: Guard) -> Iterator[Scraped]:
    registry = CollectorRegistry()
    registry.register(prometheus.collector(guard))
    scraped = Scraped(registry)
    yield scraped
    scraped.close()


def test_prometheus_scrapes_events_refusals_and_what_is_up(scraped: Scraped) -> None:
    """Over a socket: every event from its start at 0, refusals by status and reason, and the parts that the guard has."""
    at_first: dict[Key, float] = {("cartaguard_events_total", event): 0.0 for event in EVENTS}
    at_first |= {("cartaguard_up", part): value for part, value in UP.items()}
    assert scraped.samples() == at_first
    happen()
    assert scraped.samples() == {
        **at_first,
        ("cartaguard_events_total", "directory_in_doubt"): 3.0,
        ("cartaguard_refusals_total", "expired", "401"): 2.0,
        ("cartaguard_refusals_total", "facts_unavailable", "503"): 1.0,
    }
    assert CANARY not in scraped.text


def test_prometheus_can_do_without_a_guard() -> None:
    """Then there are the counters alone."""
    registry = CollectorRegistry()
    registry.register(prometheus.collector())
    happen()
    assert registry.get_sample_value("cartaguard_events_total", {"event": "directory_in_doubt"}) == 3.0
    assert registry.get_sample_value("cartaguard_up", {"part": "keys"}) is None


def observed(reader: InMemoryMetricReader) -> dict[Key, Any]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        _key(metric.name, point.attributes or {}): getattr(point, "value", None)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if scope.scope.name == "cartaguard"
    }


def test_opentelemetry_observes_the_same(guard: Guard) -> None:
    """With the real SDK behind the API."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    otel.instrument(guard, meter_provider=provider)
    at_first: dict[Key, Any] = {("cartaguard.events", event): 0 for event in EVENTS}
    at_first |= {("cartaguard.up", part): value for part, value in UP.items()}
    happen()
    assert observed(reader) == {
        **at_first,
        ("cartaguard.events", "directory_in_doubt"): 3,
        ("cartaguard.refusals", "expired", 401): 2,
        ("cartaguard.refusals", "facts_unavailable", 503): 1,
    }
    provider.shutdown()
