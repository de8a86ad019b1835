"""What was stored stays, whatever it is stored in, and nobody's work is lost to somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from cartaguard.devserver.store import Store

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
