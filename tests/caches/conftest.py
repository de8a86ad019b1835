"""Real servers for the caches, each test with its own: it may kill them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.postgres import Cluster, cluster
from support.redis import KINDS, RedisServer, redis_server


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Redis, and then Valkey."""
    with redis_server(request.param) as running:
        yield running


@pytest.fixture
def redis_only() -> Iterator[RedisServer]:
    """Redis, for what is not about the kind of server."""
    with redis_server() as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    with cluster() as running:
        yield running
