"""One table of a settings file with a kind, and the secrets that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cartaguard._settings_keys import Place
from cartaguard.model.value import Value, fill

__all__ = ["Part", "content", "later", "variable"]


class Part(Value):
    """One issuer or directory, or the cache: its checked values, where they stand, and what relative paths are relative to."""

    __slots__ = __match_args__ = ("values", "place", "base")

    values: Mapping[str, Any]
    place: Place
    base: Path

    def __init__(self, values: Mapping[str, Any], place: Place, base: Path) -> None:
        fill(self, "values", values)
        fill(self, "place", place)
        fill(self, "base", base)

    def path(self, key: str) -> Path:
        return Path(self.base, self.values[key])

    def some(self, *keys: str) -> dict[str, Any]:
        """Those of the values that were given."""
        return {key: self.values[key] for key in keys if key in self.values}


def variable(part: Part, key: str, environ: Mapping[str, str]) -> str:
    """The secret in the variable that a key names."""
    name = part.values[key]
    token = environ.get(name, "").strip()
    if not token:
        raise part.place.fault(key, f"names the variable `{name}`, which is not set", "missing_secret")
    return token


def later(part: Part, key: str) -> Callable[[], str]:
    """What reads the secret in the file that a key names, whenever it is needed."""
    if not content(part, key).strip():
        raise part.place.fault(key, "names a file that is empty", "missing_secret")
    file = part.path(key)
    return lambda: file.read_text(encoding="utf-8", errors="replace").strip()


def content(part: Part, key: str) -> str:
    """The text of the file that a key names."""
    try:
        return part.path(key).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise part.place.fault(key, f"names a file that cannot be read: {part.path(key)} ({type(fault).__name__})", "unreadable") from None
