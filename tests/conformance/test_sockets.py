"""A sample of the cases over real sockets, and the proof that in-process requests are those that servers make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.credentials import headers_of
from support.doors import Door, Headers, SocketDoor, asgi_scope, wsgi_environ
from support.small_app import APPLICATIONS
from support.sockets import serving_asgi, serving_wsgi
from support.world import vectors

TARGETS = (
    "/public",
    "/",
    "/public?a=1&b=%2F",
    "/projects/%C3%84pfel",
    "/projects/a%20b+c",
    "/projects%2fp1",
    "/a//b",
    "/a/./b/../c",
    "/static/%2e%2e/private",
    "/public;x=1",
    "/a\\b",
    "/%2570",
    "/100%25",
    "/p%00",
    "/%0d%0aX:y",
    "/%ff",
    "/%c0%af",
    "/%ed%a0%80",
    "/nowhere/",
)
HEADERS: Headers = (("Authorization", b"Bearer one"), ("Authorization", b"Bearer two"), ("X-Odd", b"\xc3\xa4"))


async def show_scope(scope: Any, receive: Any, send: Any) -> None:
    """Answers the scope of the request, as text."""
    if scope["type"] == "http":
        told = {name: scope[name] for name in ("type", "method", "path", "raw_path", "query_string", "root_path", "headers")}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": ascii(told).encode()})


def show_environ(environ: Any, start_response: Any) -> list[bytes]:
    """Answers the environ of the request, as text."""
    start_response("200 OK", [])
    return [ascii({name: environ.get(name) for name in ENVIRON}).encode()]


ENVIRON = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_AUTHORIZATION", "HTTP_X_ODD", "HTTP_HOST")


@pytest.mark.parametrize("root", ["", "/prefix"])
def test_uvicorn_makes_the_same_scope(root: str) -> None:
    """Method, path, root and headers of an in-process request are those that uvicorn makes of the same bytes."""
    with serving_asgi(show_scope, root_path=root) as port:
        for method in ("GET", "PURGE", "get"):
            for target in TARGETS:
                served = SocketDoor(port).request(method, target, HEADERS).body.decode()
                made = asgi_scope(method, target, HEADERS, root=root)
                # The header that every client of one request sends.
                made["headers"].insert(1, (b"connection", b"close"))
                assert served == ascii(
                    {name: made[name] for name in ("type", "method", "path", "raw_path", "query_string", "root_path", "headers")}
                )


def test_werkzeug_makes_the_same_environ() -> None:
    """Method, path and headers of an in-process request are those that werkzeug makes of the same bytes.

    It replaces what is no UTF-8 before an application sees it (gunicorn does not), so that these are left out.
    """
    with serving_wsgi(show_environ) as port:
        for method in ("GET", "PURGE", "get"):
            for target in TARGETS:
                if target in {"/%ff", "/%c0%af", "/%ed%a0%80"}:
                    continue
                served = SocketDoor(port).request(method, target, HEADERS).body.decode()
                made = wsgi_environ(method, target, HEADERS)
                assert served == ascii({name: made.get(name) for name in ENVIRON}), target


SAMPLE = [
    case
    for index, case in enumerate(vectors()["cases"])
    if "root" not in case
    and not case["path"].startswith("//")
    and (index % 6 == 0 or case["status"] in {400, 404, 503} or "headers" in case)
    # Some servers refuse such a Host by themselves.
    and "Host" not in case.get("headers", {})
]


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Door]]:
    """The small application behind real servers."""
    with ExitStack() as stack:
        doors: dict[str, Door] = {}
        for name, (make, door) in APPLICATIONS.items():
            serving = serving_asgi if door.__name__ == "AsgiDoor" else serving_wsgi
            doors[name] = SocketDoor(stack.enter_context(serving(make())))
        yield doors


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case["why"])
def test_case_over_a_socket(served: dict[str, Door], case: dict[str, Any]) -> None:
    """The case has the file's status and challenge behind every real server."""
    challenge = vectors()["challenges"].get(case.get("challenge"))
    headers = [(name, value.encode("ascii")) for name, value in case.get("headers", {}).items()]
    for name, door in served.items():
        answer = door.request(case["method"], case["path"], [*headers, *headers_of(case["as"])])
        assert (name, answer.status, answer.header("www-authenticate")) == (name, case["status"], challenge)
        if answer.status == 200 and case["method"] != "HEAD":
            assert json.loads(answer.body) == {"caller": case["caller"]}
