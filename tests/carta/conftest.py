"""A recording server, and a client of both colours to ask it with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.clients import ASKERS, Ask
from support.recorder import Recorder, recording


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture(params=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return ASKERS[request.param]
