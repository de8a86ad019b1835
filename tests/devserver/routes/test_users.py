"""Carta's calls about users."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

OLGA = {
    "name": "olga",
    "email": "olga@example.org",
    "firstName": "Olga",
    "lastName": "Owner",
    "organization": "Aurora",
    "groups": ["AllUsers", "Aurora:All", "Aurora:Research"],
}

Call = Callable[..., httpx.Response]


def test_a_caller_learns_who_they_are(call: Call) -> None:
    answer = call("GET", "/user", "olga").json()
    assert (
        answer.pop("id") == call("GET", "/user/users?attributeName=UserName&attributeValue=olga&attributeFilter==", "otto").json()[0]["id"]
    )
    assert answer == OLGA


def test_a_caller_is_authenticated_or_gets_401(call: Call) -> None:
    assert call("GET", "/user/authenticated", "otto").json() is True
    assert call("GET", "/user/authenticated").status_code == 401


@pytest.mark.parametrize("comparison", ["=", " = ", "^=", " ^= "])
def test_users_are_found_by_an_attribute(call: Call, comparison: str) -> None:
    query = httpx.QueryParams({"attributeName": "Email", "attributeValue": "olga@example.org", "attributeFilter": comparison})
    found = call("GET", f"/user/users?{query}", "otto").json()
    assert [user["name"] for user in found] == ["olga"]


@pytest.mark.parametrize(("number", "value"), [(0, None), (1, "olga"), (2, "olga@example.org"), (3, "Olga"), (4, "Owner")], ids=str)
def test_older_clients_number_the_attributes(call: Call, number: int, value: str | None) -> None:
    query = httpx.QueryParams(
        {"attributeName": number, "attributeValue": value or call("GET", "/user", "olga").json()["id"], "attributeFilter": " = "}
    )
    assert [user["name"] for user in call("GET", f"/user/users?{query}", "otto").json()] == ["olga"]


def test_an_administrator_makes_users_and_nobody_else_does(call: Call) -> None:
    told = {"name": "nora", "email": "nora@example.com", "firstName": "Nora", "lastName": "New", "organization": "Aurora"}
    made = call("POST", "/user", "vera", json=told)
    assert {key: made.json()[key] for key in told} == told
    assert made.json()["groups"] == []
    again = call("POST", "/user", "vera", json=told)
    assert (again.status_code, again.json()) == (400, {"error": "user already exists"})
    assert call("POST", "/user", "olga", json={"name": "mine"}).status_code == 403


@pytest.mark.parametrize("told", [{}, {"name": 1}, {"name": None}, {"name": " "}, {"name": "x", "email": ["a"]}])
def test_a_user_without_a_name_is_refused(call: Call, told: dict[str, object]) -> None:
    assert call("POST", "/user", "vera", json=told).status_code == 400


@pytest.mark.parametrize(
    "query", ["", "?attributeName=UserName&attributeValue=olga", "?attributeName=5&attributeValue=olga&attributeFilter=="]
)
def test_a_search_that_is_not_complete_is_refused(call: Call, query: str) -> None:
    answer = call("GET", f"/user/users{query}", "olga")
    assert answer.status_code == 400
    assert "search" in answer.json()["error"]
