"""Secrets go to https, or over plain http to this machine only."""

from __future__ import annotations

import pytest

from cartaguard.errors import ConfigurationError
from cartaguard.http.urls import is_loopback, secure_url


@pytest.mark.parametrize(
    "url",
    [
        "https://api.carta.example",
        "https://api.carta.example:8443/prefix/",
        "https://10.0.0.1",
        "https://api.carta.example/X",
        "http://localhost:8765",
        "http://LOCALHOST",
        "http://127.0.0.1:1",
        "http://127.8.9.1",
        "http://[::1]:8765/x",
        "HTTPS://api.carta.example",
    ],
)
def test_https_and_loopback_addresses_are_taken_as_they_are(url: str) -> None:
    assert secure_url(url, "host") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.carta.example",
        "//api.carta.example",
        "https://",
        "https:///x",
        "http://api.carta.example",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.1",
        "http://2130706433",
        "http://0.0.0.0:8765",
        "http://localhost@evil.example",
        "http://127.0.0.1\\@evil.example",
        "http://evil.example#@localhost",
        "https://user:hunter2@api.carta.example",
        "https://api.carta.example?key=hunter2",
        "https://api.carta.example#hunter2",
        "https://api.carta.example/a b",
        "https://api.carta.example/\n",
        "https://кarta.example",
        "https://api.carta.example:port",
        "https://[::1",
        "ftp://localhost",
        "file:///etc/passwd",
        None,
        7,
    ],
)
def test_everything_else_is_a_configuration_error_without_secrets(url: object) -> None:
    with pytest.raises(ConfigurationError, match="`host`") as caught:
        secure_url(url, "host")
    assert caught.value.code == "insecure_url"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("", False), ("carta.example", False)],
)
def test_loopback_is_what_is_written_so_and_never_looked_up(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
