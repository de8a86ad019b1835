"""Every call is the request that Carta's protocol says, and its answer is read; over a real socket, in both colours."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from cartaguard.carta import TokenLogin, calls
from cartaguard.carta.method import Method, Section
from cartaguard.carta.operation import Operation
from cartaguard.carta.sections import Sections
from cartaguard.errors import ParameterError
from support.carta_rows import CI, ROWS, Row
from support.clients import Ask
from support.recorder import Recorder
from support.served import Answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_call_is_the_request_of_the_protocol_and_its_answer_is_read(row: Row, recorder: Recorder, ask: Ask) -> None:
    recorder.usual = row.sent
    result = ask(recorder.url, TokenLogin("token-1"), row.call)
    assert result == row.result or row.result is ...
    (request,) = recorder.requests
    method, _, path = row.request.partition(" ")
    # A colon may be escaped or not: it is the same segment.
    assert (request.method, request.path.replace("%3A", ":"), request.query) == (method, path, row.query)
    assert request.json == row.json
    assert ("application/json" in request.headers.get("content-type", "")) is (row.json is not None)
    assert row.headers.items() <= request.headers.items()
    assert request.headers.get("authorization") == (None if row.anonymous else "Bearer token-1")


def _functions() -> dict[str, Callable[..., Any]]:
    found: dict[str, Any] = {}
    for module in iter_modules(calls.__path__):
        for name, value in vars(import_module(f"{calls.__name__}.{module.name}")).items():
            if inspect.isfunction(value) and str(value.__annotations__.get("return", "")).startswith("Operation"):
                found[f"{module.name}.{name}"] = value
    return found


def _methods() -> dict[str, Method[Any, Any]]:
    found: dict[str, Any] = {}
    for name, part in vars(Sections).items():
        section = getattr(part, "_blocking", None)
        if section is not None and issubclass(section, Section):
            found |= {
                f"{name}.{call}": value for kind in section.__mro__ for call, value in vars(kind).items() if isinstance(value, Method)
            }
    return found


def test_every_call_is_a_method_of_a_section_once() -> None:
    """No call is left out, and none is there under two names."""
    made = [method._make for method in _methods().values()]
    assert sorted(map(id, made)) == sorted(map(id, _functions().values()))


def test_no_two_calls_are_the_same_request() -> None:
    """Every row is of another call, but for those that say which options there are."""
    seen: dict[tuple[str, ...], str] = {}
    for row in ROWS:
        if " " not in row.id:
            request = (*row.request.split("/"),)
            assert request not in seen
            seen[request] = row.id


def test_every_method_has_a_row() -> None:
    assert {row.id.partition(" ")[0] for row in ROWS} == set(_methods())


def test_a_method_has_the_name_parameters_and_documentation_of_its_call() -> None:
    from cartaguard.carta import AsyncCartaClient, CartaClient

    for client in (CartaClient("https://c.example"), AsyncCartaClient("https://c.example")):
        assert inspect.signature(client.users.search) == inspect.signature(calls.users.search)
        assert client.users.search.__doc__ == calls.users.search.__doc__
    for method in _methods().values():
        assert method.__doc__


def test_a_client_that_is_not_made_yet_documents_its_sections() -> None:
    from cartaguard.carta import CartaClient
    from cartaguard.carta.sections import Users

    assert CartaClient.users.__doc__
    assert Users.search.__doc__ == calls.users.search.__doc__


def test_what_cannot_be_is_said_before_anything_is_sent(recorder: Recorder, ask: Ask) -> None:
    """One line that names the offending input; a secret's value is not in it."""
    late = datetime(2027, 1, 1)
    wrong: list[tuple[Callable[[Any], Any], str]] = [
        (lambda c: c.users.search("x", by="shoe size"), "`shoe size`"),
        (lambda c: c.permissions.grant("p1", "olga", "Boss"), "`Boss`"),
        (lambda c: c.graph.update("n1"), "`name` or `props`"),
        (lambda c: c.tokens.create("a b", ["GET /user"]), "`a b`"),
        (lambda c: c.tokens.create("ci", ["get user"]), "`get user`"),
        (lambda c: c.tokens.create("ci", ["GET /user"], expires=late), "`expires`"),
        (lambda c: c.tokens.create("ci", ["GET /user"], uses=0), "`0`"),
        (lambda c: c.secrets.put("näme", "v"), "`näme`"),
        (lambda c: c.secrets.get(""), "``"),
        (lambda c: c.secrets.get("--"), "`--`"),
        (lambda c: c.services.call("ns", "one", method="get"), "`get`"),
        (lambda c: c.services.call("ns", "one", headers={"authorization": "Bearer x"}), "`authorization`"),
        (lambda c: c.services.call("ns", "one", headers={"X-A": "a\r\nX-B: c"}), "`X-A`"),
        (lambda c: c.services.call("ns", "one", headers={"X A": "a"}), "`X A`"),
        (lambda c: c.services.call("ns", "one", method="POST", json=object()), "JSON"),
        (lambda c: c.services.call("ns", "one", method="POST", json=float("nan")), "JSON"),
    ]
    for call, named in wrong:
        with pytest.raises(ParameterError) as caught:
            ask(recorder.url, TokenLogin("t"), call)
        assert named in str(caught.value)
    for value in ("", " canary ", "canary\n", "canäry", "x" * 1025):
        with pytest.raises(ParameterError) as caught:
            ask(recorder.url, TokenLogin("t"), lambda c, value=value: c.secrets.put("name", value))
        assert "canary" not in str(caught.value)
    assert recorder.requests == []


def test_a_services_answer_comes_as_it_is(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(201, b'{"a": [1]}', {"X-Run": "7"})
    reply = ask(recorder.url, TokenLogin("t"), lambda c: c.services.call("ns", "one"))
    assert (reply.status, reply.headers["x-run"], reply.text, reply.json()) == (201, "7", '{"a": [1]}', {"a": [1]})
    assert recorder.requests[0].target == "/service/ns/one"


def test_a_key_is_not_in_the_repr_of_a_token() -> None:
    assert "key-1" not in repr(CI)


def test_an_operation_says_what_it_does_and_not_with_what() -> None:
    from cartaguard.carta.calls import secrets

    operation: Operation[None] = secrets.put("name", "canary")
    assert str(operation) == "PUT secret"
    assert "canary" not in repr(operation)
