"""What was stored stays, whatever it is stored in, and nobody's work is lost to somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from cartaguard.devserver.schema import groups
from cartaguard.devserver.store import Store, Tables

Fresh: TypeAlias = Callable[[], Path | str]


def test_what_was_stored_is_there_again(fresh: Fresh) -> None:
    place = fresh()
    first = Store(place)
    with first.begin() as tables:
        tables.groups.add("X", creator="olga")
        kids = [key.kid for key in tables.keys.published(now=0)]
    first.close()
    second = Store(place)
    with second.begin() as tables:
        assert tables.groups.creator("X") == "olga"
        assert [key.kid for key in tables.keys.published(now=0)] == kids
    second.close()


def test_an_emptied_store_begins_anew(fresh: Fresh) -> None:
    place = fresh()
    first = Store(place, seeded=False)
    with first.begin() as tables:
        tables.groups.add("X", creator="olga")
        kids = {key.kid for key in tables.keys.published(now=0)}
    first.close()
    second = Store(place, emptied=True)
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


def test_what_contradicts_the_store_is_done_again_and_raised_if_it_still_does(store: Store) -> None:
    attempts: list[bool] = []

    def write(tables: Tables) -> str:
        attempts.append(tables.groups.creator("X") is None)
        if len(attempts) in (1, 3, 4):
            tables.groups.add("X", creator="olga")
            # As if somebody else had made it after it was looked for.
            tables.groups._connection.execute(insert(groups).values(name="X", id="x", creator="otto"))
        return "done"

    assert store.transact(write) == "done"
    with pytest.raises(IntegrityError):
        store.transact(write)
    assert attempts == [True] * 4


def test_a_fault_that_another_attempt_does_not_mend_is_raised_at_once(store: Store) -> None:
    attempts: list[Tables] = []

    def write(tables: Tables) -> None:
        attempts.append(tables)
        tables.groups._connection.execute(text("SELECT * FROM absent"))

    with pytest.raises(DBAPIError):
        store.transact(write)
    assert len(attempts) == 1
