"""Redirects are followed only where they stay on scheme, host and port."""

from __future__ import annotations

import pytest

from cartaguard import errors
from cartaguard.drivers.effects import same_origin
from cartaguard.http.exchange import HttpRequest, HttpResponse

START = HttpRequest("GET", "https://a.example/keys", {"authorization": "Bearer canary"})


def follow(*answers: HttpResponse, hops: int = 3) -> tuple[HttpResponse, list[HttpRequest]]:
    steps = same_origin(START, hops=hops)
    asked = [next(steps)]
    try:
        for answer in answers:
            asked = [*asked, steps.send(answer)]
    except StopIteration as stop:
        return stop.value, asked  # type: ignore[return-value]
    raise AssertionError(asked)


def to(location: str, status: int = 302) -> HttpResponse:
    return HttpResponse(status, {"location": location})


def test_an_answer_is_handed_over() -> None:
    for status in (200, 204, 300, 304, 404, 500):
        answer, asked = follow(HttpResponse(status))
        assert (answer.status, asked) == (status, [START])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/other", "other", "https://a.example/other"])
def test_a_redirect_that_stays_is_followed_with_the_same_request(status: int, location: str) -> None:
    answer, asked = follow(to(location, status), HttpResponse(200))
    assert (answer.status, asked[1].method, asked[1].url) == (200, "GET", "https://a.example/other")
    assert asked[1].headers == START.headers
    assert asked[1].timeout <= START.timeout, "all hops together have the time of one exchange"


@pytest.mark.parametrize(
    "location",
    ["https://b.example/", "http://a.example/", "https://a.example:444/", "//b.example/x", "https://a.example@b.example/", "\\\\b.example"],
)
def test_a_redirect_that_leaves_is_refused(location: str) -> None:
    if location.startswith("\\"):
        assert follow(to(location), HttpResponse(200))[1][1].url.startswith("https://a.example/")
        return
    with pytest.raises(errors.TransportError, match="redirects to another host") as caught:
        follow(to(location))
    assert caught.value.code == "cross_host_redirect"
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("hops", [0, 1, 3])
def test_endless_redirects_end(hops: int) -> None:
    with pytest.raises(errors.TransportError, match="redirects too often") as caught:
        follow(*[to("/again")] * (hops + 1), hops=hops)
    assert caught.value.code == "too_many_redirects"


def test_a_redirect_to_nowhere_is_one_to_itself() -> None:
    answer, asked = follow(HttpResponse(302), HttpResponse(200))
    assert (answer.status, asked[1].url) == (200, START.url)
