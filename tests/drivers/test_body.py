"""A body within its bounds: counted when it is unpacked, and unpacked no further than the bound."""

from __future__ import annotations

import gzip
import math
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import errors
from cartaguard.drivers import transport
from cartaguard.drivers.body import Body
from cartaguard.drivers.effects import Steps
from cartaguard.http.exchange import HttpRequest, HttpResponse
from support.colours import COLOURS, Run
from support.scripted import Server

MB = 1024 * 1024


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def fetch(run: Run, request: HttpRequest) -> HttpResponse:
    def steps() -> Steps[HttpResponse]:
        answer: HttpResponse = yield request
        return answer

    answer: HttpResponse = run(steps())
    return answer


def body(encoding: str = "", *, max_bytes: int = 100) -> Body:
    return Body("address", encoding=encoding, max_bytes=max_bytes, timeout=1.0, deadline=math.inf)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50), st.sampled_from(["", "identity", "gzip", "x-gzip", " GZip "]), st.integers(0, 200))
def test_however_it_is_cut_into_pieces_it_is_whole_or_over_the_bound(data: bytes, size: int, encoding: str, bound: int) -> None:
    packed = gzip.compress(data) if "zip" in encoding.lower() else data
    taken = body(encoding, max_bytes=bound)
    code = ""
    try:
        for start in range(0, len(packed), size):
            taken.add(packed[start : start + size])
    except errors.TransportError as fault:
        code = fault.code
    assert code == ("too_large" if len(data) > bound else "")
    assert code or taken.whole() == data


def test_a_bomb_is_unpacked_no_further_than_the_bound() -> None:
    bomb = gzip.compress(bytes(64 * MB))
    assert len(bomb) < 100_000
    taken = body("gzip", max_bytes=2 * MB)
    tracemalloc.start()
    with pytest.raises(errors.TransportError) as caught:
        taken.add(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "too_large"
    assert peak < 16 * MB, "in one piece, and yet never in memory"


BROKEN: dict[str, Callable[[], bytes]] = {
    "no gzip": lambda: b"no gzip",
    "cut short": lambda: gzip.compress(b"data")[:-1],
    "with something behind it": lambda: gzip.compress(b"data") + b"x",
    "twice": lambda: gzip.compress(b"data") * 2,
    "zlib": lambda: zlib.compress(b"data"),
    "with a wrong sum": lambda: gzip.compress(b"data")[:-8] + bytes(8),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_gzip_that_is_none_is_no_usable_answer(what: str, run: Run, server: Server) -> None:
    server.answers("200 OK", "Content-Encoding: gzip", body=BROKEN[what]())
    with pytest.raises(errors.TransportError, match="not gzip"):
        fetch(run, HttpRequest("GET", server.url))


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "gzip,identity", "gzip\t,\tgzip", "unheard-of"])
@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_an_encoding_that_was_not_asked_for_is_not_unpacked(encoding: str, run: Run, server: Server) -> None:
    server.answers("200 OK", f"Content-Encoding: {encoding}", body=gzip.compress(gzip.compress(b"data")))
    with pytest.raises(errors.TransportError, match="encoding that was not asked for"):
        fetch(run, HttpRequest("GET", server.url))
    assert b"\r\naccept-encoding: gzip\r\n" in server.asked[0].lower()


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_an_empty_body_needs_no_unpacking(run: Run, server: Server) -> None:
    server.answers("204 No Content", "Content-Encoding: gzip")
    assert fetch(run, HttpRequest("GET", server.url)).body == b""


def test_an_answer_that_its_client_has_read_already_is_taken_as_it_is() -> None:
    """As httpx's own transport for tests hands it over."""
    request = HttpRequest("GET", "http://127.0.0.1/", max_bytes=4, client=httpx.Client(transport=_canned(b"data")))
    assert fetch(COLOURS["blocking"], request).body == b"data"
    assert fetch(COLOURS["asyncio"], request).body == b"data"
    request = HttpRequest("GET", "http://127.0.0.1/", max_bytes=4, client=httpx.AsyncClient(transport=_canned(b"data")))
    assert fetch(COLOURS["asyncio"], request).body == b"data"
    with pytest.raises(errors.TransportError, match="more than 4 bytes"):
        transport.send(HttpRequest("GET", "http://127.0.0.1/", max_bytes=4, client=httpx.Client(transport=_canned(b"more than 4"))))


def _canned(data: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(200, content=data))
