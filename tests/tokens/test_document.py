"""One remote document: bounds on a fetch as a whole."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cartaguard.drivers.effects import same_origin
from cartaguard.errors import TransportError
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.tokens.document import Document, DocumentError


def always() -> bool:
    return True


def test_a_fetch_has_10_seconds_and_2_mb_and_sends_no_credential() -> None:
    document = Document("https://keys.example/set", http="a client", clock=lambda: 0.0, take=lambda body: None)
    request = next(document._fly(always, None))
    assert isinstance(request, HttpRequest)
    assert (request.method, request.url, request.timeout, request.max_bytes) == ("GET", "https://keys.example/set", 10.0, 2 * 1024 * 1024)
    assert dict(request.headers) == {"accept": "application/json"}
    assert request.client == "a client"


def test_redirects_share_the_time_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    # The module's own name: event loops of this process go by the real one.
    monkeypatch.setattr("cartaguard.drivers.effects.time", SimpleNamespace(monotonic=lambda: now[0]))
    steps = same_origin(HttpRequest("GET", "https://keys.example/a", timeout=10.0))
    next(steps)
    now[0] += 7
    second = steps.send(HttpResponse(302, {"location": "/b"}))
    assert isinstance(second, HttpRequest)
    assert (second.url, second.timeout) == ("https://keys.example/b", 3.0)
    now[0] += 7
    third = steps.send(HttpResponse(302, {"location": "/c"}))
    assert isinstance(third, HttpRequest)
    assert third.timeout == 0.001


@pytest.mark.parametrize("fault", [TransportError("no"), DocumentError("no")])
def test_a_failure_is_told_and_not_raised(fault: Exception) -> None:
    landings: list[str] = []
    document = Document("https://keys.example/set", http=None, clock=lambda: 0.0, take=lambda body: None)
    steps = document._fly(always, lambda: landings.append("landed"))
    next(steps)
    with pytest.raises(StopIteration):
        steps.throw(fault)
    assert document.failed
    assert document.pause() == 1
    assert document.unavailable().retry_after == 1
    assert str(document.unavailable()) == "`https://keys.example/set` could not be read"
    assert landings == ["landed"]


def test_a_fault_of_our_own_is_raised_and_ends_the_flight() -> None:
    document = Document("https://keys.example/set", http=None, clock=lambda: 0.0, take=lambda body: None)
    steps = document._fly(always, None)
    next(steps)
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError())
    assert not document.failed
    assert next(document.fetch(always)) is not None
