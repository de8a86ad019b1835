"""Which addresses are asked, and which headers travel."""

from __future__ import annotations

import pytest

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.proxying import Via, answered_headers, checked_base, checked_endpoint, forwarded_headers, target

ALLOWED = {"fit.example", "lab.example:8443"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8101",
        "http://localhost/base/",
        "https://[::1]:9/x",
        "http://127.9.9.9",
        "http://fit.example",
        "https://FIT.example:1",
        "https://lab.example:8443/x",
    ],
)
def test_this_machine_and_allowed_hosts_are_asked(url: str) -> None:
    assert checked_base(url, ALLOWED) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1",
        "127.0.0.1:8101",
        "http://",
        "http://127.0.0.1:99999",
        "http://[::1",
        "http://192.0.2.1",
        "http://169.254.169.254/latest",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://2130706433",
        "http://0x7f.1",
        "http://lab.example",
        "https://lab.example:8444",
        "http://sub.fit.example",
        "http://user@127.0.0.1",
        "http://127.0.0.1@fit.example.net",
        "http://127.0.0.1/?q",
        "http://127.0.0.1/#f",
        "http://127.0.0.1\\@fit.example",
        "http://127.0.0.1/ x",
        "http://127.0.0.1/../x",
        "http://127.0.0.1/%2e%2e/x",
        "http://127.0.0.ü",
        "http://127.0.0.1/\n",
    ],
)
def test_nothing_else_is_asked(url: str) -> None:
    with pytest.raises(ApiError) as caught:
        checked_base(url, ALLOWED)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("base", "endpoint", "query", "expected"),
    [
        ("http://h", "", b"", "http://h"),
        ("http://h/b/", "", b"q=1", "http://h/b/?q=1"),
        ("http://h/b/", "runs/7", b"", "http://h/b/runs/7"),
        ("http://h", "a%2Fb//c/", b"x=%20&y", "http://h/a%2Fb//c/?x=%20&y"),
        ("http://h", "..a/b..", b"", "http://h/..a/b.."),
    ],
)
def test_an_endpoint_lies_below_the_address_as_it_was_sent(base: str, endpoint: str, query: bytes, expected: str) -> None:
    assert target(base, checked_endpoint(endpoint), query) == expected


@pytest.mark.parametrize("endpoint", ["..", ".", "a/../b", "a/%2E%2e", "a/.%2e/b", "a\\..\\b", "..;x/b", "%2e"])
def test_an_endpoint_does_not_lead_out_of_its_service(endpoint: str) -> None:
    with pytest.raises(ApiError) as caught:
        checked_endpoint(endpoint)
    assert caught.value.status == 400


def test_what_belongs_to_one_connection_is_not_passed_on() -> None:
    sent = [
        (b"Host", b"carta"),
        (b"Connection", b"close, X-Once"),
        (b"X-Once", b"1"),
        (b"Keep-Alive", b"5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"websocket"),
        (b"TE", b"trailers"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"Accept", b"a"),
        (b"Accept", b"b"),
    ]
    assert forwarded_headers(sent) == answered_headers(sent) == [(b"accept", b"a"), (b"accept", b"b")]


def test_the_callers_token_travels_under_both_names_and_nobody_else_says_what_is_in_them() -> None:
    sent = [(b"x-carta-token", b"Bearer forged"), (b"X_Carta_Token", b"Bearer forged"), (b"Authorization", b"Bearer own")]
    assert forwarded_headers(sent) == [(b"authorization", b"Bearer own"), (b"X_CARTA_TOKEN", b"Bearer own")]


def test_a_request_that_comes_back_is_known() -> None:
    via, other = Via(), Via()
    passed = via.added([(b"via", b"1.1 elsewhere")])
    assert other.added(passed)[:2] == passed
    with pytest.raises(ApiError) as caught:
        via.added(other.added(passed))
    assert caught.value.status == 400
