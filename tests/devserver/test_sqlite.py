"""The file is private, and a file of somebody else is left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.store import Store
from cartaguard.errors import ConfigurationError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_nobody_else_can_read_the_file_or_what_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "carta.sqlite"
    store = Store(path)
    with store.begin() as tables:
        tables.groups.add("X", creator="")
        assert {mode(file) for file in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "carta.sqlite"
    Store(path).close()
    path.chmod(0o644)
    Store(path).close()
    assert mode(path) == 0o600


@pytest.mark.parametrize("emptied", [False, True])
def test_a_file_that_is_something_else_is_not_touched(tmp_path: Path, emptied: bool) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("notes of mine, which are longer than a header\n" * 10)
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE users (name)")
    for path, why in ((text, "file is not a database"), (foreign, "belongs to something else")):
        path.chmod(0o644)
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match=why):
            Store(path, emptied=emptied)
        assert (path.read_bytes(), mode(path)) == (before, 0o644)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "carta.sqlite"):
        with pytest.raises(ConfigurationError, match="--data") as caught:
            Store(path)
        assert f"`{path}`" in str(caught.value)


@pytest.mark.parametrize("patience", [10.0, -1.0])
def test_another_process_that_writes_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    store = Store(tmp_path / "carta.sqlite", seeded=False)
    # The connections that follow do not wait by themselves.
    store._database.engine.dispose()
    event.listen(store._database.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))
    monkeypatch.setattr("cartaguard.devserver.store.PATIENCE", patience)
    asked: list[float] = []
    with closing(sqlite3.connect(tmp_path / "carta.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def clock() -> float:
            asked.append(0.0)
            if len(asked) == 3:
                other.execute("ROLLBACK")
            return 0.0

        # The module's own name: event loops of this process go by the real one.
        monkeypatch.setattr("cartaguard.devserver.store.time", SimpleNamespace(monotonic=clock))
        if patience > 0:
            store.transact(lambda tables: tables.groups.add("X", creator="olga"))
        else:
            with pytest.raises(ApiError, match="busy") as caught:
                store.transact(lambda tables: tables.groups.add("X", creator="olga"))
            assert caught.value.status == 503
        monkeypatch.undo()
    with store.begin() as tables:
        assert (tables.groups.creator("X") == "olga") is (patience > 0)
    store.close()
