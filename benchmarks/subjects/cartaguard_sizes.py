"""cartaguard's stores with many grants: ``python -m benchmarks.subjects.cartaguard_sizes WHAT GRANTS [FOLDER prepare|start]``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import cached_property
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.drive import fresh_text
from benchmarks.facts import KEY, facts, principal, resource, user
from benchmarks.subjects.growing import asked, grown, say
from cartaguard import LocalDirectory, Principal, Resource
from cartaguard.directories.base import Directory
from cartaguard.directories.compact_table import CompactStore, CompactTable
from cartaguard.directories.graph import Holders
from cartaguard.directories.local_memory import MemoryStore
from cartaguard.directories.local_store import Everything, Store, Stored, User
from cartaguard.directories.snapshot import SnapshotDirectory
from cartaguard.directories.snapshot_export import Local, write_parts
from cartaguard.directories.snapshot_file import Check, open_snapshot
from cartaguard.directories.snapshot_layout import Table
from cartaguard.directories.snapshot_seal import seal_of

#: Below that many the described set of facts has no smaller size.
_FEW = 1_000

#: How many grants are remembered to be asked for.
_SAMPLE = 20_000


class Told:
    """Facts on their way into a store, and counted."""

    def __init__(self, grants: int) -> None:
        self._asked = grants
        self.grants = 0

    @property
    def everything(self) -> Everything:
        told = self._told()
        return told._replace(resources=self._counted(told.resources))

    def _told(self) -> Everything:
        return facts(self._asked) if self._asked >= _FEW else _few(self._asked)

    def _counted(self, resources: Iterable[Stored]) -> Iterator[Stored]:
        for stored in resources:
            holders = stored.holders
            self.grants += len(holders.users) + len(holders.groups) + len(holders.resources) + (holders.owner is not None)
            yield stored

    @cached_property
    def sample(self) -> list[tuple[str, Resource]]:
        """Some of the grants to users. They are told anew for it, so that what is remembered is no part of a store's bytes."""
        every = max(1, self._asked // 16 // _SAMPLE)
        chosen = islice(self._told().resources, 0, None, every)
        return [(name, stored.resource) for stored in chosen for name in stored.holders.users]

    def questions(self) -> Iterator[tuple[str, Resource]]:
        """Grants that are there, all over the place: whom they are to, and on what, in objects of their own."""
        chance = Random(1)
        while True:
            name, what = chance.choice(self.sample)
            yield name, Resource(what.type, fresh_text(what.id))


def _few(grants: int) -> Everything:
    """So many grants to users on one resource, and nothing else."""
    users = [user(number) for number in range(grants)]
    stored = Stored(resource(0), Holders(users=dict.fromkeys(users, 1)))
    return Everything([User(name, name) for name in users], (), [stored])


def _look_up(directory: Directory, store: Store, told: Told, grown_by: dict[str, Any]) -> None:
    """One grant found in the store, and a whole permission of a caller of whom nothing is remembered."""
    who, what = told.sample[0]
    if not _permission(directory, _principal(who), what):
        raise RuntimeError("a grant that is there was not found")
    if _permission(directory, Principal(issuer="i", subject="s", username="nobody"), what):
        raise RuntimeError("somebody has what nobody granted")

    def names() -> Iterator[tuple[str, Resource]]:
        for name, what in told.questions():
            yield fresh_text(name), what

    found = asked(_finding(store), names())
    callers = ((_principal(name), what) for name, what in told.questions())
    whole = asked(lambda question: directory.permission(*question), callers)
    say({**grown_by, "grants": told.grants, **found, "permission": whole["lookup"]})


def _permission(directory: Directory, caller: Principal, what: Resource) -> int:
    granted = directory.permission(caller, what)
    if granted is None or granted.doubt:
        raise RuntimeError(f"{type(directory).__name__} does not answer")
    return int(granted.permission)


def _finding(store: Store) -> Callable[[tuple[str, Resource]], object]:
    """What looks one grant up: the flags of a user on a resource, by the store's own means."""
    with store.reading() as view:
        if isinstance(view, CompactTable):
            flags = view.flags
            return lambda question: flags("u", question[0], question[1].type, question[1].id)

        def find(question: tuple[str, Resource]) -> object:
            holders = view.holders(question[1])
            return None if holders is None else holders.held(question[0], ())

        return find


def _principal(name: str) -> Principal:
    return principal(int(name.removeprefix("user")))


def _dict(grants: int) -> None:
    told = Told(grants)
    store, by = grown(lambda: MemoryStore(told.everything), grants, python=True)
    by["bytes"] *= grants / told.grants
    _look_up(LocalDirectory(store), store, told, by)


def _compact(grants: int) -> None:
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        path = Path(folder) / "facts"
        told = Told(grants)
        start = perf_counter()
        _write(path, told)
        by = {"build": perf_counter() - start, "bytes": path.stat().st_size / told.grants}
        opened = open_snapshot(path, seal_of(KEY), "whole")
        [table] = opened.header.parts
        assert isinstance(table, Table)
        store = CompactStore(CompactTable(opened.buffer, table.table))
        _look_up(_snapshot(path, "whole"), store, told, by)


def _write(path: Path, told: Told) -> None:
    write_parts(path, [Local("facts", nullcontext(told.everything))], key=KEY)


def _snapshot(path: Path, check: Check) -> SnapshotDirectory:
    return SnapshotDirectory(path, key=KEY, max_age=86_400, check=check)


def _start(path: Path, check: Check) -> None:
    """From a process that has imported everything to its first answer."""
    start = perf_counter()
    _permission(_snapshot(path, check), principal(0), resource(0))
    say({"ms": (perf_counter() - start) * 1000})


def _prepare(path: Path, grants: int) -> None:
    told = Told(grants)
    _write(path, told)
    say({"quick": True})


def main(what: str, grants: int, folder: str = "", step: str = "") -> None:
    path = Path(folder) / "facts"
    steps: dict[tuple[str, str], Callable[[], None]] = {
        ("dict", ""): lambda: _dict(grants),
        ("compact", ""): lambda: _compact(grants),
        ("as_read", "prepare"): lambda: _prepare(path, grants),
        ("as_read", "start"): lambda: _start(path, "as_read"),
        ("whole", "prepare"): lambda: _prepare(path, grants),
        ("whole", "start"): lambda: _start(path, "whole"),
    }
    steps[what, step]()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
