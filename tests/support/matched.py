"""A gate that is asked as by a framework which has matched before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cartaguard.drivers.effects import Steps
from cartaguard.guard.gate import Gate, Pass
from cartaguard.http.routes import Entry
from cartaguard.tokens.credential import HeaderValue

__all__ = ["admit_matched", "admit_matched_steps"]


def admit_matched(
    gate: Gate, entry: Entry | None, params: Mapping[str, Any], method: str, path: str, values: Sequence[HeaderValue]
) -> Pass | None:
    """At once, or not at all."""
    return gate.admit("matched", method, path, values, entry, params)


def admit_matched_steps(
    gate: Gate, entry: Entry | None, params: Mapping[str, Any], method: str, path: str, values: Sequence[HeaderValue]
) -> Steps[Pass]:
    """Fetching what is missing."""
    return gate.admit_steps("matched", method, path, values, entry, params)
