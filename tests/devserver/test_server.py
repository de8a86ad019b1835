"""The server is on a socket of its own, and gone when it is stopped."""

from __future__ import annotations

import socket

import httpx
import pytest

from cartaguard.devserver.server import Listener
from cartaguard.errors import ConfigurationError
from cartaguard.testing import EmbeddedCarta


def test_two_servers_have_different_ports_and_keys() -> None:
    with EmbeddedCarta() as one, EmbeddedCarta() as other:
        assert one.url != other.url
        assert httpx.get(one.jwks_uri).json() != httpx.get(other.jwks_uri).json()


def test_a_port_that_is_taken_is_named() -> None:
    with EmbeddedCarta() as carta:
        address = carta.url.removeprefix("http://")
        with pytest.raises(ConfigurationError, match=f"`{address}` cannot be listened on"):
            Listener("127.0.0.1", int(address.partition(":")[2]))


@pytest.mark.parametrize(("host", "port"), [("203.0.113.1", 0), ("127.0.0.1", 70000), ("not a host", 0)])
def test_an_address_that_cannot_be_had_is_named(host: str, port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"`{host}:{port}`"):
        Listener(host, port)


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]")]
)
def test_the_address_is_one_that_a_client_can_use(host: str, shown: str) -> None:
    if ":" in host and not socket.has_ipv6:
        host, shown = "127.0.0.1", "127.0.0.1"
    listener = Listener(host, 0)
    assert listener.url == f"http://{shown}:{listener.port}"
    listener.socket.close()


def test_after_the_end_nobody_answers() -> None:
    with EmbeddedCarta() as carta:
        url = carta.url
        assert httpx.get(url).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
