"""The pytest plugin: the fixture ``embedded_carta``. Nothing of the server is imported before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cartaguard.testing import EmbeddedCarta


@pytest.fixture
def embedded_carta() -> Iterator[EmbeddedCarta]:
    """An empty Carta of this test's own; see :class:`cartaguard.testing.EmbeddedCarta`."""
    from cartaguard.testing import EmbeddedCarta

    with EmbeddedCarta() as carta:
        yield carta
