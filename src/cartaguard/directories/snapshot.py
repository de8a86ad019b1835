"""SnapshotDirectory: facts from a signed file, for a service whose sources are down or far away, and for very many facts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from os import PathLike
from pathlib import Path

from cartaguard.directories.base import Directory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.snapshot_age import Ages, Voids
from cartaguard.directories.snapshot_file import Check, Identity, identity
from cartaguard.directories.snapshot_layout import Header
from cartaguard.directories.snapshot_live import StandIn
from cartaguard.directories.snapshot_load import Loaded, Wanted
from cartaguard.directories.snapshot_part import Unknown
from cartaguard.directories.snapshot_seal import seal_of
from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError, SnapshotError
from cartaguard.events import emit
from cartaguard.model.facts import Fact, Granted, Known, Listed, Memberships, Need, Organizations
from cartaguard.model.freshness import Freshness
from cartaguard.model.health import Condition
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from cartaguard.tokens.kept import KeptKeys

__all__ = ["SnapshotDirectory"]

#: Seconds between two looks at whether another file is there.
LOOK = 1.0


class SnapshotDirectory(Directory):
    """Facts of a snapshot file (``guard.snapshot(…)``, ``cartaguard snapshot write``), mapped and never loaded.

    :param path: the file. Another one that takes its place is used within a second or so, while requests go on.
    :param key: what it has to be signed with: a shared secret of 32 bytes or more, or the PEM text of a public key.
    :param max_age: seconds; older facts are in doubt (503). Of remembered answers each has its own age.
    :param check: when the file is compared with its digests: ``"whole"``, before it is used, or ``"as_read"``, each block
        before it is first read. Then it opens at once, and damage that is found later puts everything in doubt.
    :param live: the directory that the snapshot was made of. Its answers count; where it does not answer, the
        snapshot's stand in. The file may then be missing or too old when the service starts.
    :param namespace: which deployment the snapshot has to be for.
    :param issuers: whose callers it has to be about, if it says so; by default any.
    :param watch: whether to look for another file. Otherwise :meth:`reload` does.
    :param clock: seconds since 1970.
    :param ticks: seconds that only grow.
    :raises cartaguard.errors.SnapshotError: the file is not used; ``code`` is ``snapshot_unreadable``, ``snapshot_damaged``,
        ``snapshot_version``, ``snapshot_foreign`` (another key, namespace, issuers or directories), ``snapshot_too_old`` or
        ``snapshot_from_the_future``.
    :raises cartaguard.errors.ConfigurationError: the key cannot be used, or ``max_age`` is not more than 0 and finite.
    """

    uses_groups = True

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        key: bytes | str,
        max_age: float,
        check: Check = "whole",
        live: Directory | None = None,
        namespace: str = "",
        issuers: Iterable[str] | None = None,
        watch: bool = True,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < max_age < inf:
            raise ConfigurationError(f"`max_age` is {max_age}; give more than 0 seconds, and an end", code="bad_max_age")
        if check not in ("whole", "as_read"):
            raise ConfigurationError(f'`check` is "whole" or "as_read", not `{check}`')
        self.path = Path(path)
        self.live = _members(live)
        self._clock, self._ticks = clock, ticks
        self._voids = Voids()
        answer_ages = Ages(str(path), max_age, clock, self._voids)
        self._wanted = Wanted(
            self.path,
            seal_of(key),
            check,
            namespace,
            None if issuers is None else tuple(sorted(issuers)),
            None if live is None else tuple(member.source for member in self.live),
            # Where it is the source itself there is nothing that it could be older than.
            Ages(str(path), max_age, clock, None) if live is None else answer_ages,
            answer_ages,
        )
        self._watch = watch
        self._look_at = ticks() + LOOK
        self._seen: Identity | None = None
        self._names_issuers = False
        self._pid, self._loading = os.getpid(), threading.Lock()
        self._loaded: Loaded | None = None
        self._use(self._first())

    @property
    def source(self) -> str:
        return str(self.path)

    @property
    def header(self) -> Header | None:
        """What the snapshot in use says about itself; ``None`` while there is none and the live directory answers."""
        return None if self._loaded is None else self._loaded.header

    @property
    def keys(self) -> tuple[KeptKeys, ...]:
        """The issuers' public keys in the snapshot."""
        header = self.header
        return () if header is None else header.keys

    # -- facts -------------------------------------------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        return self._current().groups(principal, wanted, fresh)

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        return self._current().permission(principal, resource, flag, fresh)

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return self._current().organizations(principal, fresh)

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        return self._current().restriction(principal, resource, fresh)

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return self._current().listing(principal, type)

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        return (yield from self._current().fetch(needs))

    # -- files -------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Use the file that is there now. Requests go on; each answer is that of one file.

        :raises cartaguard.errors.SnapshotError: it is not used, and the former one stays in use.
        """
        with self._lock():
            self._use(self._load())

    def _current(self) -> Directory:
        if self._watch and self._ticks() >= self._look_at:
            self._look()
        return self._facts

    def _look(self) -> None:
        """Have another file loaded, in a thread of its own, if there is one."""
        self._look_at = self._ticks() + LOOK
        try:
            there = identity(self.path)
        except OSError:
            return
        if there == self._seen:
            return
        self._seen = there
        threading.Thread(target=self._reload_newer, name="cartaguard-snapshot", daemon=True).start()

    def _reload_newer(self) -> None:
        with self._lock():
            try:
                loaded, used = self._load(), self._loaded
                if used is not None and loaded.header.created_at < used.header.created_at:
                    # Somebody might have put back what was revoked since.
                    raise SnapshotError(f"`{self.path}` is older than the one in use", code="snapshot_too_old")
                self._use(loaded)
            except (SnapshotError, ConfigurationError) as fault:
                emit("snapshot_refused", source=self.path, reason=fault)

    def _lock(self) -> threading.Lock:
        if self._pid != os.getpid():
            # A fork copies a lock that may be held.
            self._pid, self._loading = os.getpid(), threading.Lock()
        return self._loading

    def _first(self) -> Loaded | None:
        try:
            return self._load()
        except SnapshotError as fault:
            missing = fault.code == "snapshot_unreadable" and not self.path.exists()
            if not self.live or not (missing or fault.code == "snapshot_too_old"):
                raise
            emit("snapshot_refused", source=self.path, reason=fault)
            return None

    def _load(self) -> Loaded:
        loaded = self._wanted.load()
        if self._names_issuers:
            for part in loaded.parts:
                part.qualify()
        return loaded

    def _use(self, loaded: Loaded | None) -> None:
        """Put a snapshot in place of the former one, whose map lives until the last reader is done."""
        parts: Sequence[Directory] = [Unknown(member.source) for member in self.live] if loaded is None else loaded.parts
        members = [StandIn(live, part) for live, part in zip(self.live, parts, strict=True)] if self.live else parts
        self.partial_groups = any(member.partial_groups for member in members)
        self.members: tuple[Directory, ...] = tuple(members)
        self._loaded = loaded
        if loaded is not None:
            self._seen = loaded.identity
        # One with nothing but keys in it says nothing of facts.
        self._facts: Directory = ChainDirectory(members) if len(members) > 1 else members[0] if members else Unknown(self.source)

    # -- the rest ----------------------------------------------------------------------------------------

    def arranged(self, arrange: Callable[[Directory], Directory]) -> Directory:
        if self.live:
            self.live = tuple(map(arrange, self.live))
            self._use(self._loaded)
        return self

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        """Forget what is remembered. What a snapshot remembers of a live directory is void then, until a newer one is there."""
        whole = principal is None or group is not None or resource is not None
        self._voids.add(self._clock(), None if whole else principal)
        for member in self.live:
            member.invalidate(principal=principal, group=group, resource=resource)
        self._look_at = self._ticks()

    def health(self) -> Sequence[Condition]:
        return [*(condition for member in self.live for condition in member.health()), self._condition()]

    def _condition(self) -> Condition:
        header = self.header
        if header is None:
            return Condition("directory", self.source, "missing", "degraded")
        age, beyond = max(0.0, self._clock() - header.created_at), self._wanted.ages.beyond(header.created_at)
        if not beyond:
            return Condition("directory", self.source, "ok", age=age)
        return Condition("directory", self.source, beyond.removeprefix("snapshot_"), "degraded" if self.live else "down", age)

    def probe(self) -> Steps[None]:
        for member in self.live:
            yield from member.probe()

    def qualify(self) -> None:
        self._names_issuers = True
        for member in (*self.live, *(() if self._loaded is None else self._loaded.parts)):
            member.qualify()

    def close(self) -> None:
        """Give back the files of the live directory; the map is given back once nobody reads it."""
        for member in self.live:
            member.close()


def _members(live: Directory | None) -> tuple[Directory, ...]:
    return () if live is None else live.members if isinstance(live, ChainDirectory) else (live,)
