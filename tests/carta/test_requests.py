"""Each call of Carta is the request that the protocol says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cartaguard.carta import requests
from cartaguard.carta.requests import Endpoint
from cartaguard.errors import ConfigurationError
from cartaguard.http.exchange import HttpRequest

CARTA = Endpoint("https://c.example///", timeout=3.0)


@pytest.mark.parametrize(
    ("build", "url"),
    [
        (lambda: requests.current_user(CARTA, token="t"), "user"),
        (
            lambda: requests.search_users(CARTA, "o l", token="t"),
            "user/users?attributeName=UserName&attributeValue=o%20l&attributeFilter=%3D",
        ),
        (lambda: requests.resources(CARTA, "Project", token="t"), "permissions/resources/Project"),
        (lambda: requests.resources(CARTA, "Project", user_id="u/1", token="t"), "permissions/resources/Project?userId=u%2F1"),
        (lambda: requests.resource(CARTA, "Service", "ns/x", token="t"), "permissions/resources/Service/ns%2Fx"),
        (lambda: requests.user_permission(CARTA, "p1", "olga", token="t"), "permissions/p1/olga?userType=User"),
    ],
)
def test_a_call_is_one_get_with_the_token_in_its_header(build: Callable[[], HttpRequest], url: str) -> None:
    request = build()
    assert (request.method, request.url, request.timeout) == ("GET", f"https://c.example/{url}", 3.0)
    assert request.headers["Authorization"] == "Bearer t"
    assert request.body is None


@pytest.mark.parametrize("host", ["http://c.example", "c.example", "https://", "https://a@c.example", ""])
def test_a_host_that_a_token_must_not_be_sent_to_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="`host`"):
        Endpoint(host)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(ConfigurationError, match="`timeout`"):
        Endpoint("https://c.example", timeout)


def test_a_token_is_not_in_the_repr_of_a_request() -> None:
    assert "hunter2" not in repr(requests.current_user(CARTA, token="hunter2"))
