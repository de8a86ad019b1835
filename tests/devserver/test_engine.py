"""The file is private, and a file of somebody else is left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cartaguard.devserver.engine import open_engine
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


def test_what_was_stored_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "carta.sqlite"
    first = Store(path)
    with first.begin() as tables:
        tables.groups.add("X", creator="olga")
        kids = [key.kid for key in tables.keys.published(now=0)]
    first.close()
    second = Store(path)
    with second.begin() as tables:
        assert tables.groups.creator("X") == "olga"
        assert [key.kid for key in tables.keys.published(now=0)] == kids
    second.close()


def test_an_emptied_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "carta.sqlite"
    first = Store(path, seeded=False)
    with first.begin() as tables:
        tables.groups.add("X", creator="olga")
        kids = {key.kid for key in tables.keys.published(now=0)}
    first.close()
    second = Store(path, emptied=True)
    with second.begin() as tables:
        assert tables.groups.creator("X") is None
        assert tables.people.named("olga") is not None
        assert kids.isdisjoint(key.kid for key in tables.keys.published(now=0))
    second.close()


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    def fail_halfway() -> None:
        with store.begin() as tables:
            tables.groups.add("X", creator="olga")
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    with store.begin() as tables:
        assert tables.groups.creator("X") is None


@pytest.mark.parametrize("emptied", [False, True])
def test_a_file_that_is_something_else_is_not_touched(tmp_path: Path, emptied: bool) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("notes of mine, which are longer than a header\n" * 10)
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE users (name)")
    for path, why in ((text, "no SQLite file"), (foreign, "belongs to something else")):
        path.chmod(0o644)
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match=why):
            open_engine(path, emptied=emptied)
        assert (path.read_bytes(), mode(path)) == (before, 0o644)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "carta.sqlite"):
        with pytest.raises(ConfigurationError, match="--data") as caught:
            open_engine(path)
        assert f"`{path}`" in str(caught.value)
