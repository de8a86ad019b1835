"""Carta's calls about groups: an organization's own people make its groups, and who made one adds to it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Call = Callable[..., httpx.Response]


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_who_makes_a_group_adds_to_it_and_its_members_are_listed(call: Call) -> None:
    assert call("POST", "/user/group/Aurora:New%20Team", "olga").status_code == 200
    assert call("POST", "/user/group/Aurora:New%20Team/greta", "olga").status_code == 200
    assert [user["name"] for user in call("GET", "/user/group/Aurora:New%20Team", "olga").json()] == ["greta"]
    assert "Aurora:New Team" in call("GET", "/user", "greta").json()["groups"]


def test_members_of_inner_groups_are_listed_too(call: Call) -> None:
    names = {user["name"] for user in call("GET", "/user/group/Aurora:Research", "olga").json()}
    assert {"adam", "olga"} <= names


@pytest.mark.parametrize(
    ("name", "group", "status"),
    [
        ("otto", "Aurora:Mine", 403),
        ("otto", "Mine", 403),
        ("otto", "Administrators2", 403),
        ("otto", "Basalt:Mine", 200),
        ("otto", ":Mine", 403),
        ("vera", "Everybody", 200),
        ("vera", "Basalt:Theirs", 200),
        ("vera", "with%2Fslash%3F%23", 200),
    ],
)
def test_a_group_is_made_by_its_organization_or_an_administrator(call: Call, name: str, group: str, status: int) -> None:
    assert call("POST", f"/user/group/{group}", name).status_code == status


def test_a_group_that_is_there_is_a_duplicate_record(call: Call) -> None:
    assert outcome(call("POST", "/user/group/Basalt:All", "otto")) == (400, "duplicate record")


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("otto", "Aurora:Research/otto", (403, "only an administrator, or who made the group, adds to it")),
        ("otto", "Administrators/otto", (403, "only an administrator, or who made the group, adds to it")),
        ("olga", "Aurora:Research/otto", (403, "only an administrator, or who made the group, adds to it")),
        ("vera", "Absent/otto", (400, "not found")),
        ("vera", "Aurora:Research/nobody", (400, "not found")),
    ],
)
def test_nobody_else_adds_to_a_group(call: Call, name: str, path: str, expected: tuple[int, str]) -> None:
    assert outcome(call("POST", f"/user/group/{path}", name)) == expected
    assert "Aurora:Research" not in call("GET", "/user", "otto").json()["groups"]


def test_a_group_of_another_organization_is_hidden_and_an_absent_one_is_not_found(call: Call) -> None:
    assert call("GET", "/user/group/Aurora:Research", "otto").status_code == 403
    assert call("GET", "/user/group/Aurora:Research", "vera").status_code == 200
    assert call("GET", "/user/group/AllUsers", "otto").status_code == 200
    assert outcome(call("GET", "/user/group/Absent", "olga")) == (404, "not found")
