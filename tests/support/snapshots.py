"""Snapshots for tests: a key, and a file of a world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.snapshot import SnapshotDirectory
from cartaguard.directories.snapshot_export import sources_of, write_parts
from cartaguard.directories.snapshot_layout import Header
from support.canary import CANARY
from support.clock import Clock

__all__ = ["AGE", "KEY", "NOW", "opened", "snapshot"]

#: A shared secret that no test may find anywhere.
KEY = (CANARY * 3).encode()

NOW = 1_800_000_000.0

#: The age that the snapshots of tests may have, in seconds.
AGE = 3600.0


def snapshot(path: Path, facts: dict[str, Any], *, at: float = NOW, key: bytes | str = KEY, **options: Any) -> Header:
    """Write a snapshot of a world, as it is at a time."""
    return write_parts(path, sources_of(LocalDirectory.from_dict(facts)), key=key, clock=lambda: at, **options)


def opened(path: Path, clock: Callable[[], float] | None = None, **options: Any) -> SnapshotDirectory:
    """The directory of a snapshot; nothing but a test makes it look at the file again."""
    given = {"key": KEY, "max_age": AGE, "clock": clock or Clock(NOW), "ticks": lambda: 0.0, **options}
    return SnapshotDirectory(path, **given)
