"""Facts from a file, TOML or JSON by its extension."""

from __future__ import annotations

import json
import tomllib
from os import PathLike
from pathlib import Path
from typing import Any

from cartaguard.errors import DirectoryError

__all__ = ["load"]


def load(path: str | PathLike[str]) -> dict[str, Any]:
    """The table in a ``.toml`` or ``.json`` file.

    :raises cartaguard.errors.DirectoryError: the file cannot be read (code ``unreadable_file``), or is not what
        its name says; a JSON member that occurs twice counts, since one of the two would be lost.
    """
    file = Path(path)
    if file.suffix not in (".toml", ".json"):
        raise DirectoryError(f"`{file}` is neither `.toml` nor `.json`", code="unreadable_file")
    try:
        text = file.read_text("utf-8")
        table = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text, object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as fault:
        raise DirectoryError(f"`{file}` cannot be read: {fault}", code="unreadable_file") from None
    if not isinstance(table, dict):
        raise DirectoryError(f"`{file}` holds no table of facts", code="unreadable_file")
    return table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the member `{next(name for name in names if names.count(name) > 1)}` occurs twice")
    return table
