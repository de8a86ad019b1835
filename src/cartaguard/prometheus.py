"""Metrics for Prometheus: ``REGISTRY.register(collector(guard))``. Needs the extra ``prometheus``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cartaguard import events
from cartaguard.guard.guard import Guard
from cartaguard.guard.health import parts_up

__all__ = ["collector"]


def collector(*guards: Guard) -> Collector:
    """What this process has counted, and whether the parts of these guards are up, read whenever somebody scrapes.

    :param guards: whose keys, directories, caches and buses are told; nobody is asked for it. Without one there
        are the counters alone.
    """
    return _Collector(guards)


class _Collector(Collector):
    def __init__(self, guards: Iterable[Guard]) -> None:
        self._guards = tuple(guards)

    def collect(self) -> Iterator[Metric]:
        counted = CounterMetricFamily("cartaguard_events", "Events, as in the table of the documentation.", labels=["event"])
        for event, number in events.counters().items():
            counted.add_metric([event], number)
        yield counted
        refused = CounterMetricFamily("cartaguard_refusals", "Requests that were refused.", labels=["status", "reason"])
        for (status, reason), number in events.refusals().items():
            refused.add_metric([str(status), reason], number)
        yield refused
        up = GaugeMetricFamily("cartaguard_up", "0 while any source of the part is down.", labels=["part"])
        for part, is_up in parts_up(self._guards):
            up.add_metric([part], is_up)
        yield up
