"""Workspaces, and their permissions under paths of their own."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Call = Callable[..., httpx.Response]


@pytest.fixture
def workspace(call: Call) -> str:
    return str(call("POST", "/workspace/My%20desk", "olga").json()["id"])


def test_who_makes_a_workspace_owns_it_and_finds_it_among_theirs(call: Call, workspace: str) -> None:
    item = call("GET", f"/workspace/{workspace}", "olga").json()
    assert (item["name"], item["archived"], item["documentHistory"]["addedBy"]["name"]) == ("My desk", False, "olga")
    assert item in call("GET", "/workspace", "olga").json()
    assert workspace not in [item["id"] for item in call("GET", "/workspace", "otto").json()]
    assert call("GET", f"/workspace/{workspace}", "otto").status_code == 403
    assert call("GET", "/workspace/absent", "otto").status_code == 404


def test_its_permissions_are_the_general_ones(call: Call, workspace: str) -> None:
    one = f"/workspace/{workspace}/permissions/user/otto?userType=User"
    assert call("PUT", f"{one}&role=Guest", "otto").status_code == 403
    assert call("PUT", f"{one}&role=Guest", "olga").json()["permission"] == "Read"
    # Here it is JSON, unlike below `permissions`.
    assert call("GET", one, "otto").json() == "Read"
    assert call("GET", f"/permissions/{workspace}/otto?userType=User", "otto").text == "Read"
    listed = call("GET", f"/workspace/{workspace}/permissions/users?userType=User", "olga").json()
    assert [grant["userId"] for grant in listed] == ["olga", "otto"]
    assert call("DELETE", one, "olga").json()["permission"] == ""
    assert call("GET", f"/workspace/{workspace}", "otto").status_code == 403


def test_they_are_of_workspaces_only(call: Call) -> None:
    assert call("GET", "/workspace/alloys/permissions/user/otto?userType=User", "otto").status_code == 404
    assert call("GET", "/workspace/alloys", "olga").status_code == 404


def test_a_workspace_is_removed_by_its_owner(call: Call, workspace: str) -> None:
    assert call("DELETE", f"/workspace/{workspace}", "otto").status_code == 403
    assert call("DELETE", f"/workspace/{workspace}", "olga").json() is True
    assert call("GET", f"/workspace/{workspace}", "olga").status_code == 404
