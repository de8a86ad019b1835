"""Where Carta is: only an address that a token may be sent to."""

from __future__ import annotations

import pytest

from cartaguard.carta.endpoint import Endpoint
from cartaguard.errors import ConfigurationError


def test_trailing_slashes_are_dropped() -> None:
    assert Endpoint("https://c.example///").host == "https://c.example"


@pytest.mark.parametrize("host", ["http://c.example", "c.example", "https://", "https://a@c.example", ""])
def test_a_host_that_a_token_must_not_be_sent_to_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="`host`"):
        Endpoint(host)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(ConfigurationError, match="`timeout`"):
        Endpoint("https://c.example", timeout)
