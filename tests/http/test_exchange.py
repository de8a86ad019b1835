"""An exchange as plain data shows neither headers nor body."""

from __future__ import annotations

from cartaguard.http.exchange import HttpRequest, HttpResponse


def test_headers_and_body_stay_out_of_the_repr() -> None:
    request = HttpRequest("POST", "https://carta.example/x", {"Authorization": "Bearer canary"}, b"canary", client="canary")
    response = HttpResponse(200, {"set-cookie": "canary"}, b"canary")
    assert "canary" not in repr(request) + repr(response)
    assert "https://carta.example/x" in repr(request)
    assert repr(response) == "HttpResponse(status=200)"
