"""Events: what goes wrong, gets worse or recovers while requests are served, as one log line and one counter each.

An event is rare and never stands on the way of a request that is permitted. Its line goes to the logger
``cartaguard.events``, at most once a minute for each event and source; the counters count every one.
Exporters read :func:`counters` and :func:`refusals`, or are told with :func:`on_event`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from cartaguard.errors import ParameterError

__all__ = ["EVENTS", "Event", "Events", "counters", "emit", "forget", "on_event", "refusals", "refused"]

#: Seconds in which one event of one source is logged once.
INTERVAL = 60.0

#: How many sources are told apart at a time, and how many kinds of refusal. Beyond that they count as one.
_BOUND = 1000

#: Told of each event: its name, and its fields as the log shows them.
Subscriber: TypeAlias = Callable[[str, Mapping[str, str]], None]


class Event:
    """How an event is logged, what it means, and which of its fields say that it is not the same one as before."""

    __slots__ = ("level", "meaning", "source")

    def __init__(self, level: Literal["info", "warning", "error"], meaning: str, source: tuple[str, ...] = ("source",)) -> None:
        self.level = level
        self.meaning = meaning
        self.source = source


#: Every event there is. docs/operations.md has the same table, with advice.
EVENTS: Mapping[str, Event] = {
    # keys
    "keys_unavailable": Event("error", "a key set, or Carta's `/auth`, could not be read, and there is no former one to use"),
    "keys_stale": Event("warning", "a key set could not be read anew; the former one serves for at most an hour"),
    "keys_back": Event("info", "a key set, or Carta's `/auth`, could be read again"),
    "keys_changed": Event("info", "the issuer has published other keys; every token is verified again"),
    "key_skipped": Event("warning", "a key of a key set breaks a rule and is not used", ("source", "place")),
    "unknown_key_suppressed": Event("info", "a token named a key that is not known, and its issuer was asked too lately to be asked again"),
    # facts
    "breaker_opened": Event("warning", "a source failed five times in a row and is asked every 30 s only"),
    "breaker_closed": Event("info", "a source answers again after its breaker was open"),
    "directory_in_doubt": Event("warning", "a directory could not say what it was asked", ("source", "doubt")),
    "answer_malformed": Event("warning", "a service answered with something that cannot be, which grants nothing"),
    "fact_skipped": Event("warning", "a local directory holds a malformed fact, which grants nothing", ("path", "reason")),
    "stale_fact_served": Event("warning", "a fact older than it should be was used, as `max_stale` allows, since its source is in doubt"),
    # caches and the invalidation bus
    "cache_down": Event("warning", "the shared cache does not answer; facts are fetched from their source instead"),
    "cache_back": Event("info", "the shared cache answers again"),
    "bus_lost": Event("warning", "invalidations of other processes do not arrive, and so nothing is remembered"),
    "bus_back": Event("info", "invalidations arrive again; memory begins anew"),
    "invalidation_unpublished": Event("error", "other processes could not be told what to forget"),
    "watch_lost": Event("warning", "the stream that tells of changes has ended; what was remembered was forgotten"),
    "watch_back": Event("info", "the stream that tells of changes runs again"),
    # snapshots
    "snapshot_in_use": Event("warning", "decisions rest on a snapshot, since the source is in doubt"),
    "snapshot_refused": Event("error", "a snapshot is damaged, foreign or not signed as it should be, and is not used"),
    "snapshot_too_old": Event("error", "a snapshot is older than is allowed, and is not used"),
    "snapshot_incomplete": Event("warning", "a directory could not be taken into a snapshot; whatever it might say is in doubt there"),
    # requests, and events themselves
    "answered_503": Event("warning", "a request was answered with 503, since nobody could tell whether it may", ("reason",)),
    "subscriber_failed": Event("error", "what was to be told of events raised an exception; it is logged once"),
}


class Events:
    """Counts and logs. There is one for the process, whose methods are this module's functions.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._subscribers: tuple[Subscriber, ...] = ()
        self.forget()

    def forget(self) -> None:
        """Begin anew: all counters are 0 and every event is logged again. For tests, and for the child of a fork."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(EVENTS, 0)
        self._refusals: dict[tuple[int, str], int] = {}
        self._logged: dict[tuple[str, ...], _Logged] = {}
        self._failed: set[Subscriber] = set()

    def emit(self, event: str, /, **fields: object) -> None:
        """Count an event, log it unless it was logged lately, and tell the subscribers.

        :param event: a name of :data:`EVENTS`.
        :param fields: what it is about: ``source`` (an address or a kind, never a name of a caller) and what else helps.
            Values are escaped and cut. None may be a secret, a token, or a claim other than the issuer.
        :raises ParameterError: for an event that is not in the table.
        """
        known = EVENTS.get(event)
        if known is None:
            raise ParameterError(f"no event is called `{event}`; add it to `cartaguard.events.EVENTS`", code="unknown_event")
        from cartaguard import _logfmt

        shown = {name: _logfmt.text(value) for name, value in fields.items()}
        with self._mine():
            self._counts[event] += 1
            suppressed = self._turn((event, *(shown.get(name, "") for name in known.source)))
        if suppressed is not None:
            _log(known.level, _logfmt.line(event, {**shown, "suppressed": str(suppressed)} if suppressed else shown))
        for subscriber in self._subscribers:
            self._tell(subscriber, event, shown)

    def refused(self, status: int, reason: str) -> None:
        """Count a request that was refused. It is not logged: whoever sends many bad tokens must not fill the log."""
        with self._mine():
            key = (status, reason)
            if key not in self._refusals and len(self._refusals) >= _BOUND:
                key = (status, "other")
            self._refusals[key] = self._refusals.get(key, 0) + 1

    def counters(self) -> dict[str, int]:
        """How often each event of :data:`EVENTS` has occurred in this process."""
        with self._mine():
            return dict(self._counts)

    def refusals(self) -> dict[tuple[int, str], int]:
        """How many requests were refused in this process, by status and reason."""
        with self._mine():
            return dict(self._refusals)

    def on_event(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell somebody of every event, in the thread in which it occurs; a call of what is returned ends it.

        A subscriber must not block. One that raises is passed over.
        """
        self._subscribers = (*self._subscribers, subscriber)

        def end() -> None:
            self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)

        return end

    def _mine(self) -> threading.Lock:
        """The lock of this process: a fork may have copied one that is held, and counts that are its parent's."""
        if self._pid != os.getpid():
            self.forget()
        return self._lock

    def _turn(self, key: tuple[str, ...]) -> int | None:
        """How many like it were not logged since the last line; ``None``: this one is not to be logged either."""
        now = self._clock()
        logged = self._logged.get(key)
        if logged is None:
            if len(self._logged) >= _BOUND and len(key) > 1:
                self._logged = {other: last for other, last in self._logged.items() if now - last.at < INTERVAL}
                if len(self._logged) >= _BOUND:
                    # More sources than can be told apart within a minute: the event is one for all of them.
                    return self._turn(key[:1])
            self._logged[key] = _Logged(now)
            return 0
        if now - logged.at < INTERVAL:
            logged.suppressed += 1
            return None
        suppressed, logged.at, logged.suppressed = logged.suppressed, now, 0
        return suppressed

    def _tell(self, subscriber: Subscriber, event: str, fields: Mapping[str, str]) -> None:
        try:
            subscriber(event, fields)
        except Exception as fault:  # noqa: BLE001 (somebody else's code, which must not turn a decision into a fault)
            with self._mine():
                self._counts["subscriber_failed"] += 1
                first = subscriber not in self._failed
                self._failed.add(subscriber)
            if first:
                from cartaguard import _logfmt

                told = {
                    "source": _logfmt.text(getattr(subscriber, "__qualname__", type(subscriber).__name__)),
                    "reason": type(fault).__name__,
                }
                _log(EVENTS["subscriber_failed"].level, _logfmt.line("subscriber_failed", told))


class _Logged:
    """When something was logged last, and how many like it were not since."""

    __slots__ = ("at", "suppressed")

    def __init__(self, at: float) -> None:
        self.at = at
        self.suppressed = 0


def _log(level: str, line: str) -> None:
    # Few processes ever get here, and importing it takes as long as everything else of this module.
    import logging

    getattr(logging.getLogger("cartaguard.events"), level)("%s", line)


_process = Events()

emit = _process.emit
refused = _process.refused
counters = _process.counters
refusals = _process.refusals
on_event = _process.on_event
forget = _process.forget
