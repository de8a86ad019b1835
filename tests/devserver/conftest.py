"""One embedded Carta for all tests here, asked over its socket; and an empty store for tests without one.

Every test that stores something runs on SQLite, and once more (marked ``server``) on a real PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from cartaguard.devserver.store import Store
from cartaguard.testing import EmbeddedCarta
from support.postgres import Cluster, cluster

#: ``call(method, path, name)``: the answer to a call that a user makes; without a name nobody makes it.
Call: TypeAlias = Callable[..., httpx.Response]

#: An empty place to store in, as long as the block lasts.
Places: TypeAlias = Callable[[], AbstractContextManager[Path | str]]

#: The same, as long as the test lasts.
Fresh: TypeAlias = Callable[[], Path | str]


@pytest.fixture(scope="session", autouse=True)
def drawn_keys() -> Iterator[None]:
    """Real keys, drawn once: every store needs two, and drawing them takes longer than most tests."""
    keys = cycle([generate_private_key(65537, 2048) for _ in range(8)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cartaguard.devserver.keys.generate_private_key", lambda *_: next(keys))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Places:
    if request.param == "postgresql":
        running: Cluster = request.getfixturevalue("postgres")
        return running.database

    @contextmanager
    def file() -> Iterator[Path]:
        yield tmp_path_factory.mktemp("store") / "carta.sqlite"

    return file


@pytest.fixture(scope="session")
def seeded(places: Places) -> Iterator[EmbeddedCarta]:
    with places() as place, EmbeddedCarta(seed=True, store=place) as carta:
        yield carta


@pytest.fixture(scope="session")
def call(seeded: EmbeddedCarta) -> Iterator[Call]:
    with httpx.Client(base_url=seeded.url) as client:

        def call(method: str, path: str, name: str = "", **more: object) -> httpx.Response:
            headers = {"Authorization": f"Bearer {seeded.token(name)}"} if name else {}
            return client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

        yield call


@pytest.fixture
def fresh(places: Places) -> Iterator[Fresh]:
    with ExitStack() as made:
        yield lambda: made.enter_context(places())


@pytest.fixture
def store(fresh: Fresh) -> Iterator[Store]:
    store = Store(fresh(), seeded=False)
    yield store
    store.close()


@pytest.fixture
def empty(fresh: Fresh) -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta(store=fresh()) as carta:
        yield carta
