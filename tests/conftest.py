"""What holds for every test: no secret is ever logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from support.canary import Watch


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
