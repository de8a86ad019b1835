"""SpiceDB's stream of changes as a source of invalidations, for the cache in front of a directory.

SpiceDB tells of every relationship that was written, wherever it was written. But a stream that tells nothing may also
be one that nobody serves any more. So once a second a relationship of no meaning is written (``beat:…``, which replaces
the last one), and has to come back: changes are told in their order, so that whatever was written before has come too.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from cartaguard.caches.invalidation import EVERYTHING
from cartaguard.caches.listener import Alive, Heard, Line, Listener, Lost
from cartaguard.directories.spicedb_calls import SpiceDB
from cartaguard.directories.spicedb_channel import Stream
from cartaguard.directories.spicedb_names import Object, Row, Subject
from cartaguard.directories.spicedb_schema import BEAT, DEFINITIONS
from cartaguard.drivers import blocking
from cartaguard.errors import FactsUnavailable

__all__ = ["EVERY", "Watch"]

#: Seconds between two beats.
EVERY = 1.0


class Watch(Listener):
    """Hears of what is written to one SpiceDB.

    :param changed: called at each change, before what was remembered is forgotten: who asks after that must be told
        nothing older, or it would be remembered.
    """

    lost: ClassVar[str] = "watch_lost"
    back: ClassVar[str] = "watch_back"
    # SpiceDB's own moments are up to 5.5 s old, so that beats more often would win nothing.
    bound: ClassVar[float] = 5.0

    def __init__(self, spicedb: SpiceDB, changed: Callable[[], object]) -> None:
        super().__init__(spicedb.source, clock=spicedb.clock)
        self.spicedb = spicedb
        self.changed = changed

    def open(self) -> Line:
        return _Watching(self)


class _Watching(Line):
    """One stream, read by a thread of its own, since gRPC's streams cannot be waited for with an end."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._spicedb = watch.spicedb
        self._id = secrets.token_hex(8)
        self._number = 0
        self._next = self._spicedb.clock()
        #: When the beats were sent that have not come back yet.
        self._sent: dict[str, float] = {}
        self._came: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._call = _stream(self._spicedb, self._id)
        threading.Thread(target=self._read, name="cartaguard spicedb stream", daemon=True).start()

    def hear(self, seconds: float) -> Iterable[Heard]:
        now = self._spicedb.clock()
        if now >= self._next:
            self._beat(now)
        try:
            came = self._came.get(timeout=max(0.0, min(seconds, self._next - self._spicedb.clock())))
        except queue.Empty:
            return
        if isinstance(came, BaseException):
            raise came
        yield from self._heard(came)

    def close(self) -> None:
        self._call.cancel()
        if self._number:
            self._write([(self._row(self._number), False)])

    def _heard(self, response: Any) -> Iterator[Heard]:
        beats = [update.relationship for update in response.updates if update.relationship.resource.object_type == BEAT]
        if response.schema_updated or len(beats) < len(response.updates):
            self._watch.changed()
            # A grant, a member or a user may bear on anybody and anything.
            yield EVERYTHING
        for beat in beats:
            sent = self._sent.pop(beat.subject.object.object_id, None) if beat.resource.object_id == self._id else None
            if sent is not None:
                yield Alive(sent)

    def _beat(self, now: float) -> None:
        self._number += 1
        self._next = now + EVERY
        self._sent[str(self._number)] = now
        before = [(self._row(self._number - 1), False)] if self._number > 1 else []
        self._write([(self._row(self._number), True), *before])

    def _write(self, updates: list[tuple[Row, bool]]) -> None:
        blocking.run(self._spicedb.write(updates, self._spicedb.clock() + EVERY))

    def _row(self, number: int) -> Row:
        return Row(Object(BEAT, self._id), "heard", Subject(Object("fact", str(number))))

    def _read(self) -> None:
        """The whole life of the thread that reads."""
        with contextlib.suppress(Exception):
            try:
                for message in self._call:
                    self._came.put(message)
            except Exception as fault:  # noqa: BLE001 (whatever it is, the stream has ended; no decision runs in this thread)
                self._came.put(fault if isinstance(fault, FactsUnavailable) else Lost(code=type(fault).__name__))
            else:
                self._came.put(Lost(code="ended"))


def _stream(spicedb: SpiceDB, own: str) -> Stream:
    from authzed.api.v1 import RelationshipFilter, WatchRequest, WatchResponse
    from authzed.api.v1.watch_service_pb2 import WATCH_KIND_INCLUDE_RELATIONSHIP_UPDATES, WATCH_KIND_INCLUDE_SCHEMA_UPDATES

    # Of a hundred processes each one hears its own beats.
    wanted = [RelationshipFilter(resource_type=name) for name in DEFINITIONS if name != BEAT]
    wanted.append(RelationshipFilter(resource_type=BEAT, optional_resource_id=own))
    request = WatchRequest(
        optional_relationship_filters=wanted,
        optional_update_kinds=[WATCH_KIND_INCLUDE_RELATIONSHIP_UPDATES, WATCH_KIND_INCLUDE_SCHEMA_UPDATES],
    )
    return spicedb.channels.watch("/authzed.api.v1.WatchService/Watch", request, WatchResponse)
