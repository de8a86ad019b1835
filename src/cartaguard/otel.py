"""Metrics for OpenTelemetry: ``instrument(guard)``. Needs the extra ``otel``.

There are no spans: a server's are the framework's own business, and a decision from memory is shorter than a span.
"""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from cartaguard import __version__, events
from cartaguard.guard.guard import Guard
from cartaguard.guard.health import parts_up

__all__ = ["instrument"]


def instrument(*guards: Guard, meter_provider: MeterProvider | None = None) -> None:
    """Let a meter observe what this process has counted, and whether the parts of these guards are up. Call it once.

    :param guards: whose keys, directories, caches and buses are told; nobody is asked for it. Without one there
        are the counters alone.
    :param meter_provider: by default the global one.
    """
    meter = get_meter("cartaguard", __version__, meter_provider)

    def up(_: CallbackOptions) -> Iterator[Observation]:
        return (Observation(int(is_up), {"part": part}) for part, is_up in parts_up(guards))

    meter.create_observable_counter("cartaguard.events", [_events], "{event}", "Events, as in the table of the documentation.")
    meter.create_observable_counter("cartaguard.refusals", [_refusals], "{request}", "Requests that were refused.")
    meter.create_observable_gauge("cartaguard.up", [up], "1", "0 while any source of the part is down.")


def _events(_: CallbackOptions) -> Iterator[Observation]:
    return (Observation(number, {"event": event}) for event, number in events.counters().items())


def _refusals(_: CallbackOptions) -> Iterator[Observation]:
    return (Observation(number, {"status": status, "reason": reason}) for (status, reason), number in events.refusals().items())
