"""Calling a service through Carta: in the caller's name, as it was sent, for whoever may read it, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cartaguard.devserver.routes import calling
from cartaguard.testing import EmbeddedCarta
from support.sockets import serving_asgi

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _seen(request: Request) -> Response:
    """Everything that came."""
    told = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": [[name.decode(), value.decode("latin-1")] for name, value in request.headers.raw],
        "body": (await request.body()).decode("latin-1"),
    }
    return JSONResponse(told, headers={"X-Own": "1", "Keep-Alive": "5"})


async def _redirect(_: Request) -> Response:
    return Response(status_code=302, headers={"Location": "http://192.0.2.1/elsewhere"})


async def _refuse(_: Request) -> Response:
    return Response(b"its own", 418, {"Content-Type": "text/strange"})


async def _long(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 1024

    return StreamingResponse(pieces())


async def _slow(request: Request) -> Response:
    """Answers once nobody waits any more."""
    while (await request.receive())["type"] != "http.disconnect":
        """The body, if there is one."""
    return Response()


SERVICE = Starlette(
    routes=[
        Route("/base/redirect", _redirect),
        Route("/base/refuse", _refuse),
        Route("/base/long", _long),
        Route("/base/slow", _slow),
        Route("/{path:path}", _seen, methods=METHODS),
    ]
)


@contextmanager
def calling_carta() -> Iterator[tuple[EmbeddedCarta, Callable[..., httpx.Response]]]:
    """A Carta with a service of olga's, which adam may read; and how to call it."""
    with EmbeddedCarta() as carta, serving_asgi(SERVICE) as port, httpx.Client(base_url=carta.url) as client:
        for name in ("olga", "adam", "otto"):
            carta.add_user(name)
        carta.add_resource("Service:lab/fit", owner="olga", baseUrl=f"http://127.0.0.1:{port}/base")
        carta.add_resource("Service:lab/loop", owner="olga", baseUrl=f"{carta.url}/service/lab/loop")
        carta.add_resource("Service:lab/gone", owner="olga", baseUrl="http://127.0.0.1:1")
        carta.add_resource("Service:lab/out", owner="olga", baseUrl="http://192.0.2.1")
        carta.add_resource("Service:lab/none", owner="olga")
        carta.grant("Service:lab/fit", to="user:adam", role="Guest")

        def call(method: str, path: str, name: str = "olga", **more: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {carta.token(name)}", **more.pop("headers", {})} if name else {}
            return client.request(method, f"/service/lab/{path}", headers=headers, **more)

        yield carta, call


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[EmbeddedCarta, Callable[..., httpx.Response]]]:
    with calling_carta() as made:
        yield made


@pytest.fixture(scope="module")
def service(running: tuple[EmbeddedCarta, Callable[..., httpx.Response]]) -> Callable[..., httpx.Response]:
    return running[1]


Service = Callable[..., httpx.Response]


@pytest.mark.parametrize("method", [method for method in METHODS if method != "HEAD"])
def test_every_method_arrives_with_path_query_and_body_as_sent(service: Service, method: str) -> None:
    answer = service(method, "fit/runs/a%2Fb/?q=%20&q=2", content=b"\x00body")
    told = answer.json()
    assert (told["method"], told["path"], told["query"]) == (method, "/base/runs/a%2Fb/", "q=%20&q=2")
    assert told["body"] == "\x00body"
    assert answer.headers["x-own"] == "1"
    assert "keep-alive" not in answer.headers


def test_head_is_answered_without_a_body(service: Service) -> None:
    answer = service("HEAD", "fit/runs")
    assert (answer.status_code, answer.content, answer.headers["x-own"]) == (200, b"", "1")


def test_a_service_is_called_without_an_endpoint_too(service: Service) -> None:
    assert service("GET", "fit").json()["path"] == "/base"
    assert service("GET", "fit/").json()["path"] == "/base"


def test_the_service_gets_the_callers_token_and_nothing_that_is_made_up(service: Service) -> None:
    answer = service("GET", "fit/runs", "adam", headers={"X-Carta-Token": "Bearer forged", "X-Once": "1", "Connection": "x-once"})
    sent = answer.json()["headers"]
    own = [value for name, value in sent if name == "authorization"]
    assert len(own) == 1
    assert [value for name, value in sent if "carta" in name and "token" in name] == own
    names = {name for name, _ in sent}
    assert "x-once" not in names
    # What the caller did not ask for is not asked for: the answer is handed on as it is.
    assert dict(sent)["accept-encoding"] == answer.request.headers["accept-encoding"]


def test_a_request_without_a_body_has_none(service: Service) -> None:
    names = {name for name, _ in service("GET", "fit/runs").json()["headers"]}
    assert not names & {"content-length", "transfer-encoding"}


def test_a_body_without_a_length_arrives_whole(service: Service) -> None:
    assert service("POST", "fit/runs", content=iter([b"a", b"b"])).json()["body"] == "ab"


def test_what_the_service_refuses_comes_back_as_it_is(service: Service) -> None:
    answer = service("GET", "fit/refuse")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (418, b"its own", "text/strange")


def test_a_redirect_is_handed_to_the_caller(service: Service) -> None:
    answer = service("GET", "fit/redirect")
    assert (answer.status_code, answer.headers["location"]) == (302, "http://192.0.2.1/elsewhere")


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("adam", "fit/runs", 200),
        ("otto", "fit/runs", 403),
        ("", "fit/runs", 401),
        ("olga", "absent/runs", 404),
        ("otto", "absent/runs", 404),
        ("olga", "fit/a/%2e%2e/b", 400),
        ("olga", "out/runs", 400),
        ("olga", "none/runs", 400),
        ("olga", "loop/runs", 400),
        ("olga", "gone/runs", 502),
        ("otto", "gone/runs", 403),
    ],
)
def test_who_may_not_read_it_and_what_cannot_be_asked_is_refused(service: Service, name: str, path: str, expected: int) -> None:
    answer = service("GET", path, name)
    assert answer.status_code == expected
    if expected != 200:
        assert list(answer.json()) == ["error"]


def test_a_body_that_is_too_long_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "LARGEST_REQUEST", 1000)
    assert service("POST", "fit/runs", content=b"x" * 1000).status_code == 200
    assert service("POST", "fit/runs", content=b"x" * 1001).status_code == 413


def test_an_answer_that_is_too_long_is_broken_off(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "LARGEST_ANSWER", 2048)
    with pytest.raises(httpx.RemoteProtocolError):
        service("GET", "fit/long")


def test_a_service_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "READ", 0.2)
    with calling_carta() as (_, service):
        assert service("GET", "fit/slow").status_code == 504


def test_a_path_is_passed_on_though_a_client_would_have_changed_it(running: tuple[EmbeddedCarta, Service]) -> None:
    """What stands on the request line decides, without any library's view of it."""
    carta = running[0]
    connection = HTTPConnection(carta.url.removeprefix("http://"))
    token = carta.token("olga")
    for path, expected in (("/service/lab/fit/../loop", 400), ("/service/lab/fit//x", 200), ("/service/lab/fit/a;b", 200)):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status == expected
        if expected == 200:
            assert told["path"] == path.replace("/service/lab/fit", "/base")
    connection.close()
