"""JSON that people and services wrote: a member that occurs twice is malformed, since one of the two would be lost."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["read_json"]


def read_json(text: str) -> Any:
    """Read JSON text. Raises :class:`ValueError` or :class:`RecursionError` for what is malformed."""
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the member `{next(name for name in names if names.count(name) > 1)}` occurs twice")
    return table
