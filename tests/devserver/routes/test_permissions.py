"""Carta's calls about resources and permissions: what is hidden stays hidden, and only who may grant does."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from cartaguard import Permission
from cartaguard.devserver.routes.items import permission_text
from cartaguard.testing import EmbeddedCarta

Call = Callable[..., httpx.Response]

EVERYTHING = "Read, Write, Execute, Clone, Admin"


@pytest.fixture(scope="module", autouse=True)
def project(seeded: EmbeddedCarta) -> None:
    """A project of olga's for these tests alone, which nina administers."""
    seeded.add_user("nina", organization="Aurora")
    seeded.add_resource("Project:lab", owner="olga", name="Lab")
    seeded.add_resource("Workspace:desk", owner="nina")
    with seeded._carta.store.begin() as tables:
        from cartaguard import Resource
        from cartaguard.directories.graph import Grantee

        tables.permissions.grant(Resource("Project", "lab"), Grantee("user", "nina"), Permission.ADMIN)


def test_the_types_are_cartas(call: Call) -> None:
    assert call("GET", "/permissions/resources", "otto").json() == ["Workspace", "Connection", "File", "Namespace", "Service", "Project"]


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("olga", "Project/alloys", 200),
        ("otto", "Project/alloys", 403),
        ("olga", "Service/alloys", 404),
        ("olga", "Project/absent", 404),
        ("", "Project/alloys", 401),
        ("olga", "Service/aurora%2Fphase-fit", 200),
        ("olga", "Service/aurora/phase-fit", 404),
        ("olga", "Project/%FF", 400),
    ],
)
def test_a_resource_is_shown_to_who_holds_something_on_it(call: Call, name: str, path: str, status: int) -> None:
    assert call("GET", f"/permissions/resources/{path}", name).status_code == status


def test_an_item_has_id_permission_and_the_fields_of_its_type(call: Call) -> None:
    assert call("GET", "/permissions/resources/Project/alloys", "edda").json() == {
        "id": "alloys",
        "permission": "Read, Write, Execute",
        "name": "Light alloys",
        "bucketName": "aurora-alloys",
    }


def test_resources_are_listed_for_oneself_and_for_others_only_to_administrators(call: Call, seeded: EmbeddedCarta) -> None:
    otto = call("GET", "/user", "otto").json()["id"]
    mine = call("GET", "/permissions/resources/Project?userId=", "otto")
    assert [item["id"] for item in mine.json()] == ["ceramics"]
    assert call("GET", f"/permissions/resources/Project?userId={otto}", "otto").json() == mine.json()
    assert call("GET", f"/permissions/resources/Project?userId={otto}", "vera").json() == mine.json()
    assert call("GET", f"/permissions/resources/Project?userId={otto}", "olga").status_code == 403
    assert call("GET", "/permissions/resources/Project?userId=nobody", "vera").status_code == 404


@pytest.mark.parametrize(
    ("name", "path", "status", "text"),
    [
        ("olga", "alloys/adam", 200, "Read, Execute"),
        ("adam", "alloys/adam?userType=User", 200, "Read, Execute"),
        ("otto", "alloys/otto", 200, ""),
        ("vera", "alloys/olga", 200, EVERYTHING),
        ("nina", "lab/otto", 200, ""),
        ("olga", "alloys/Aurora:Research?userType=UserGroup", 200, "Read, Execute"),
        ("olga", "aurora%2Fphase-fit/alloys?userType=ProjectItem", 200, "Read, Execute"),
        ("adam", "alloys/olga", 403, None),
        ("edda", "alloys/Aurora:Research?userType=UserGroup", 403, None),
        ("olga", "absent/adam", 404, None),
        ("olga", "alloys/nobody", 404, None),
        ("olga", "alloys/adam?userType=UserGroup", 404, None),
        ("olga", "alloys/adam?userType=Robot", 404, None),
        ("olga", "aurora%2Fphase-fit/alloys?userType=WorkspaceItem", 404, None),
        ("olga", "aurora%2Fphase-fit/absent?userType=ProjectItem", 404, None),
    ],
)
def test_a_permission_is_bare_text_for_the_holder_and_who_may_grant(
    call: Call, name: str, path: str, status: int, text: str | None
) -> None:
    answer = call("GET", f"/permissions/{path}", name)
    assert answer.status_code == status
    if text is not None:
        assert answer.text == text


@pytest.mark.parametrize("role", ["Guest", "User", "Editor", "None"])
@pytest.mark.parametrize("name", ["olga", "nina", "vera"])
def test_an_owner_and_an_admin_grant_and_revoke(call: Call, name: str, role: str) -> None:
    expected = {"Guest": "Read", "User": "Read, Execute", "Editor": "Read, Write, Execute", "None": ""}[role]
    answer = call("PUT", f"/permissions/lab/adam?userType=User&role={role}", name)
    assert (answer.status_code, answer.json()) == (200, {"id": "lab", "userId": "adam", "userType": "User", "permission": expected})
    assert call("GET", "/permissions/lab/adam", "adam").text == expected
    assert call("DELETE", "/permissions/lab/adam?userType=User", name).json()["permission"] == ""
    assert call("GET", "/permissions/lab/adam", "adam").text == ""


def test_a_grant_to_a_group_and_to_a_resource_reaches_their_people(call: Call) -> None:
    assert call("PUT", "/permissions/lab/Basalt:All?userType=UserGroup&role=Guest", "olga").status_code == 200
    assert call("PUT", "/permissions/lab/desk?userType=WorkspaceItem&role=Editor", "olga").status_code == 200
    assert call("GET", "/permissions/resources/Project/lab", "otto").json()["permission"] == "Read"
    assert call("GET", "/permissions/resources/Project/lab", "nina").json()["permission"] == "Read, Write, Execute, Admin"
    direct = call("GET", "/permissions/lab/users", "olga").json()
    assert {(grant["userType"], grant["userId"], grant["permission"]) for grant in direct} == {
        ("User", "olga", EVERYTHING),
        ("User", "nina", "Admin"),
        ("UserGroup", "Basalt:All", "Read"),
        ("WorkspaceItem", "desk", "Read, Write, Execute"),
    }
    groups = call("GET", "/permissions/lab/users?userType=UserGroup", "olga").json()
    assert [grant["userId"] for grant in groups] == ["Basalt:All"]
    assert call("GET", "/permissions/lab/users", "otto").status_code == 403


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("edda", "PUT", "alloys/otto?userType=User&role=Guest", 403),
        ("otto", "PUT", "alloys/otto?userType=User&role=Editor", 403),
        ("", "PUT", "alloys/otto?userType=User&role=Editor", 401),
        ("otto", "DELETE", "alloys/edda?userType=User", 403),
        ("edda", "DELETE", "alloys/edda?userType=User", 403),
        ("nina", "PUT", "lab/olga?userType=User&role=Guest", 403),
        ("nina", "DELETE", "lab/olga?userType=User", 403),
        ("vera", "DELETE", "lab/olga?userType=User", 403),
        ("olga", "PUT", "lab/olga?userType=User&role=None", 403),
        ("nina", "PUT", "lab/nina?userType=User&role=Owner", 400),
        ("olga", "PUT", "lab/nina?userType=User&role=Owner", 400),
        ("olga", "PUT", "lab/nina?userType=User&role=editor", 400),
        ("olga", "PUT", "lab/nina?userType=User", 400),
        ("olga", "PUT", "lab/nobody?userType=User&role=Guest", 404),
        ("olga", "PUT", "absent/nina?userType=User&role=Guest", 404),
    ],
)
def test_nobody_else_grants_and_the_owner_is_safe(call: Call, name: str, method: str, path: str, status: int) -> None:
    answer = call(method, f"/permissions/{path}", name)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert call("GET", "/permissions/lab/olga", "olga").text == EVERYTHING
    assert call("GET", "/permissions/alloys/otto", "otto").text == ""
    assert call("GET", "/permissions/alloys/edda", "edda").text == "Read, Write, Execute"


def test_the_text_of_a_permission_has_no_word_for_an_owner() -> None:
    assert permission_text(Permission.ALL) == EVERYTHING
    assert permission_text(Permission.NONE) == ""
