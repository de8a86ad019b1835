"""Local facts in SQLite: several processes, threads and trouble."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cartaguard.directories import local_sqlite, local_tables
from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.local_sqlite import WINDOW, SqliteStore
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.errors import ConfigurationError, DirectoryError, FactsUnavailable
from cartaguard.model.facts import Fact
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import STRICTEST

P1 = Resource("Project", "p1")
FACTS = {
    "groups": {"OrgA:Team": {"users": ["adam"]}},
    "resources": {"Project:p1": {"owner": "olga", "grants": [{"to": "group:OrgA:Team", "role": "Guest"}]}},
}


def caller(username: str) -> Principal:
    return Principal(issuer="https://a.example", subject=f"s-{username}", username=username)


OLGA, ADAM, EVE = caller("olga"), caller("adam"), caller("eve")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "facts.db"


@pytest.fixture
def directory(path: Path) -> Iterator[LocalDirectory]:
    made = LocalDirectory.open(path)
    made.include(FACTS)
    yield made
    made.close()


def reads(directory: LocalDirectory, who: Principal) -> bool:
    return directory.permission(who, P1).permission.read


def test_facts_outlive_the_directory(path: Path) -> None:
    """What was written is there when the file is opened again."""
    first = LocalDirectory.open(path)
    first.include(FACTS)
    first.close()
    first.close()
    again = LocalDirectory.open(path)
    assert reads(again, ADAM)
    again.close()


def test_directories_of_one_process_see_each_other_at_once(directory: LocalDirectory, path: Path) -> None:
    """However lately the other one looked."""
    other = LocalDirectory.open(path)
    for _ in range(20):
        assert not reads(other, EVE)
        directory.grant(by=OLGA, to="user:eve", on=P1, role="Guest")
        assert reads(other, EVE)
        other.revoke(by=OLGA, to="user:eve", on=P1)
        assert not reads(directory, EVE)
    other.close()


def python(code: str, path: Path) -> subprocess.Popen[str]:
    source = Path(__file__).parents[2] / "src"
    start = "import sys; from cartaguard.directories.local import LocalDirectory; from cartaguard.directories.local_write import DEPLOYER\n"
    command = [sys.executable, "-c", f"{start}d = LocalDirectory.open(sys.argv[1])\n{code}\nd.close()", str(path)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(source)}, stdout=subprocess.PIPE, text=True)


def test_another_process_is_seen(directory: LocalDirectory, path: Path) -> None:
    """What it revokes is revoked here."""
    assert reads(directory, ADAM)
    process = python("d.remove_member(by=DEPLOYER, group='OrgA:Team', user='adam')", path)
    process.communicate()
    assert process.returncode == 0
    assert not reads(directory, ADAM)


def test_another_connection_is_seen_once_the_window_is_over(path: Path) -> None:
    """Between two looks at the file an answer is remembered; a look finds every commit."""
    now = [0.0]
    store = SqliteStore(path, clock=lambda: now[0])
    directory = LocalDirectory(store)
    directory.include(FACTS)
    assert reads(directory, ADAM)
    foreign = sqlite3.connect(path)
    foreign.execute("DELETE FROM members")
    foreign.commit()
    foreign.close()
    assert reads(directory, ADAM)
    now[0] += WINDOW
    assert not reads(directory, ADAM)
    directory.close()


def test_old_memberships_and_new_grants_are_never_mixed(path: Path) -> None:
    """Somebody leaves a group, then the group is granted more: at no time did that reach them."""
    directory = LocalDirectory(SqliteStore(path, clock=lambda: 0.0))
    directory.include(FACTS)
    assert directory.groups(ADAM).groups == {"OrgA:Team"}
    foreign = sqlite3.connect(path)
    foreign.execute("DELETE FROM members")
    foreign.execute("INSERT INTO resources VALUES ('Project:p2', 'olga', NULL, NULL)")
    foreign.execute("INSERT INTO grants (resource, kind, name, flags) VALUES ('Project:p2', 'group', 'OrgA:Team', 1)")
    foreign.commit()
    foreign.close()
    assert directory.permission(ADAM, Resource("Project", "p2")).permission == Permission.NONE
    directory.close()


def test_processes_write_at_the_same_time_and_none_is_lost(path: Path) -> None:
    """They even make the file at the same time."""
    code = "for index in range(20): d.add_member(by=DEPLOYER, group=f'G:{index}', user="
    processes = [python(f"{code}{name!r})", path) for name in ("ann", "ben", "cat")]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    directory = LocalDirectory.open(path)
    assert [len(directory.groups(caller(name)).groups) for name in ("ann", "ben", "cat")] == [20, 20, 20]
    directory.close()


def test_threads_read_while_others_write(directory: LocalDirectory) -> None:
    """Each answer is that of a moment before or after a write."""

    def write(_: int) -> None:
        directory.grant(by=OLGA, to="user:eve", on=P1, role="Guest")
        directory.revoke(by=OLGA, to="user:eve", on=P1)

    def read(_: int) -> bool:
        held = directory.permission(EVE, P1)
        return not held.doubt and held.permission in (Permission.NONE, Permission.READ) and reads(directory, ADAM)

    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(write, index) for index in range(20)]
        assert all(pool.map(read, range(400)))
        for done in writes:
            done.result()
    assert not reads(directory, EVE)


def test_a_forked_process_uses_connections_of_its_own(directory: LocalDirectory) -> None:
    """The child reads and writes, and the parent sees it and goes on."""
    assert reads(directory, ADAM)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            directory.remove_member(by=DEPLOYER, group="OrgA:Team", user="adam")
            code = int(reads(directory, ADAM))
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    directory.grant(by=OLGA, to="user:eve", on=P1, role="Guest")
    assert [reads(directory, who) for who in (ADAM, EVE)] == [False, True]


def test_stored_users_without_an_issuer_are_refused_among_several_issuers(directory: LocalDirectory) -> None:
    """As in a file."""
    directory.include({"users": {"adam": {"issuer": "https://a.example"}}})
    directory.qualify()
    assert [reads(directory, who) for who in (ADAM, OLGA)] == [True, False]
    directory.include({"users": {"olga": {"subject": "s-olga"}}})
    with pytest.raises(ConfigurationError, match=r"`users\.olga`"):
        directory.qualify()


def test_a_fault_leaves_a_write_undone(directory: LocalDirectory) -> None:
    """A name that cannot be stored takes the whole write with it."""
    with pytest.raises(DirectoryError, match="lone surrogate"):
        directory.include({"users": {"olga": {"username": "eve"}, "\ud800": {}}})
    assert directory.permission(OLGA, P1).permission == Permission.ALL


def test_a_name_that_cannot_be_stored_is_unknown(directory: LocalDirectory) -> None:
    """Asking for it is no error."""
    odd = Principal(issuer="i", subject="s", username="\ud800", groups=["\udfff"])
    assert directory.permission(odd, P1).permission == Permission.NONE
    assert directory.groups(odd).groups == {"\udfff"}
    assert not directory.restriction(ADAM, Resource("Project", "\ud800")).known
    assert directory.listing(odd, "Project").resources == ()


@pytest.mark.parametrize("name", ["a\x00b", "'; DROP TABLE users --", "%", "é", "e\u0301"])
def test_any_other_name_is_stored_exactly(directory: LocalDirectory, name: str) -> None:
    """As code points, whatever SQL may think of them."""
    directory.add_member(by=DEPLOYER, group=name, user=name)
    assert directory.groups(caller(name)).groups == {name}
    assert directory.groups(caller(name[:1])).groups == ({name} if len(name) == 1 else frozenset())


def test_what_cannot_be_read_is_in_doubt(directory: LocalDirectory) -> None:
    """A directory that is closed says so with every fact and remembers none of it."""
    assert reads(directory, ADAM)
    directory.close()
    facts: list[Fact] = [
        directory.groups(ADAM),
        directory.permission(ADAM, P1),
        directory.organizations(ADAM),
        directory.restriction(ADAM, P1),
        directory.listing(ADAM, "Project"),
    ]
    assert [fact.doubt for fact in facts] == ["directory_closed"] * 5
    assert directory.permission(ADAM, P1).permission == Permission.NONE
    with pytest.raises(FactsUnavailable):
        directory.grant(by=OLGA, to="user:eve", on=P1, role="Guest")


def test_what_is_closed_is_in_doubt_at_once(path: Path) -> None:
    """Also within the moment for which another process's write may stay unseen."""
    directory = LocalDirectory(SqliteStore(path, clock=lambda: 0.0))
    directory.include(FACTS)
    assert reads(directory, ADAM)
    directory.close()
    assert directory.permission(ADAM, P1).doubt == "directory_closed"


def test_a_broken_database_is_in_doubt_and_its_neighbours_are_not(directory: LocalDirectory, path: Path) -> None:
    """The fault is logged, and what does not need the broken part is still answered."""
    foreign = sqlite3.connect(path)
    foreign.execute("DROP TABLE grants")
    foreign.commit()
    foreign.close()
    directory.invalidate()
    assert directory.permission(ADAM, P1).doubt == "directory_unavailable"
    assert directory.restriction(ADAM, P1).known


def test_a_stored_restriction_that_cannot_be_read_is_the_strictest(directory: LocalDirectory, path: Path) -> None:
    """Whoever wrote it."""
    foreign = sqlite3.connect(path)
    foreign.execute("UPDATE resources SET restricted = '{'")
    foreign.commit()
    foreign.close()
    directory.invalidate()
    assert directory.restriction(ADAM, P1).restrictions == (STRICTEST,)


@pytest.mark.parametrize(("patience", "opens"), [(5.0, True), (-1.0, False)])
def test_a_file_that_another_process_is_preparing_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, patience: float, opens: bool
) -> None:
    """For a while, and then it is an error."""
    fault = sqlite3.OperationalError("database is locked")
    fault.sqlite_errorcode = sqlite3.SQLITE_BUSY
    tries = [fault]

    def prepare(connection: sqlite3.Connection) -> None:
        if tries:
            raise tries.pop()
        local_tables.prepare(connection)

    monkeypatch.setattr(local_sqlite, "prepare", prepare)
    monkeypatch.setattr(local_sqlite, "PATIENCE", patience)
    if opens:
        LocalDirectory.open(path).close()
    else:
        with pytest.raises(DirectoryError, match="locked"):
            LocalDirectory.open(path)


def test_only_a_database_of_ours_is_opened(tmp_path: Path) -> None:
    """Neither another application's nor what is no database, and neither is changed."""
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("CREATE TABLE users (id INTEGER)")
    foreign.commit()
    foreign.close()
    (tmp_path / "text.db").write_text("no database at all, but long enough to look at" * 100, "utf-8")
    for name in ("foreign.db", "text.db", "missing/facts.db"):
        with pytest.raises(DirectoryError, match="cannot be opened as an SQLite directory") as fault:
            LocalDirectory.open(tmp_path / name)
        assert str(tmp_path / name) in str(fault.value)
        assert fault.value.code == "unreadable_file"
