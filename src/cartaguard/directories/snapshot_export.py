"""Writing a snapshot: what each directory can give of its facts, and a file of all of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from cartaguard.directories.base import Directory
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.compact_build import Progress, Scratch, build
from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.local_store import Everything
from cartaguard.directories.snapshot import SnapshotDirectory
from cartaguard.directories.snapshot_answers import About, Answer, Remembered, write_answers
from cartaguard.directories.snapshot_file import Writing, writing
from cartaguard.directories.snapshot_layout import FORMAT, Header, LeftOut, Part, Table
from cartaguard.directories.snapshot_live import StandIn
from cartaguard.directories.snapshot_part import Kept
from cartaguard.directories.snapshot_seal import seal_of
from cartaguard.events import emit
from cartaguard.tokens.kept import KeptKeys

__all__ = ["Known", "Local", "Missing", "Source", "sources_of", "write_parts"]


class Local(NamedTuple):
    """A directory all of whose facts can be had."""

    source: str
    everything: AbstractContextManager[Everything]


class Known(NamedTuple):
    """A directory of whose facts some are remembered."""

    source: str
    uses_groups: bool
    partial_groups: bool
    answers: Iterator[Remembered]


class Missing(NamedTuple):
    """A directory whose facts cannot be had."""

    source: str
    why: str


Source: TypeAlias = Local | Known | Missing


def sources_of(directory: Directory) -> list[Source]:
    """What each part of a directory can give."""
    match directory:
        case ChainDirectory():
            return [source for member in directory.members for source in sources_of(member)]
        case SnapshotDirectory() if directory.live:
            return [source for member in directory.members for source in sources_of(member)]
        case StandIn():
            return [_renewed(source, directory.kept) for source in sources_of(directory.live)]
        case LocalDirectory():
            return [Local(directory.source, directory.everything())]
        case CachedDirectory():
            answers = (Remembered(_about(key), Answer(*entry)) for key, entry in directory.remembered())
            return [Known(directory.source, directory.uses_groups, directory.partial_groups, answers)]
    return [Missing(directory.source, "it has no way to tell all of its facts")]


def _renewed(source: Source, kept: Directory) -> Source:
    """What is remembered now, and of the former snapshot what still stands: a restart must not lose it."""
    if not isinstance(source, Known) or not isinstance(kept, Kept):
        return source
    return source._replace(answers=_newest(source.answers, kept.remembered()))


def _newest(newer: Iterable[Remembered], older: Iterable[Remembered]) -> Iterator[Remembered]:
    seen: set[About] = set()
    for one in newer:
        seen.add(one.about)
        yield one
    yield from (one for one in older if one.about not in seen)


def _about(key: tuple[Any, ...]) -> About:
    issuer, subject, username, groups, kind, *what = key
    return About(issuer, subject, username, groups, kind, tuple(what))


def write_parts(
    path: str | PathLike[str],
    sources: Sequence[Source],
    *,
    key: bytes | str,
    namespace: str = "",
    issuers: Iterable[str] = (),
    keys: Iterable[KeptKeys] = (),
    clock: Callable[[], float] = time.time,
    progress: Progress = lambda what, done, total: None,
) -> Header:
    """Write a snapshot. It takes the place of the file that is there once it is whole.

    :param key: see :func:`cartaguard.directories.snapshot_seal.seal_of`; a private key or a shared secret.
    :param namespace: which deployment it is for; only who names the same one reads it.
    :param issuers: whose callers the facts are about.
    :param keys: the issuers' public keys, to start with while they cannot be fetched.
    :param clock: seconds since 1970.
    :raises cartaguard.errors.ConfigurationError: the key cannot sign.
    :raises cartaguard.errors.DirectoryError: the facts hold something that cannot be stored.
    :raises OSError: the file cannot be written.
    """
    file, seal = Path(path), seal_of(key)
    # As old as the oldest of what is read from now on.
    created_at = clock()
    with writing(file) as sink:
        parts = tuple(_written(sink, source, file.parent, progress) for source in sources)
        header = Header(
            format=FORMAT,
            seal=seal.name,
            created_at=created_at,
            namespace=namespace,
            issuers=tuple(sorted(issuers)),
            parts=parts,
            keys=tuple(keys),
            body=0,
            digests=b"",
        )
        header = sink.finish(header, seal)
    for left_out in header.left_out:
        emit("snapshot_incomplete", source=left_out.source, reason=left_out.why)
    return header


def _written(sink: Writing, source: Source, folder: Path, progress: Progress) -> Part:
    match source:
        case Local():
            with source.everything as facts:
                return Table(source.source, build(sink, facts, folder, progress))
        case Known():
            with Scratch(folder) as scratch:
                return write_answers(
                    sink,
                    scratch,
                    secrets.token_bytes(32),
                    source.answers,
                    lambda done: progress("sorting answers", done, None),
                    source=source.source,
                    uses_groups=source.uses_groups,
                    partial_groups=source.partial_groups,
                )
        case Missing():
            return LeftOut(source.source, source.why)
