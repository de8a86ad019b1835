"""Hostile input to every call there is: an answer below 500, and where it is a refusal, Carta's error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cartaguard.testing import EmbeddedCarta

NAMES = {
    "long": "a" * 2000,
    "no UTF-8": "%FF%FE",
    "a zero byte": "a%00b",
    "dots": "%2E%2E",
    "a slash": "a%2Fb",
    "lines": "a%0D%0AX-Evil:%201",
    "signs": "%F0%9F%94%A5%E2%80%AE'%22%3B--%25%5B%7B",
    "half a surrogate": "%ED%A0%80",
}

BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "no UTF-8": b'{"name": "\xff"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "a zero byte": b'{"name": "a\\u0000"}',
    "not a number": b'{"name": NaN}',
    "depth": b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "digits": b'{"name": ' + b"9" * 5000 + b"}",
    "other types": b'{"name": [], "labels": {}, "bucketName": 1e999, "allowedEndpoints": "x", "user": 7, "props": []}',
    "length": b'{"name": "' + b"x" * 20_000 + b'"}',
}


@pytest.fixture(scope="module")
def client(seeded: EmbeddedCarta) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=seeded.url, headers={"Authorization": f"Bearer {seeded.token('vera')}"}) as client:
        yield client


@pytest.fixture(scope="module")
def operations(client: httpx.Client) -> list[tuple[str, str, dict[str, Any]]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [(method, path, operation) for path, methods in paths.items() for method, operation in methods.items()]


def check(answer: httpx.Response, what: str) -> None:
    assert answer.status_code < 500, f"{what}: {answer.text}"
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert list(answer.json()) == ["error"], what


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_in_a_path_or_a_query(client: httpx.Client, operations: list[tuple[str, str, dict[str, Any]]], name: str) -> None:
    for method, path, operation in operations:
        query = "&".join(f"{told['name']}={NAMES[name]}" for told in operation["parameters"] if told["in"] == "query")
        target = re.sub(r"\{\w+\}", NAMES[name], path)
        check(client.request(method, f"{target}?{query}", json={"name": "x"}), f"{method} {path}")


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_bodies_that_are_no_objects_of_what_is_expected(
    client: httpx.Client, operations: list[tuple[str, str, dict[str, Any]]], body: str, kind: str
) -> None:
    refused = 0
    for method, path, operation in operations:
        if "requestBody" in operation:
            target = re.sub(r"\{\w+\}", "self", path)
            answer = client.request(method, target, content=BODIES[body], headers={"Content-Type": kind})
            check(answer, f"{method} {path}")
            refused += answer.status_code >= 400
    assert refused > 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/user//", 404),
        ("PROPFIND", "/user", 405),
        ("GET", "/permissions/alloys/", 404),
        ("TRACE", "/service/a/b/c", 405),
    ],
)
def test_odd_requests(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    check(answer, path)
