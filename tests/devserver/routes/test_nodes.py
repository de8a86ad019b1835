"""Carta's v2 nodes: everything can be looked at by who holds something on it; generic resources are made and removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cartaguard.testing import EmbeddedCarta

Call = Callable[..., httpx.Response]

READ = {"user": {"read": True}}


def make(call: Call, **body: Any) -> httpx.Response:
    return call("POST", "/v2/resource/generic", "olga", json={"name": "Sample 7", "labels": ["Sample", "Steel"], **body})


def test_a_generic_resource_is_made_read_changed_and_removed_by_its_owner(call: Call) -> None:
    made = make(call, props={"mass": 1.5, "tags": ["a"]}).json()
    assert made == {"id": made["id"], "name": "Sample 7", "labels": ["Sample", "Steel"], "props": {"mass": 1.5, "tags": ["a"]}}
    path = f"/v2/resource/{made['id']}"
    assert call("GET", path, "olga").json() == made
    assert call("PUT", path, "olga", json={"name": "Sample 8"}).json() == {**made, "name": "Sample 8"}
    assert call("PUT", path, "olga", json={"props": {"mass": 2}}).json() == {**made, "name": "Sample 8", "props": {"mass": 2}}
    assert call("DELETE", path, "olga").status_code == 200
    for method in ("GET", "DELETE"):
        assert call(method, path, "olga").status_code == 404
    assert call("PUT", path, "olga", json={"name": "x"}).status_code == 404


def test_it_is_found_by_each_of_its_labels_and_by_the_first_generation(call: Call) -> None:
    made = make(call).json()
    for label in ("Sample", "Steel"):
        assert made["id"] in [node["id"] for node in call("GET", f"/v2/permissions/self/resources/{label}", "olga").json()]
    assert {"Sample", "Steel"} <= set(call("GET", "/v2/permissions/self/labels", "olga").json())
    item = call("GET", f"/permissions/resources/Sample/{made['id']}", "olga").json()
    assert (item["name"], item["permission"]) == ("Sample 7", "Read, Write, Execute, Clone, Admin")


def test_props_never_pass_for_carta_s_own_fields(call: Call) -> None:
    made = make(call, props={"permission": "Admin", "id": "x", "name": "y"}).json()
    call("PUT", f"/permissions/{made['id']}/otto?userType=User&role=Guest", "olga")
    item = call("GET", f"/permissions/resources/Sample/{made['id']}", "otto").json()
    assert (item["id"], item["name"], item["permission"]) == (made["id"], "Sample 7", "Read")


def test_what_others_may_do_with_it_follows_from_what_they_hold(call: Call) -> None:
    made = make(call).json()["id"]
    path, otto = f"/v2/resource/{made}", call("GET", "/user", "otto").json()["id"]

    def outcomes(name: str) -> list[int]:
        answers = [call("GET", path, name), call("PUT", path, name, json={"name": "x"}), call("DELETE", path, name)]
        return [answer.status_code for answer in answers]

    assert outcomes("otto") == [403, 403, 403]
    call("PUT", f"/v2/permissions/{otto}/{made}", "olga", json=READ)
    assert outcomes("otto") == [200, 403, 403]
    call("PUT", f"/v2/permissions/{otto}/{made}", "olga", json={"shared": {"write": True, "admin": True}})
    assert outcomes("otto") == [200, 200, 403]
    assert outcomes("") == [401, 401, 401]
    assert outcomes("vera") == [200, 403, 200]


def test_users_groups_and_resources_of_the_first_generation_are_nodes(call: Call) -> None:
    me = call("GET", "/v2/resource/self", "otto").json()
    assert me == {"id": me["id"], "name": "otto", "labels": ["User"], "props": {"email": "otto@example.org"}}
    assert call("GET", f"/v2/resource/{me['id']}", "otto").json() == me
    group = call("GET", "/v2/permissions/self/resources/UserGroup", "otto").json()[0]
    assert call("GET", f"/v2/resource/{group['id']}", "otto").json()["labels"] == ["UserGroup"]
    project = call("GET", "/v2/resource/ceramics", "otto").json()
    assert project == {"id": "ceramics", "name": "Ceramics", "labels": ["Project"], "props": {"bucketName": "basalt-ceramics"}}


@pytest.mark.parametrize(("id", "status"), [("ceramics", 400), ("self", 400), ("alloys", 403), ("absent", 404)])
def test_what_was_made_otherwise_is_changed_otherwise(call: Call, id: str, status: int) -> None:
    assert call("PUT", f"/v2/resource/{id}", "otto", json={"name": "x"}).status_code == status
    assert call("DELETE", f"/v2/resource/{id}", "otto").status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"name": None},
        {"name": 1},
        {"labels": []},
        {"labels": "Sample"},
        {"labels": None},
        {"labels": [1]},
        {"labels": [""]},
        {"labels": [" Sample"]},
        {"labels": ["a:b"]},
        {"labels": ["a/b"]},
        {"labels": ["a\n"]},
        {"labels": ["a" * 129]},
        {"labels": ["User"]},
        {"labels": ["Sample", "UserGroup"]},
        {"labels": ["Secret"]},
        {"labels": ["Namespace"]},
        {"labels": ["Service"]},
        {"props": []},
        {"props": "x"},
    ],
)
def test_a_resource_needs_a_name_and_labels_that_are_not_cartas_own(call: Call, body: dict[str, Any]) -> None:
    answer = make(call, **body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"name": "\\u0000", "labels": ["a"]}', b'{"name": "\\ud800", "labels": ["a"]}', b'{"props": NaN}']
)
def test_a_body_that_is_no_object_of_good_text_is_refused(call: Call, body: bytes) -> None:
    assert call("POST", "/v2/resource/generic", "olga", content=body).status_code == 400


def test_nothing_to_change_is_refused(call: Call) -> None:
    made = make(call).json()["id"]
    assert call("PUT", f"/v2/resource/{made}", "olga", json={}).status_code == 400


def test_a_name_in_the_path_has_1024_bytes_and_no_zero_byte(call: Call, seeded: EmbeddedCarta) -> None:
    assert call("GET", f"/v2/resource/{'a' * 1024}", "olga").status_code == 404
    assert call("GET", f"/v2/resource/{'a' * 1025}", "olga").status_code == 400
    assert call("GET", "/v2/resource/a%00b", "olga").status_code == 400
    assert call("GET", "/user/users?attributeName=%00", "olga").status_code == 400
