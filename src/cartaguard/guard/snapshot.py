"""A guard's snapshot: what its directories and its verifier know now, in one signed file."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from cartaguard.directories.compact_build import Progress
from cartaguard.directories.snapshot_export import sources_of, write_parts
from cartaguard.directories.snapshot_layout import Header

if TYPE_CHECKING:
    from cartaguard.guard.guard import Guard

__all__ = ["write"]


def write(guard: Guard, path: str | PathLike[str], *, key: bytes | str, namespace: str, progress: Progress | None) -> Header:
    """:meth:`cartaguard.Guard.snapshot`."""
    verifier = guard.verifier
    return write_parts(
        path,
        sources_of(guard.directory),
        key=key,
        namespace=namespace,
        issuers=() if verifier is None else verifier.issuers,
        keys=() if verifier is None else verifier.keep_keys(guard.clock()),
        clock=guard.clock,
        progress=progress or (lambda what, done, total: None),
    )
