"""What holds for every test: no secret is ever logged, events are new, and Ctrl-C reaches the programs that tests start."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest

from cartaguard import events
from support.cache_bounds import cache_bounds
from support.canary import Watch


def pytest_configure() -> None:
    """A shell that runs the tests in the background has SIGINT ignored, and children inherit that: they could not be interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def events_begin_anew() -> None:
    """What one test has logged is logged in the next one too."""
    events.forget()


@pytest.fixture(autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    """Fail a test in which a token or the canary appears in a log line, of whatever level of cartaguard's own."""
    watch, root, own = Watch(), logging.getLogger(), logging.getLogger("cartaguard")
    level = own.level
    root.addHandler(watch)
    own.setLevel(logging.DEBUG)
    yield
    own.setLevel(level)
    root.removeHandler(watch)
    assert not watch.leaks, "a secret was logged"


@pytest.fixture(autouse=True)
def caches_are_as_large_as_the_session_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """See :mod:`support.cache_bounds`."""
    if request.node.get_closest_marker("remembers") is not None:
        yield
        return
    back = cache_bounds()
    yield
    back()
