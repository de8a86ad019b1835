"""Snapshot files: written whole or not at all, and read only when they are the deployer's own and undamaged.

    magic (16 bytes) · facts · header (msgpack) · signature · lengths and format (8 bytes) · magic (16 bytes)

The magic at the front and the facts are the *body*. The header has a digest of each of its blocks and is signed,
so that a change of any byte is found: of all before the file is used, or of each block before it is first read.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import Struct
from typing import IO, Literal, NamedTuple, TypeAlias

import msgspec

from cartaguard.directories.compact_hash import Buffer
from cartaguard.directories.snapshot_layout import BLOCK, FORMAT, MAGIC, Header, spans
from cartaguard.directories.snapshot_seal import Seal
from cartaguard.errors import ConfigurationError, FactsUnavailable, SnapshotError
from cartaguard.events import emit

__all__ = ["Check", "Identity", "Opened", "Writing", "identity", "open_snapshot", "writing"]

#: When the body is compared with its digests: all of it when the file is opened, or each block before it is first read.
Check: TypeAlias = Literal["whole", "as_read"]

#: What is another for another file in the same place.
Identity: TypeAlias = tuple[int, int, int, int]

#: In front of what is signed, so that the signature is good for nothing else.
_PURPOSE = b"cartaguard snapshot header\n"

#: Bytes that are written at once. From a place that is a multiple of it, so that the system can keep them in one huge
#: page: a look-up among ten million grants has a tenth less to wait for then.
_PIECE = 2 * 1024 * 1024

_DIGEST = hashlib.sha256().digest_size
_LENGTHS = Struct("<IHH")
_TAIL = _LENGTHS.size + len(MAGIC)
_READ = msgspec.msgpack.Decoder(Header)


class Writing:
    """A snapshot that is being written: a sink for the facts, then :meth:`finish`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0
        self._digests: list[bytes] = []
        self._rest = bytearray()
        self.write(MAGIC)

    def tell(self) -> int:
        return self._size

    def write(self, data: bytes | bytearray) -> None:
        self._size += len(data)
        self._rest += data
        while len(self._rest) >= _PIECE:
            self._write_piece()

    def _write_piece(self) -> None:
        piece = self._rest[:_PIECE]
        del self._rest[:_PIECE]
        self._file.write(piece)
        view = memoryview(piece)
        self._digests += [hashlib.sha256(view[start : start + BLOCK]).digest() for start in range(0, len(piece), BLOCK)]

    def finish(self, header: Header, seal: Seal) -> Header:
        """Write the header with the digests, and sign it.

        :raises cartaguard.errors.ConfigurationError: the key is a public one.
        """
        if seal.sign is None:
            raise ConfigurationError(
                "a snapshot is signed with a private key or a shared secret, and this key is public", code="bad_snapshot_key"
            )
        self._write_piece()
        header = msgspec.structs.replace(header, body=self._size, digests=b"".join(self._digests), seal=seal.name)
        text = msgspec.msgpack.encode(header)
        signature = seal.sign(_PURPOSE + text)
        self._file.write(text + signature + _LENGTHS.pack(len(text), len(signature), FORMAT) + MAGIC)
        return header


@contextmanager
def writing(path: Path) -> Iterator[Writing]:
    """Write a file beside ``path`` that takes its place at once when all went well; a crash leaves the old one.

    It gets the mode of the file that it replaces, or is for its owner alone: it tells who may do what.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield Writing(file)
            file.flush()
            with suppress(FileNotFoundError):
                os.chmod(beside, os.stat(path).st_mode & 0o777)
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Opened(NamedTuple):
    """A snapshot that is the deployer's own. Its map lives for as long as somebody has the buffer."""

    header: Header
    buffer: Buffer
    identity: Identity


def identity(path: Path) -> Identity:
    """The identity of the file that is there now."""
    return _identity(os.stat(path))


def open_snapshot(path: Path, seal: Seal, check: Check = "whole") -> Opened:
    """Map a snapshot.

    :raises cartaguard.errors.SnapshotError: it cannot be read (``snapshot_unreadable``), is none or is cut short or changed
        (``snapshot_damaged``), of another version (``snapshot_version``), or signed with another key (``snapshot_foreign``).
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size < len(MAGIC) + _TAIL:
                raise _damaged(path, "it is too short to be one")
            whole = _mapped(file.fileno())
    except (OSError, ValueError) as fault:
        if isinstance(fault, SnapshotError):
            raise
        reason = fault.strerror if isinstance(fault, OSError) else "it is empty"
        raise SnapshotError(f"`{path}` cannot be read: {reason}", code="snapshot_unreadable") from None
    header = _header(path, whole, seal)
    unread = _Unread(path, whole, header)
    if check == "whole":
        unread.check_all()
        return Opened(header, Buffer(whole), _identity(status))
    return Opened(header, Buffer(whole, unread.check), _identity(status))


def _mapped(descriptor: int) -> mmap.mmap:
    whole = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is not None:
        # What has to be read from the disk comes in huge pages too. A system without them says so.
        with suppress(OSError):
            whole.madvise(advice)
    return whole


def _header(path: Path, whole: mmap.mmap, seal: Seal) -> Header:
    size = len(whole)
    if whole[: len(MAGIC)] != MAGIC:
        raise SnapshotError(f"`{path}` is no snapshot", code="snapshot_damaged")
    if whole[size - len(MAGIC) :] != MAGIC:
        raise _damaged(path, "it does not end as one; it may have been cut short")
    length, signed, format_ = _LENGTHS.unpack(whole[size - _TAIL : size - len(MAGIC)])
    if format_ != FORMAT:
        raise SnapshotError(f"`{path}` has version {format_}, and this reads {FORMAT}; write it anew", code="snapshot_version")
    body = size - _TAIL - signed - length
    if body < len(MAGIC):
        raise _damaged(path, "its lengths cannot be")
    text, signature = whole[body : body + length], whole[body + length : size - _TAIL]
    if not seal.verify(_PURPOSE + text, signature):
        raise SnapshotError(f"`{path}` is not signed with this key, or was changed; it is not used", code="snapshot_foreign")
    try:
        header = _READ.decode(text)
    except msgspec.DecodeError:
        raise SnapshotError(f"`{path}` has a header that this version does not read; write it anew", code="snapshot_version") from None
    if header.format != FORMAT or header.seal != seal.name or header.body != body or not math.isfinite(header.created_at):
        raise _damaged(path, "its header contradicts it")
    if len(header.digests) != -(-body // BLOCK) * _DIGEST:
        raise _damaged(path, "it has not one digest for each block")
    if any(start < 0 or length < 0 or start + length > body for part in header.parts for start, length in spans(part)):
        raise _damaged(path, "its header leads out of it")
    return header


class _Unread:
    """Blocks that were not compared with their digests yet."""

    def __init__(self, path: Path, whole: mmap.mmap, header: Header) -> None:
        self._path = path
        self._whole = memoryview(whole)
        self._size = header.body
        self._digests = header.digests
        self._sound = bytearray(-(-header.body // BLOCK))
        self._damaged = False

    def check_all(self) -> None:
        for block in range(len(self._sound)):
            if not self._is_sound(block):
                raise _damaged(self._path, f"its block {block} does not have its digest")

    def check(self, start: int, end: int) -> None:
        """Compare the blocks of a stretch before it is read; after the first bad one nothing is read any more."""
        if self._damaged or start < 0 or end > self._size:
            raise self._doubt()
        sound = self._sound
        for block in range(start // BLOCK, -(-end // BLOCK)):
            if not sound[block]:
                if not self._is_sound(block):
                    self._damaged = True
                    emit("snapshot_refused", source=self._path, reason=f"block {block} does not have its digest")
                    raise self._doubt()
                sound[block] = 1

    def _is_sound(self, block: int) -> bool:
        start = block * BLOCK
        digest = hashlib.sha256(self._whole[start : min(start + BLOCK, self._size)]).digest()
        return digest == self._digests[block * _DIGEST : (block + 1) * _DIGEST]

    def _doubt(self) -> FactsUnavailable:
        return FactsUnavailable(f"`{self._path}` is damaged", code="snapshot_damaged")


def _identity(status: os.stat_result) -> Identity:
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def _damaged(path: Path, why: str) -> SnapshotError:
    return SnapshotError(f"`{path}` is damaged: {why}; write it anew", code="snapshot_damaged")
