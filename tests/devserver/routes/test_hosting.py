"""Services that connect by themselves: asked over their own connection, for as long as whoever connected them may."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cartaguard.devserver import hosting
from cartaguard.testing import EmbeddedCarta

Answer = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def carta() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta() as carta:
        for name in ("olga", "edda", "adam", "otto"):
            carta.add_user(name)
        carta.add_resource("Service:lab/fit", owner="olga", baseUrl="http://127.0.0.1:1")
        carta.grant("Service:lab/fit", to="user:adam", role="Guest")
        yield carta


def call(carta: EmbeddedCarta, method: str, path: str, name: str = "olga", **more: Any) -> httpx.Response:
    return httpx.request(method, f"{carta.url}/service/lab/{path}", headers={"Authorization": f"Bearer {carta.token(name)}"}, **more)


def joined(carta: EmbeddedCarta, name: str, query: str = "?namespace=lab&service=fit") -> ClientConnection:
    return connect(websocket(carta) + query, additional_headers={"Authorization": f"Bearer {carta.token(name)}"})


def websocket(carta: EmbeddedCarta) -> str:
    found = httpx.get(f"{carta.url}/service/carta/websocket", headers={"Authorization": f"Bearer {carta.token('otto')}"})
    address = found.json()
    assert isinstance(address, str)
    return address


@contextmanager
def hosted(carta: EmbeddedCarta, answer: Answer, name: str = "olga") -> Iterator[ClientConnection]:
    """A service that answers each message with what ``answer`` makes of it: one message or several."""

    def run(connection: ClientConnection) -> None:
        try:
            for message in connection:
                made = answer(json.loads(message))
                for one in made if isinstance(made, list) else [made]:
                    connection.send(one if isinstance(one, str | bytes) else json.dumps(one))
        except ConnectionClosed:
            return

    with joined(carta, name) as connection:
        thread = threading.Thread(target=run, args=(connection,))
        thread.start()
        try:
            yield connection
        finally:
            connection.close()
            thread.join()


def echo(message: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "X-Own": "1", "Content-Length": "7", "Connection": "close"}
    event = {"status_code": 207, "reason": "Multi-Status", "headers": headers, "body": json.dumps(message["event"])}
    return {"taskId": message["taskId"], "event": event}


def test_a_connected_service_gets_the_request_in_the_callers_name(carta: EmbeddedCarta) -> None:
    token = carta.token("adam")
    with hosted(carta, echo):
        answer = httpx.post(
            f"{carta.url}/service/lab/fit/runs/7?a=1&a=2&b=%20", headers={"Authorization": f"Bearer {token}"}, json={"n": 1}
        )
    assert (answer.status_code, answer.headers["x-own"]) == (207, "1")
    assert answer.json() == {
        "headers": {"Authorization": f"Bearer {token}", "X_CARTA_TOKEN": f"Bearer {token}"},
        "httpMethod": "POST",
        "path": "/lab/fit/runs/7",
        "queryStringParameters": {"a": ["1", "2"], "b": " "},
        "body": '{"n":1}',
    }


def test_who_may_not_read_it_does_not_reach_it(carta: EmbeddedCarta) -> None:
    reached: list[object] = []
    with hosted(carta, reached.append):
        assert call(carta, "GET", "fit/runs", "otto").status_code == 403
        assert call(carta, "GET", "fit/%2e%2e/x").status_code == 400
        assert call(carta, "POST", "fit/runs", content=b"\xff").status_code == 400
        assert call(carta, "POST", "fit/runs", content=b"x" * (1024 * 1024 + 1)).status_code == 413
    assert reached == []


def test_when_it_has_gone_its_address_is_asked_again(carta: EmbeddedCarta) -> None:
    with hosted(carta, echo):
        assert call(carta, "GET", "fit").status_code == 207
    assert call(carta, "GET", "fit").status_code == 502


def test_one_that_goes_away_in_the_middle_is_a_bad_gateway(carta: EmbeddedCarta) -> None:
    def leave(connection: ClientConnection) -> None:
        connection.recv()
        connection.close()

    with joined(carta, "olga") as connection:
        leaving = threading.Thread(target=leave, args=(connection,))
        leaving.start()
        assert call(carta, "GET", "fit/runs").status_code == 502
        leaving.join()


def test_one_that_takes_too_long_is_given_up(carta: EmbeddedCarta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "PATIENCE", 0.1)
    with joined(carta, "olga"):
        assert call(carta, "GET", "fit/runs").status_code == 504


def test_what_answers_nothing_is_dropped(carta: EmbeddedCarta) -> None:
    def answer(message: dict[str, Any]) -> list[object]:
        task, good = message["taskId"], echo(message)
        event = good["event"]
        wrong: list[object] = [
            {**event, "status_code": "200"},
            {**event, "status_code": 99},
            {**event, "body": 7},
            {**event, "headers": []},
            7,
        ]
        return ["{", "[]", "7", {}, {"taskId": "other", "event": event}, *({"taskId": task, "event": one} for one in wrong), good, good]

    with hosted(carta, answer):
        assert call(carta, "GET", "fit/runs").status_code == 207
        assert call(carta, "GET", "fit/runs").status_code == 207


def test_a_header_cannot_break_out_of_its_line(carta: EmbeddedCarta) -> None:
    def answer(message: dict[str, Any]) -> object:
        headers = {"X-A": "1\r\nX-Evil: 1", "X-Evil: 1\r\nX-B": "1", "": "1", "X-Evil ": "1", "X-C": "a\u0000", "X-Good": "\u00fc 1"}
        return {"taskId": message["taskId"], "event": {"status_code": 200, "headers": headers, "body": None}}

    with hosted(carta, answer):
        answered = call(carta, "GET", "fit/runs")
    assert answered.status_code == 200
    assert {name for name in answered.headers if name.startswith("x-")} == {"x-good"}


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_answer_that_has_no_body_gets_none(carta: EmbeddedCarta, status: int) -> None:
    def answer(message: dict[str, Any]) -> object:
        return {"taskId": message["taskId"], "event": {"status_code": status, "headers": {}, "body": "x"}}

    with hosted(carta, answer):
        answered = call(carta, "GET", "fit/runs")
    assert (answered.status_code, answered.content) == (status, b"")


def test_a_message_that_is_no_text_ends_the_connection(carta: EmbeddedCarta) -> None:
    with hosted(carta, lambda _: b"\x00"):
        assert call(carta, "GET", "fit/runs").status_code == 502


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("adam", "?namespace=lab&service=fit", 403),
        ("otto", "?namespace=lab&service=fit", 403),
        ("olga", "?namespace=lab&service=absent", 404),
        ("olga", "?namespace=lab&service=", 404),
        ("olga", "", 404),
    ],
)
def test_who_may_not_write_it_does_not_connect_it(carta: EmbeddedCarta, name: str, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught, joined(carta, name, query):
        raise AssertionError
    assert caught.value.response.status_code == status


def test_nobody_connects_without_a_token(carta: EmbeddedCarta) -> None:
    with pytest.raises(InvalidStatus) as caught, connect(f"{websocket(carta)}?namespace=lab&service=fit"):
        raise AssertionError
    assert caught.value.response.status_code == 401


def test_who_loses_the_right_is_not_asked_any_more(carta: EmbeddedCarta) -> None:
    carta.grant("Service:lab/fit", to="user:edda", role="Editor")
    with hosted(carta, echo, "edda"):
        assert call(carta, "GET", "fit/runs").status_code == 207
        carta.grant("Service:lab/fit", to="user:edda", role="Guest")
        assert call(carta, "GET", "fit/runs").status_code == 502


def test_the_last_to_connect_is_asked_and_the_first_does_not_take_it_away(carta: EmbeddedCarta) -> None:
    def second(message: dict[str, Any]) -> object:
        return {"taskId": message["taskId"], "event": {"status_code": 299, "headers": {}, "body": ""}}

    with joined(carta, "olga") as first, hosted(carta, second):
        assert call(carta, "GET", "fit/runs").status_code == 299
        first.close()
        assert call(carta, "GET", "fit/runs").status_code == 299
