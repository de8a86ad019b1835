"""The file is private, and a file of somebody else is left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

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
