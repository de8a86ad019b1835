"""One embedded Carta for all tests here, asked over its socket; and an empty store for tests without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

from cartaguard.devserver.store import Store
from cartaguard.testing import EmbeddedCarta

#: ``call(method, path, name)``: the answer to a call that a user makes; without a name nobody makes it.
Call: TypeAlias = Callable[..., httpx.Response]


@pytest.fixture(scope="session")
def seeded() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta(seed=True) as carta:
        yield carta


@pytest.fixture(scope="session")
def call(seeded: EmbeddedCarta) -> Iterator[Call]:
    with httpx.Client(base_url=seeded.url) as client:

        def call(method: str, path: str, name: str = "") -> httpx.Response:
            headers = {"Authorization": f"Bearer {seeded.token(name)}"} if name else {}
            return client.request(method, path, headers=headers)

        yield call


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "carta.sqlite", seeded=False)
    yield store
    store.close()


@pytest.fixture
def empty() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta() as carta:
        yield carta
