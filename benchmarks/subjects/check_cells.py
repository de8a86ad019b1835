"""What ``make check-bench`` looks at, all in one process, and the two yardsticks that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.drive import fresh_bytes
from benchmarks.subject import Cell, Cells, Kit, nothing_bare
from benchmarks.subjects import cartaguard_decisions, cartaguard_doors, cartaguard_tokens, signature

__all__ = ["SIGNATURE", "WORK", "make"]

#: Some work in pure Python, of the kinds that a guard does: nothing of it is cartaguard's, so that it stays as it is.
WORK = "yardstick: work in Python"

#: One RS256 signature.
SIGNATURE = "yardstick: a signature"

_HEADERS = tuple((name.encode(), b"value") for name in ("host", "user-agent", "accept", "connection", "authorization"))
_KNOWN = {b"key%d" % number: ("entry", number) for number in range(1000)}
_WANTED = frozenset({"a", "b"})


class _Held:
    __slots__ = ("entry", "path")

    def __init__(self, entry: tuple[str, int], path: str) -> None:
        self.entry = entry
        self.path = path


def _work(key: bytes) -> _Held | None:
    values = [value for name, value in _HEADERS if name == b"authorization"]
    entry = _KNOWN.get(key)
    path = "/one/two/three"
    if entry is None or len(values) != 1 or not _WANTED.isdisjoint(path.split("/")):
        return None
    params = {"name": path.partition("/")[2]}
    return _Held(entry, params["name"]) if isinstance(entry, tuple) else None


def make(kit: Kit) -> Cells:
    return dict(_cells(kit))


def _cells(kit: Kit) -> Iterator[tuple[str, Cell]]:
    yield WORK, nothing_bare(_work, lambda: fresh_bytes(b"key500"))
    yield SIGNATURE, signature.make(kit)["cold RS256"]
    tokens = cartaguard_tokens.make(kit)
    for cell in ("verified before", "cold RS256"):
        yield f"token, {cell}", tokens[cell]
    for cell, decision in cartaguard_decisions.make(kit).items():
        yield f"decision, {cell}", decision
    for door in ("asgi", "starlette", "fastapi", "wsgi", "flask"):
        options: Any = {"door": door, "counts": [50], "asked": ["exact path", "pattern path not seen before"]}
        for cell, measured in cartaguard_doors.make(kit, **options).items():
            yield f"{door}, {cell.partition(', ')[2]}", measured
