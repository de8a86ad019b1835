"""Every case of tests/vectors/conformance.json, through every door, with one outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.credentials import headers_of
from support.doors import Answer, Door, WsgiDoor
from support.small_app import APPLICATIONS
from support.world import vectors

CASES: list[dict[str, Any]] = vectors()["cases"]
CHALLENGES: dict[str, str] = vectors()["challenges"]

Doors = dict[str, Door]


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    """The small application behind every door."""
    opened = {name: door(make()) for name, (make, door) in APPLICATIONS.items()}
    yield opened
    for door in opened.values():
        door.close()


def ask(door: Door, case: dict[str, Any]) -> Answer:
    headers = [(name, value.encode("ascii")) for name, value in case.get("headers", {}).items()]
    return door.request(case["method"], case["path"], [*headers, *headers_of(case["as"])], root=case.get("root", ""))


def expected(case: dict[str, Any], door: Door) -> dict[str, Any]:
    """What the file says of a case, for this door."""
    status = case["status"]
    if status == 200:
        return {"status": 200, "challenge": None, "caller": None if case["method"] == "HEAD" else case["caller"]}
    reason = case.get("reason_when_joined", case["reason"]) if isinstance(door, WsgiDoor) else case["reason"]
    told = {
        "status": status,
        "challenge": None if case["challenge"] is None else CHALLENGES[case["challenge"]],
        "reason": None if case["method"] == "HEAD" else reason,
    }
    if status != 404:
        told |= {"cache-control": "no-store", "vary": "Authorization", "retry-after": "5" if status == 503 else None}
    return told


def found(case: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """The same of an answer."""
    told: dict[str, Any] = {"status": answer.status, "challenge": answer.header("www-authenticate")}
    if answer.status == 200:
        # The body of a HEAD is dropped by the server, if not before.
        return {**told, "caller": None if case["method"] == "HEAD" else json.loads(answer.body)["caller"]}
    told["reason"] = answer.reason
    if answer.status != 404:
        told |= {name: answer.header(name) for name in ("cache-control", "vary", "retry-after")}
    return told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_case(doors: Doors, case: dict[str, Any]) -> None:
    """The case has the file's outcome behind every door."""
    answers = {name: ask(door, case) for name, door in doors.items()}
    wrong = {name: told for name, answer in answers.items() if (told := found(case, answer)) != expected(case, doors[name])}
    assert not wrong, f"{case['why']}: {expected(case, doors['asgi'])} is expected"
    if case["status"] not in {200, 404} and "reason_when_joined" not in case and case["method"] != "HEAD":
        # A path that is no UTF-8 reaches an ASGI application decoded already, so that the detail is another one.
        bodies = {json.dumps({**json.loads(answer.body), "detail": None}) for answer in answers.values()}
        assert len(bodies) == 1, "the bodies differ"


@pytest.mark.parametrize("path", [case["path"] for case in CASES if case["status"] == 404 and case["path"].startswith("/hidden")])
def test_a_concealed_answer_is_the_answer_of_a_path_that_is_not_there(doors: Doors, path: str) -> None:
    """What is concealed cannot be told from what does not exist, byte by byte and header by header."""
    for door in doors.values():
        assert door.request("GET", path, headers_of("nina")) == door.request("GET", "/nowhere", headers_of("nina"))


def test_there_are_enough_cases() -> None:
    """At least 150, no sentence twice."""
    assert len(CASES) >= 150
    assert len({case["why"] for case in CASES}) == len(CASES)


def test_every_outcome_and_every_route_is_in_the_file() -> None:
    """Every status, every refusal of a token and a credential, and every route occurs."""
    from cartaguard.model.pattern import PathPattern
    from cartaguard.tokens.refusals import CREDENTIAL_REFUSALS, TOKEN_REFUSALS

    assert {case["status"] for case in CASES} == {200, 400, 401, 403, 404, 503}
    reasons = {case.get("reason") for case in CASES}
    assert not {*TOKEN_REFUSALS, *CREDENTIAL_REFUSALS} - reasons
    for route in vectors()["routes"]:
        pattern = PathPattern(route["path"])
        asked = [
            case["status"]
            for case in CASES
            if case["method"] in route["methods"] and pattern.match(case["path"][1:].split("/")) is not None
        ]
        assert asked, f"no case asks for {route['path']}"
