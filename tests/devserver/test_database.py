"""One setting says where everything is stored, and what cannot be had is named without its password."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from cartaguard.cli.main import main
from cartaguard.devserver.database import database_at
from cartaguard.devserver.sqlite import SqliteFile
from cartaguard.devserver.store import Store
from cartaguard.errors import CartaGuardError, ConfigurationError
from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY
from support.postgres import Cluster


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_a_file_is_named_by_its_path_or_its_address(tmp_path: Path, form: str) -> None:
    database = database_at(form.format(path=tmp_path / "carta.sqlite"))
    assert isinstance(database, SqliteFile)
    assert database.path == tmp_path / "carta.sqlite"
    database.engine.dispose()


@pytest.mark.parametrize("place", ["mysql://localhost/carta", "postgresql://localhost/carta", "sqlite://", "x://", "://"])
def test_what_is_no_database_of_ours_is_refused_with_what_would_be(place: str) -> None:
    with pytest.raises(ConfigurationError, match=r"postgresql\+psycopg://"):
        database_at(place)


def test_an_address_is_never_shown_with_its_password(tmp_path: Path) -> None:
    for place in (f"postgresql+psycopg://olga:{CANARY}@127.0.0.1:1/carta", f"postgresql+psycopg://127.0.0.1:1/carta?password={CANARY}"):
        with pytest.raises(ConfigurationError, match="cannot be reached") as caught:
            Store(place)
        assert "127.0.0.1:1/carta" in str(caught.value)
        assert CANARY not in f"{caught.value!r} {caught.value}"
    with pytest.raises(ConfigurationError) as caught:
        Store(f"postgres://olga:{CANARY}@127.0.0.1/carta")
    assert CANARY not in str(caught.value)


@pytest.mark.server
def test_a_database_of_somebody_else_is_left_as_it_is(postgres: Cluster) -> None:
    with postgres.database() as place:
        other = database_at(place)
        with other.engine.begin() as connection:
            connection.execute(text("CREATE TABLE invoices (id int)"))
        for emptied in (False, True):
            with pytest.raises(ConfigurationError, match="belongs to something else") as caught:
                Store(place, emptied=emptied)
            assert CANARY not in str(caught.value)
        assert inspect(other.engine).get_table_names() == ["invoices"]
        other.engine.dispose()


@pytest.mark.server
def test_two_embedded_cartas_share_a_database(postgres: Cluster) -> None:
    with postgres.database() as place, EmbeddedCarta(store=place) as one, EmbeddedCarta(store=place) as other:
        one.add_user("olga", groups=["Aurora:All"])
        assert other.token("olga")
        with pytest.raises(CartaGuardError, match="user already exists"):
            other.add_user("olga")
        assert CANARY not in one._carta.store.shown


def test_what_another_version_made_is_not_touched_unless_it_is_emptied(store: Store) -> None:
    with store.begin() as tables:
        tables.groups._connection.execute(text("ALTER TABLE pool ADD COLUMN more INTEGER"))
    place = store._database.engine.url.render_as_string(hide_password=False)
    with pytest.raises(ConfigurationError, match="--reset"):
        Store(place)
    Store(place, emptied=True).close()
    Store(place).close()


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install cartaguard\[postgres\]"):
        database_at("postgresql+psycopg://127.0.0.1/carta")


@pytest.mark.server
def test_the_command_takes_the_address_and_shows_it_without_the_password(postgres: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    with postgres.database() as place:
        Store(place).close()
        with pytest.raises(SystemExit) as caught:
            main(["dev", "rotate", "--data", place])
        out, err = capsys.readouterr()
        assert (caught.value.code, err) == (0, "")
        assert "postgresql+psycopg://carta:***@127.0.0.1" in out
        assert CANARY not in out


@pytest.mark.server
def test_a_user_who_may_make_no_tables_is_told_so(postgres: Cluster) -> None:
    with postgres.database() as place:
        owner = database_at(place)
        with owner.engine.begin() as connection:
            connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
            connection.execute(text(f"CREATE ROLE visitor LOGIN PASSWORD '{CANARY}'"))
        try:
            visitor = owner.engine.url.set(username="visitor").render_as_string(hide_password=False)
            with pytest.raises(ConfigurationError, match="permission denied") as caught:
                Store(visitor)
            assert CANARY not in str(caught.value)
        finally:
            with owner.engine.begin() as connection:
                connection.execute(text("DROP ROLE visitor"))
            owner.engine.dispose()
