"""A snapshot directory gives the answers of the facts that were written, as long as they are not too old."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Guard, LocalDirectory, any_of, groups, permission, restricted
from cartaguard.directories.base import Directory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.snapshot import LOOK, SnapshotDirectory
from cartaguard.directories.snapshot_export import sources_of, write_parts
from cartaguard.errors import ConfigurationError, SnapshotError
from cartaguard.model.facts import Fact, Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from support import reference
from support.clock import Clock
from support.facts import FactTable
from support.heard import hearing
from support.snapshots import AGE, KEY, NOW, opened, snapshot
from support.worlds import TYPES, Caller, callers, resources, worlds

P1 = Resource("Project", "p1")
FACTS: dict[str, Any] = {
    "groups": {"OrgA:Team": {"users": ["adam"]}},
    "resources": {"Project:p1": {"owner": "olga", "grants": [{"to": "group:OrgA:Team", "role": "Guest"}]}},
}


def caller(username: str) -> Principal:
    return Principal(issuer="https://a.example", subject=f"s-{username}", username=username)


OLGA, ADAM, EVE = caller("olga"), caller("adam"), caller("eve")


def held(directory: Directory, who: Principal, fresh: Freshness | None = None) -> str:
    """What somebody holds on the project, or the doubt; `!` behind what is stale."""
    fact = directory.permission(who, P1, 1, fresh)
    assert fact is not None
    return fact.doubt or str(fact.permission) + "!" * fact.stale


def everything(directory: Directory, who: Principal, fresh: Freshness | None = None) -> list[Fact | None]:
    """A fact of each kind."""
    return [
        directory.groups(who, frozenset(), fresh),
        directory.permission(who, P1, 0, fresh),
        directory.organizations(who, fresh),
        directory.restriction(who, P1, fresh),
        directory.listing(who, "Project"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "facts.snapshot"
    snapshot(file, FACTS)
    return file


@settings(max_examples=100, deadline=None)
@given(world=worlds(), people=st.lists(callers(), min_size=1, max_size=3), check=st.sampled_from(["whole", "as_read"]))
def test_a_snapshot_means_what_the_reference_says(
    tmp_path_factory: pytest.TempPathFactory, world: dict[str, Any], people: list[Caller], check: Any
) -> None:
    """Groups, permissions, organizations, restrictions and listings agree with brute force."""
    path = tmp_path_factory.mktemp("world") / "facts.snapshot"
    snapshot(path, world)
    guard = Guard(directory=opened(path, check=check))
    for one in people:
        principal = one.principal
        assert guard.groups(principal) == reference.groups(world, one)
        for resource in resources():
            assert set(guard.permissions(principal, resource).words) == reference.permission(world, one, str(resource))
            for who, seen in ((one, principal), (None, Principal.anonymous)):
                assert guard.check(seen, restricted(str(resource))).permitted is reference.admitted(world, who, str(resource))
        for type_ in TYPES:
            listed = [str(resource) for resource in guard.list_resources(principal, "read", type_)]
            expected = [resource for resource, words in reference.listing(world, one, type_) if "read" in words]
            assert listed == expected


@settings(max_examples=60, deadline=None)
@given(world=worlds(), other=worlds(), who=callers())
def test_several_directories_are_one_snapshot(
    tmp_path_factory: pytest.TempPathFactory, world: dict[str, Any], other: dict[str, Any], who: Caller
) -> None:
    """Each is a part of its own, and together they are the chain that they were."""
    path = tmp_path_factory.mktemp("chain") / "facts.snapshot"
    chain = ChainDirectory([LocalDirectory.from_dict(world), LocalDirectory.from_dict(other)])
    write_parts(path, sources_of(chain), key=KEY, clock=lambda: NOW)
    directory = opened(path)
    assert everything(directory, who.principal) == everything(chain, who.principal)
    for resource in resources():
        assert directory.permission(who.principal, resource) == chain.permission(who.principal, resource)


def test_facts_beyond_their_age_are_in_doubt_also_while_running(path: Path) -> None:
    """Every kind of fact, with nothing left of it; it comes back with a new snapshot."""
    clock = Clock(NOW)
    directory = opened(path, clock)
    assert held(directory, ADAM) == "read"
    for later, doubt in ((AGE, ""), (AGE + 1, "snapshot_too_old"), (-31.0, "snapshot_from_the_future")):
        clock.now = NOW + later
        facts = everything(directory, ADAM)
        assert {fact.doubt for fact in facts if fact is not None} == {doubt}
        assert doubt == "" or facts == [type(fact)(doubt=doubt) for fact in facts if fact is not None]
    clock.now = NOW + 2 * AGE
    snapshot(path, FACTS, at=clock.now)
    directory.reload()
    assert held(directory, ADAM) == "read"


def test_a_guard_answers_503_when_its_snapshot_is_too_old(path: Path) -> None:
    """Also for what would have been a denial, and never with a cached verdict."""
    clock = Clock(NOW)
    guard = Guard(directory=opened(path, clock))
    assert [guard.check(who, permission("read", "Project:p1")).permitted for who in (ADAM, EVE)] == [True, False]
    clock.now += AGE + 1
    with hearing() as heard:
        decisions = [guard.check(who, permission("read", "Project:p1")) for who in (ADAM, EVE)]
    assert all(decision.indeterminate for decision in decisions)
    assert {event for event, _ in heard} == {"snapshot_too_old"}


@pytest.mark.parametrize(
    ("age", "fresh", "told"),
    [
        (0.0, None, "read"),
        (100.0, Freshness(max_age=101), "read"),
        (100.0, Freshness(max_age=100), "snapshot_too_old"),
        (0.0, Freshness(max_age=0), "snapshot_too_old"),
        (100.0, Freshness(max_age=50, max_stale=51), "read!"),
        (100.0, Freshness(max_age=50, max_stale=50), "snapshot_too_old"),
        (100.0, Freshness(max_age=0, max_stale=200), "read!"),
        (100.0, Freshness(max_stale=5), "read"),
        (AGE + 1, Freshness(max_age=10 * AGE, max_stale=10 * AGE), "snapshot_too_old"),
    ],
)
def test_a_requirement_may_ask_for_facts_that_are_younger_than_the_snapshot(
    path: Path, age: float, fresh: Freshness | None, told: str
) -> None:
    """What is older is in doubt, or stale within its grace; nothing outlives the snapshot's own age."""
    clock = Clock(NOW)
    directory = opened(path, clock)
    assert held(directory, ADAM) == "read"
    clock.now += age
    assert held(directory, ADAM, fresh) == told


def test_a_new_file_is_used_once_it_was_looked_for(path: Path) -> None:
    """At most once in a while, in a thread of its own; without a new file nothing is loaded."""
    now = [0.0]
    directory = SnapshotDirectory(path, key=KEY, max_age=AGE, clock=Clock(NOW), ticks=lambda: now[0])
    before = directory.header
    snapshot(path, {"resources": {"Project:p1": {"owner": "eve"}}}, at=NOW + 1)
    assert held(directory, EVE) == "none"
    now[0] += LOOK
    _until(lambda: held(directory, EVE) != "none")
    assert held(directory, OLGA) == "none"
    assert directory.header != before
    used = directory.header
    now[0] += LOOK
    assert held(directory, EVE) == "read, write, execute, clone, admin, owner"
    assert directory.header is used


@pytest.mark.parametrize("problem", ["damaged", "older", "missing", "another key"])
def test_a_file_that_is_not_used_leaves_the_former_one_in_use(path: Path, problem: str) -> None:
    """It is reported once, and tried again only when there is another file."""
    now = [0.0]
    directory = SnapshotDirectory(path, key=KEY, max_age=AGE, clock=Clock(NOW), ticks=lambda: now[0])
    other = {"resources": {"Project:p1": {"owner": "eve"}}}
    match problem:
        case "damaged":
            path.write_bytes(path.read_bytes()[:-1])
        case "older":
            snapshot(path, other, at=NOW - 1)
        case "missing":
            path.unlink()
        case _:
            snapshot(path, other, at=NOW + 1, key=b"another secret of enough bytes...")
    with hearing() as heard:
        for _ in range(3):
            now[0] += LOOK
            assert held(directory, ADAM) == "read"
            _until(lambda: not any(thread.name == "cartaguard-snapshot" for thread in threading.enumerate()))
    assert [event for event, _ in heard] == (["snapshot_refused"] if problem != "missing" else [])
    if problem != "older":
        with pytest.raises(SnapshotError):
            directory.reload()
        assert held(directory, ADAM) == "read"
    else:
        # The deployer's own word.
        directory.reload()
        assert held(directory, EVE).endswith("owner")


def test_an_invalidation_has_the_file_looked_at_and_takes_nothing_away(path: Path) -> None:
    """Where the snapshot is the source itself, there is nothing that it could be older than."""
    directory = SnapshotDirectory(path, key=KEY, max_age=AGE, clock=Clock(NOW), ticks=lambda: 0.0)
    snapshot(path, {"resources": {"Project:p1": {"owner": "eve"}}}, at=NOW + 1)
    assert held(directory, ADAM) == "read"
    directory.invalidate(principal=ADAM)
    _until(lambda: held(directory, ADAM) == "none")


def test_readers_see_one_world_or_the_other_while_files_are_swapped(tmp_path: Path) -> None:
    """Whoever is in a group in the one world holds on the project only in the other: nobody ever reads."""
    path = tmp_path / "facts.snapshot"
    member = {"groups": {"A:T": {"users": ["eve"]}}, "resources": {"Project:p1": {"owner": "olga"}}}
    granted = {"groups": {"A:T": {}}, "resources": {"Project:p1": {"owner": "adam", "grants": [{"to": "group:A:T", "role": "Guest"}]}}}
    worlds_ = [tmp_path / "one", tmp_path / "other"]
    for file, facts in zip(worlds_, (member, granted), strict=True):
        snapshot(file, facts)
    snapshot(path, member)
    directory = opened(path)
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            eve, olga = directory.permission(EVE, P1), directory.permission(OLGA, P1)
            listed = directory.listing(ADAM, "Project")
            if eve is None or eve.permission or eve.doubt or olga is None or olga.permission not in (Permission.NONE, Permission.ALL):
                wrong.append((eve, olga))
            if listed is None or listed.doubt or len(listed.resources) > 1:
                wrong.append(listed)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(200):
        os.link(worlds_[number % 2], path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)
        directory.reload()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_processes_share_one_file_and_each_sees_the_next_one(path: Path) -> None:
    """A forked child and a process of its own read the same map."""
    directory = opened(path)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(held(directory, ADAM) != "read")
            directory.reload()
            code |= int(held(directory, ADAM) != "read")
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    script = (
        "import sys; from cartaguard import Principal, Resource; from cartaguard.directories.snapshot import SnapshotDirectory\n"
        f"d = SnapshotDirectory(sys.argv[1], key={KEY!r}, max_age=60, clock=lambda: {NOW})\n"
        "p = Principal(issuer='https://a.example', subject='s-adam', username='adam')\n"
        "for _ in sys.stdin: d.reload(); print(d.permission(p, Resource('Project', 'p1')).permission, flush=True)"
    )
    source = Path(__file__).parents[2] / "src"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for facts, told in ((FACTS, "read"), ({"resources": {"Project:p1": {"owner": "adam"}}}, "read, write, execute, clone, admin, owner")):
        snapshot(path, facts)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == told
    process.communicate()
    assert process.returncode == 0


def test_several_issuers_have_to_be_told_apart_in_a_snapshot_too(path: Path) -> None:
    """Now and in every file that comes."""
    snapshot(path, {"users": {"olga": {"issuer": "https://a.example"}}, **FACTS})
    directory = opened(path)
    directory.qualify()
    assert [held(directory, who) for who in (ADAM, OLGA)] == ["none", "read, write, execute, clone, admin, owner"]
    snapshot(path, {"users": {"olga": {}}, **FACTS})
    with pytest.raises(ConfigurationError, match="does not say whose user it is"):
        directory.reload()
    assert held(directory, OLGA).endswith("owner")
    with pytest.raises(ConfigurationError):
        opened(path).qualify()


def test_what_could_not_be_taken_in_is_in_doubt_and_said(tmp_path: Path) -> None:
    """A grant of another directory still counts; whatever is missing is neither a denial nor a restriction that is not there."""
    other = FactTable({})
    chain = ChainDirectory([LocalDirectory.from_dict(FACTS), other])
    with hearing() as heard:
        header = write_parts(tmp_path / "s", sources_of(chain), key=KEY, clock=lambda: NOW)
    assert [left_out.source for left_out in header.left_out] == ["FactTable"]
    assert [event for event, _ in heard] == ["snapshot_incomplete"]
    directory = opened(tmp_path / "s")
    guard = Guard(directory=directory)
    assert guard.check(ADAM, permission("read", "Project:p1")).permitted
    assert guard.check(EVE, permission("read", "Project:p1")).indeterminate
    assert guard.check(EVE, restricted("Project:p1")).indeterminate
    assert guard.check(EVE, any_of(groups("OrgA:Team"), groups("x"))).indeterminate
    assert [fact.doubt for fact in everything(directory, EVE) if fact is not None] == ["not_in_snapshot"] * 5


def test_a_snapshot_of_no_directory_tells_nothing(path: Path) -> None:
    """It may have keys in it; facts are in doubt."""
    write_parts(path, [], key=KEY, clock=lambda: NOW)
    assert held(opened(path), OLGA) == "not_in_snapshot"


def test_a_snapshot_that_stands_alone_is_not_copied(path: Path, tmp_path: Path) -> None:
    """Copy the file instead."""
    header = write_parts(tmp_path / "copy", sources_of(opened(path)), key=KEY, clock=lambda: NOW)
    assert [left_out.source for left_out in header.left_out] == [str(path)]


def test_a_snapshot_directory_tells_of_its_health(path: Path) -> None:
    """Its age, and that it is too old."""
    directory = opened(path, clock := Clock(NOW + 5))
    [condition] = directory.health()
    assert (condition.source, condition.state, condition.level, condition.age) == (str(path), "ok", "ok", 5)
    clock.now += AGE
    assert [(condition.state, condition.level) for condition in directory.health()] == [("too_old", "down")]
    assert list(directory.probe()) == []
    directory.close()


def _until(condition: Callable[[], bool]) -> None:
    """Wait for another thread, for a while."""
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline, "it did not come to be so"
