"""What was reported as events while a test ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from cartaguard import events

__all__ = ["Heard", "hearing"]

#: Each event's name and fields, in order.
Heard: TypeAlias = list[tuple[str, dict[str, str]]]


@contextmanager
def hearing() -> Iterator[Heard]:
    """Collect the events within a ``with`` block."""
    heard: Heard = []

    def subscriber(event: str, fields: Mapping[str, str]) -> None:
        heard.append((event, dict(fields)))

    end = events.on_event(subscriber)
    try:
        yield heard
    finally:
        end()
