"""Sorted runs of hashed entries: how they are written without ever being in memory at once, and how one is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from mmap import mmap
from pathlib import Path
from struct import Struct
from typing import NamedTuple, Protocol

from cartaguard.directories.compact_keys import MOST, SIZE, Key
from cartaguard.directories.compact_layout import Hashed, Span
from cartaguard.errors import DirectoryError

__all__ = ["Buffer", "Find", "Partitions", "Sink", "finder", "write_sorted"]

#: Entries in a bucket, on average. More make the index smaller and a search longer.
_BUCKET = 8

#: Bytes of a set of partitions that stay in memory before they go to disk.
_KEPT = 64 * 1024 * 1024

_PLACE = Struct("<I")


class Buffer(NamedTuple):
    """A flat, read-only buffer: a map of a file, or bytes.

    ``check`` is told of each stretch before it is read, where that is needed; it may raise
    :class:`~cartaguard.errors.FactsUnavailable`.
    """

    map: mmap | bytes
    check: Callable[[int, int], None] | None = None

    def read(self, start: int, end: int) -> bytes:
        """The bytes from one place to another."""
        if self.check is not None:
            self.check(start, end)
        return self.map[start:end]


class Find(Protocol):
    """Finds the payload of an entry."""

    def __call__(self, kind: str, name: str, type: str = "", id: str = "", /) -> int: ...


class Sink(Protocol):
    """Where a table is written to, from its first byte to its last."""

    def tell(self) -> int: ...

    def write(self, data: bytes | bytearray, /) -> object: ...


class Partitions:
    """Entries of one width, divided by one byte of them, on disk as far as they are many.

    :param width: bytes of an entry.
    :param by: which byte divides them.
    """

    def __init__(self, folder: Path, name: str, width: int, *, by: int = 0) -> None:
        self._path = folder / name
        self._width = width
        self._by = by
        self._parts = [bytearray() for _ in range(256)]
        self._kept = 0
        self.count = 0

    def add(self, entry: bytes) -> None:
        """Take an entry in."""
        self._parts[entry[self._by]] += entry
        self.count += 1
        self._kept += self._width
        if self._kept >= _KEPT:
            self._spill()

    def _spill(self) -> None:
        for number, part in enumerate(self._parts):
            with self._file(number).open("ab") as file:
                file.write(part)
            part.clear()
        self._kept = 0

    def _file(self, number: int) -> Path:
        return self._path.with_suffix(f".{number:02x}")

    def __iter__(self) -> Iterator[list[bytes]]:
        """The partitions, each sorted. They can be read once."""
        width = self._width
        for number in range(256):
            file, data = self._file(number), self._parts[number]
            self._parts[number] = bytearray()
            if file.exists():
                data[:0] = file.read_bytes()
                file.unlink()
            yield sorted(bytes(data[at : at + width]) for at in range(0, len(data), width))


def write_sorted(sink: Sink, entries: Partitions, said: Callable[[int], None]) -> Hashed:
    """Write entries in the order of their keys, and the index of their buckets after them.

    :param said: told how many were written so far.
    :raises cartaguard.errors.DirectoryError: there are more than 2**28, or two with the same key.
    """
    if entries.count > MOST:
        raise DirectoryError(
            f"`{entries.count}` entries are more than the {MOST} that one table may hold; divide it", code="too_many_facts"
        )
    bits = max(0, (entries.count // _BUCKET).bit_length() - 1)
    shift = 32 - bits
    begins, bucket, written = bytearray(_PLACE.pack(0)), 0, 0
    start, last = sink.tell(), b""
    for part in entries:
        for entry in part:
            key = entry[:SIZE]
            if key == last:
                raise DirectoryError("a user, group, resource or grant is told twice; tell each once", code="duplicate")
            last = key
            here = int.from_bytes(key[:4], "big") >> shift
            if here != bucket:
                begins += _PLACE.pack(written) * (here - bucket)
                bucket = here
            written += 1
        if part:
            sink.write(b"".join(part))
            said(written)
    begins += _PLACE.pack(written) * ((1 << bits) - bucket)
    size = sink.tell() - start
    index: Span = (sink.tell(), len(begins))
    sink.write(begins)
    return Hashed((start, size), index, bits)


def finder(buffer: Buffer, run: Hashed, payload: int, key: Key) -> Find:
    """What finds where the payload of an entry is in the buffer; 0 when it is not there.

    :param payload: bytes that follow each key.
    :param key: gives the key of what is looked for.
    """
    base, width, shift, begins = run.entries[0], SIZE + payload, 32 - run.bits, run.index[0]
    # All of it bound once: this is what a look-up costs.
    whole, check, find = buffer.map, buffer.check, buffer.map.find
    limits, leading = Struct("<II").unpack_from, Struct(">I").unpack_from

    def found(kind: str, name: str, type: str = "", id: str = "", /) -> int:
        wanted = key(kind, name, type, id)
        place = begins + 4 * (leading(wanted)[0] >> shift)
        if check is not None:
            check(place, place + 8)
        first, last = limits(whole, place)
        start, end = base + first * width, base + last * width
        if check is not None:
            check(start, end)
        at = find(wanted, start, end)
        while at > 0:
            if not (at - base) % width:
                return at + SIZE
            # Across two entries: no key of the table.
            at = find(wanted, at + 1, end)
        return 0

    return found
