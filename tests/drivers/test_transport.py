"""The transport over a real socket: what is no usable answer ends in one fault, within bounds, in both colours."""

from __future__ import annotations

import asyncio
import gzip
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import httpx2
import pytest

from cartaguard import errors
from cartaguard.drivers import transport
from cartaguard.drivers.effects import Steps
from cartaguard.http.exchange import HttpRequest, HttpResponse
from support.colours import COLOURS, Run
from support.scripted import Server

both_colours = pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def exchange(run: Run, request: HttpRequest) -> HttpResponse:
    def steps() -> Steps[HttpResponse]:
        answer: HttpResponse = yield request
        return answer

    answer: HttpResponse = run(steps())
    return answer


def fault(run: Run, request: HttpRequest) -> tuple[str, str]:
    with pytest.raises(errors.TransportError) as caught:
        exchange(run, request)
    said = str(caught.value)
    assert "canary" not in said
    assert caught.value.__cause__ is None
    return caught.value.code, said


@both_colours
def test_a_request_is_sent_as_it_is_and_the_answer_comes_back(run: Run, server: Server) -> None:
    server.answers("201 Created", "X-Mixed: Case", body=b"body")
    answer = exchange(run, HttpRequest("POST", server.url, {"Authorization": "Bearer t"}, b"sent"))
    assert (answer.status, answer.headers["x-mixed"], answer.body) == (201, "Case", b"body")
    assert server.asked[0].startswith(b"POST /facts?secret=canary HTTP/1.1\r\n")
    assert b"authorization: bearer t\r\n" in server.asked[0].lower()


@both_colours
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_handed_over_and_not_followed(run: Run, server: Server, status: str) -> None:
    server.answers(status, "Location: http://127.0.0.1:1/elsewhere")
    answer = exchange(run, HttpRequest("GET", server.url, {"Authorization": "Bearer t"}))
    assert (answer.status, answer.headers["location"]) == (int(status[:3]), "http://127.0.0.1:1/elsewhere")
    assert len(server.asked) == 1


@both_colours
def test_a_body_that_is_too_large_is_refused(run: Run, server: Server) -> None:
    server.answers(body=b"x" * 101)
    code, said = fault(run, HttpRequest("GET", server.url, max_bytes=100))
    assert (code, "more than 100 bytes" in said) == ("too_large", True)
    server.answers(body=b"x" * 100)
    assert len(exchange(run, HttpRequest("GET", server.url, max_bytes=100)).body) == 100


@both_colours
def test_the_size_is_counted_after_decompression(run: Run, server: Server) -> None:
    packed = gzip.compress(b"\0" * 1_000_000)
    server.answers("200 OK", "Content-Encoding: gzip", body=packed)
    assert fault(run, HttpRequest("GET", server.url, max_bytes=len(packed) * 2))[0] == "too_large"


@both_colours
def test_a_server_that_says_nothing_is_left(run: Run, server: Server) -> None:
    server.behave = server.stall
    code, said = fault(run, HttpRequest("GET", server.url, timeout=0.05))
    assert (code, "did not answer within 0.05 s" in said) == ("timeout", True)


@both_colours
def test_a_server_that_drips_for_ever_is_left(run: Run, server: Server) -> None:
    server.behave = server.drip
    code, said = fault(run, HttpRequest("GET", server.url, timeout=0.05))
    assert (code, "within 0.05 s" in said) == ("timeout", True)


@both_colours
@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
def test_an_answer_that_is_none_is_a_fault(run: Run, server: Server, answer: bytes) -> None:
    server.behave = lambda connection: connection.sendall(answer)
    code, said = fault(run, HttpRequest("GET", server.url))
    assert (code, "could not be reached" in said) == ("transport", True)


@both_colours
def test_a_body_that_cannot_be_decompressed_is_a_fault(run: Run, server: Server) -> None:
    server.answers("200 OK", "Content-Encoding: gzip", body=b"no gzip")
    assert fault(run, HttpRequest("GET", server.url))[0] == "transport"


@both_colours
def test_a_refused_connection_is_a_fault_that_shows_neither_userinfo_nor_query(run: Run) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    code, said = fault(run, HttpRequest("GET", f"http://canary:canary@127.0.0.1:{port}/path?canary"))
    assert code == "transport"
    assert said.startswith(f"`http://127.0.0.1:{port}/path` could not be reached (ConnectError)")


@both_colours
@pytest.mark.parametrize("url", ["no-scheme", "http://", "ftp://127.0.0.1/"])
def test_an_address_that_is_none_is_a_fault(run: Run, url: str) -> None:
    assert fault(run, HttpRequest("GET", url))[0] == "transport"


# -- clients of the user's own ----------------------------------------------------------------------------


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_client_of_the_users_own_is_used(library: Any, server: Server) -> None:
    server.answers(body=b"body")
    with library.Client(headers={"X-Own": "yes"}, follow_redirects=True) as client:
        request = HttpRequest("GET", server.url, client=client)
        assert exchange(COLOURS["blocking"], request).body == b"body"
        assert exchange(COLOURS["asyncio"], request).body == b"body"
        server.answers("302 Found", "Location: /other")
        assert exchange(COLOURS["blocking"], request).status == 302

    async def main() -> None:
        async with library.AsyncClient(headers={"X-Own": "yes"}, follow_redirects=True) as client:
            request = HttpRequest("GET", server.url, client=client)
            assert (await transport.asend(request)).status == 302
            with pytest.raises(errors.ConfigurationError, match="async twin"):
                transport.send(request)

    asyncio.run(main())
    assert all(b"x-own: yes" in asked.lower() for asked in server.asked)
    assert len(server.asked) == 4


class Answer:
    status_code = 200
    headers = {"X-A": "b"}  # noqa: RUF012
    content = b"body"


class Simple:
    """A client with no more than ``get``, as another library's may be."""

    stream = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, url: str, **options: Any) -> Answer:
        self.asked.append((url, options))
        return Answer()


class SimpleAsync(Simple):
    async def get(self, url: str, **options: Any) -> Answer:  # type: ignore[override]
        return super().get(url, **options)


@pytest.mark.parametrize("client", [Simple(), SimpleAsync()])
def test_a_client_that_has_only_get_serves_for_a_plain_get(client: Simple) -> None:
    request = HttpRequest("GET", "http://127.0.0.1/x", {"a": "b"}, client=client, timeout=3)
    runs = ("asyncio",) if isinstance(client, SimpleAsync) else ("blocking", "asyncio")
    for name in runs:
        answer = exchange(COLOURS[name], request)
        assert (answer.status, answer.headers, answer.body) == (200, {"x-a": "b"}, b"body")
        assert client.asked[-1] == ("http://127.0.0.1/x", {"headers": {"a": "b"}, "timeout": 3})
        too_large = HttpRequest("GET", "http://127.0.0.1/x", client=client, max_bytes=3)
        assert fault(COLOURS[name], too_large)[0] == "too_large"
        for wrong in (HttpRequest("POST", "http://127.0.0.1/x", client=client), HttpRequest("GET", "http://x", body=b"b", client=client)):
            with pytest.raises(errors.ConfigurationError, match="has no `stream`"):
                exchange(COLOURS[name], wrong)


# -- whose clients they are -------------------------------------------------------------------------------


def test_a_process_has_one_blocking_client_and_a_child_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_blocking", None)
    first = transport._client()
    assert transport._client() is first
    monkeypatch.setattr("os.getpid", lambda: -1)
    second = transport._client()
    assert second is not first
    for client in (first, second):
        client.close()


def test_each_event_loop_has_a_client_of_its_own_and_a_child_makes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def main() -> None:
        client = transport._aclient()
        assert transport._aclient() is client
        seen.append(client)
        await client.aclose()

    asyncio.run(main())
    asyncio.run(main())
    assert seen[0] is not seen[1]

    async def forked() -> None:
        before = transport._aclient()
        monkeypatch.setattr("os.getpid", lambda: -1)
        after = transport._aclient()
        assert after is not before
        await before.aclose()
        await after.aclose()

    asyncio.run(forked())


def test_httpx2_is_used_where_it_is_installed_and_httpx_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert transport.library() is httpx2
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert transport.library() is httpx
    assert issubclass(httpx.ConnectError, transport._faults())


def test_neither_proxies_nor_netrc_of_the_environment_are_read(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setattr(transport, "_blocking", None)
    server.answers(body=b"body")
    for run in COLOURS.values():
        assert exchange(run, HttpRequest("GET", server.url)).body == b"body"
    assert b"authorization" not in b"".join(server.asked).lower()
