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


@pytest.mark.parametrize(
    "query", ["", "?attributeName=UserName&attributeValue=olga", "?attributeName=0&attributeValue=olga&attributeFilter=="]
)
def test_a_search_that_is_not_complete_is_refused(call: Call, query: str) -> None:
    answer = call("GET", f"/user/users{query}", "olga")
    assert answer.status_code == 400
    assert "search" in answer.json()["error"]
