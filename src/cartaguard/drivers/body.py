"""The body of an answer, read piece by piece within its bounds.

gzip is undone here and not by the HTTP library: a library unpacks whatever encodings it knows, several on top of
each other, and a whole piece at a time, which may be a thousand times (brotli, zstd: far more) what came over the wire.
"""

from __future__ import annotations

import time
import zlib

from cartaguard.errors import TransportError

__all__ = ["ACCEPTED", "Body"]

#: What we ask for (RFC 9110 section 12.5.3), and the only thing that is understood.
ACCEPTED = "gzip"


class Body:
    """Takes a body's pieces as they come over the wire.

    :param what: the address, as it may be shown.
    :param encoding: the answer's ``Content-Encoding``.
    :param max_bytes: the most that is taken, counted when it is unpacked.
    :param timeout: the seconds that the exchange had; ``deadline`` is when they are over, by the monotonic clock.
    """

    def __init__(self, what: str, *, encoding: str = "", max_bytes: int, timeout: float, deadline: float) -> None:
        self._what = what
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline = deadline
        self._bytes = bytearray()
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise TransportError(f"`{what}` answered in an encoding that was not asked for")
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding.endswith("gzip") else None
        self._empty = True

    def add(self, piece: bytes) -> None:
        """Take a piece; raises :class:`~cartaguard.errors.TransportError` when a bound is passed."""
        self._empty = self._empty and not piece
        if self._gzip is not None:
            try:
                piece = self._gzip.decompress(piece, self._max_bytes + 1 - len(self._bytes))
            except zlib.error:
                raise self._no_gzip() from None
            if self._gzip.unused_data:
                raise self._no_gzip()
        self._bytes += piece
        if len(self._bytes) > self._max_bytes:
            raise TransportError(f"`{self._what}` answered with more than {self._max_bytes} bytes", code="too_large")
        if time.monotonic() > self._deadline:
            # Each read is within its own timeout, but a server may drip for ever.
            raise TransportError(f"`{self._what}` did not finish within {self._timeout:g} s", code="timeout")

    def whole(self) -> bytes:
        """The body, once every piece was taken."""
        if self._gzip is not None and not self._empty and not self._gzip.eof:
            raise self._no_gzip()
        return bytes(self._bytes)

    def _no_gzip(self) -> TransportError:
        return TransportError(f"`{self._what}` answered with something that is not gzip")
