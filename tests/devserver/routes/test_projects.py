"""Projects and connections: who makes one owns it, and what is held on a project is held on its connections."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Call = Callable[..., httpx.Response]

STORE = {"name": "Store", "backend": "S3", "keyPath": "keys/a", "nativeId": {"bucketName": "b", "prefix": None, "other": 1}}


@pytest.fixture
def project(call: Call) -> str:
    return str(call("POST", "/project", "olga", json={"name": "Cast", "bucketName": "cast"}).json()["id"])


def test_who_makes_a_project_owns_it(call: Call, project: str) -> None:
    item = {"id": project, "permission": "Read, Write, Execute, Clone, Admin", "name": "Cast", "bucketName": "cast"}
    assert call("GET", f"/permissions/resources/Project/{project}", "olga").json() == item
    assert call("GET", f"/permissions/resources/Project/{project}", "otto").status_code == 403


@pytest.mark.parametrize("sent", [{}, {"name": "Cast"}, {"name": "", "bucketName": "b"}, {"name": 1, "bucketName": "b"}, {"name": None}])
def test_a_project_needs_a_name_and_a_bucket(call: Call, sent: dict[str, object]) -> None:
    answer = call("POST", "/project", "olga", json=sent)
    assert (answer.status_code, answer.json()["error"].partition(" ")[2]) == (400, "is missing, empty or no text")


def test_a_connection_has_what_was_told_of_it_and_nothing_null(call: Call, project: str) -> None:
    made = call("POST", f"/project/connection/{project}", "olga", json=STORE).json()
    assert made == {
        "id": made["id"],
        "permission": "Read, Write, Execute, Clone, Admin",
        "name": "Store",
        "backend": "S3",
        "keyPath": "keys/a",
        "nativeId": {"bucketName": "b"},
    }


@pytest.mark.parametrize("wrong", [{"name": ""}, {"backend": 1}, {"keyPath": 7}, {"nativeId": "x"}, {"nativeId": {"prefix": 1}}])
def test_a_connection_that_cannot_be_is_refused(call: Call, project: str, wrong: dict[str, object]) -> None:
    assert call("POST", f"/project/connection/{project}", "olga", json={**STORE, **wrong}).status_code == 400


def test_who_may_write_in_a_project_connects_and_what_is_held_there_is_held_here(call: Call, project: str) -> None:
    assert call("POST", f"/project/connection/{project}", "edda", json=STORE).status_code == 403
    for role in ("Guest", "Editor"):
        assert call("PUT", f"/permissions/{project}/edda?userType=User&role={role}", "olga").status_code == 200
        made = call("POST", f"/project/connection/{project}", "edda", json=STORE)
        assert made.status_code == (403 if role == "Guest" else 200)
    connection = made.json()["id"]
    assert call("GET", f"/permissions/{connection}/olga", "olga").text == "Read, Write, Execute"
    assert call("GET", f"/permissions/resources/Connection/{connection}", "otto").status_code == 403
    # Olga owns the project, and so may disconnect what others connected.
    assert call("DELETE", f"/project/connection/{connection}", "otto").status_code == 403
    assert call("DELETE", f"/project/connection/{connection}", "olga").json() is True
    assert call("DELETE", f"/project/connection/{connection}", "olga").status_code == 404


def test_a_project_is_removed_by_its_owner_and_its_connections_with_it(call: Call, project: str) -> None:
    connection = call("POST", f"/project/connection/{project}", "olga", json=STORE).json()["id"]
    assert call("PUT", f"/permissions/{project}/edda?userType=User&role=Editor", "olga").status_code == 200
    assert call("DELETE", f"/project/{project}", "edda").status_code == 403
    assert call("DELETE", f"/project/{connection}", "olga").status_code == 404
    assert call("DELETE", f"/project/{project}", "olga").json() is True
    for type_, id_ in (("Project", project), ("Connection", connection)):
        assert call("GET", f"/permissions/resources/{type_}/{id_}", "olga").status_code == 404


def test_an_administrator_removes_anything(call: Call, project: str) -> None:
    assert call("DELETE", f"/project/{project}", "vera").json() is True
