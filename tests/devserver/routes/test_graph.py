"""Carta's v2 permissions: resolved along paths, set in three tiers, by owners and admins only; one store with v1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cartaguard.testing import EmbeddedCarta

Call = Callable[..., httpx.Response]

FLAGS = ("execute", "write", "read", "admin", "owner")


def flags(*words: str) -> dict[str, bool]:
    return {word: word in words for word in FLAGS}


EVERYTHING, NOTHING = flags(*FLAGS), flags()


@pytest.fixture(scope="module", autouse=True)
def bench(seeded: EmbeddedCarta) -> None:
    """A project of olga's to be played with, which mona administers without owning it."""
    seeded.add_user("mona", groups=["Bench:All"])
    seeded.add_resource("Project:bench", owner="olga", name="Bench")
    seeded.add_resource("Workspace:stool", owner="otto", name="Stool")
    seeded.add_resource("Secret:s1", owner="olga", name="Mine")


@pytest.fixture(scope="module")
def ids(call: Call, bench: None) -> dict[str, str]:
    """The ids of nodes, by name."""
    found = {name: call("GET", "/user", name).json()["id"] for name in ("olga", "otto", "adam", "vera", "greta", "mona")}
    for name in ("olga", "otto", "mona"):
        found |= {node["name"]: node["id"] for node in call("GET", "/v2/permissions/self/resources/UserGroup", name).json()}
    return found


@pytest.fixture(autouse=True)
def nobody_holds_anything(call: Call, ids: dict[str, str]) -> None:
    for name in ("otto", "adam", "mona", "Bench:All", "Basalt:All"):
        call("DELETE", f"/v2/permissions/{ids[name]}/bench", "vera")
    call("DELETE", "/v2/permissions/stool/bench", "vera")


def put(call: Call, name: str, source: str, target: str, **tiers: Any) -> httpx.Response:
    return call("PUT", f"/v2/permissions/{source}/{target}", name, json=tiers)


@pytest.mark.parametrize(
    ("name", "target", "held"),
    [
        ("olga", "alloys", EVERYTHING),
        ("edda", "alloys", flags("read", "write", "execute")),
        ("adam", "alloys", flags("read", "execute")),
        ("greta", "alloys", flags("read")),
        ("otto", "alloys", NOTHING),
        ("vera", "alloys", NOTHING),
        ("otto", "self", EVERYTHING),
    ],
)
def test_what_somebody_holds_is_resolved_along_paths(call: Call, name: str, target: str, held: dict[str, bool]) -> None:
    assert call("GET", f"/v2/permissions/self/{target}", name).json() == held


def test_a_path_through_a_resource_carries_what_every_step_has(call: Call, ids: dict[str, str]) -> None:
    service = call("GET", "/v2/permissions/alloys/resources/Service", "olga").json()
    assert [(node["name"], node["permission"]) for node in service] == [("phase-fit", flags("read", "execute"))]
    path = f"/v2/permissions/{{}}/{service[0]['id']}"
    assert call("GET", path.format("self"), "edda").json() == flags("read", "execute")
    assert call("GET", path.format("self"), "greta").json() == flags("read")
    assert call("GET", path.format("alloys"), "olga").json() == flags("read", "execute")
    assert call("GET", path.format(ids["Aurora:Research"]), "olga").json() == flags("read", "execute")
    assert call("GET", path.format(ids["greta"]), "olga").json() == flags("read")


def test_three_tiers_are_kept_apart_and_what_is_in_any_of_them_counts(call: Call, ids: dict[str, str]) -> None:
    tiers = {"user": flags("read"), "private": flags("write"), "shared": flags("execute")}
    assert put(call, "olga", ids["otto"], "bench", **tiers).json() == tiers
    assert call("GET", "/v2/permissions/self/bench/direct", "otto").json() == tiers
    assert call("GET", "/v2/permissions/self/bench", "otto").json() == flags("read", "write", "execute")
    assert call("GET", "/permissions/bench/otto", "otto").text == "Read, Write, Execute"
    # What is not said is false, and nothing of what was there before stays.
    assert put(call, "olga", ids["otto"], "bench", shared={"read": True}).json()["shared"] == flags("read")
    assert call("GET", "/v2/permissions/self/bench", "otto").json() == flags("read")


def test_a_role_of_the_first_generation_is_in_the_first_tier_and_takes_the_place_of_all(call: Call, ids: dict[str, str]) -> None:
    put(call, "olga", ids["adam"], "bench", private=flags("write"), shared=flags("admin"))
    assert call("PUT", "/permissions/bench/adam?userType=User&role=User", "olga").status_code == 200
    expected = {"user": flags("read", "execute"), "private": NOTHING, "shared": NOTHING}
    assert call("GET", "/v2/permissions/self/bench/direct", "adam").json() == expected
    assert call("DELETE", "/permissions/bench/adam?userType=User", "olga").status_code == 200
    assert call("GET", "/v2/permissions/self/bench/direct", "adam").json() == dict.fromkeys(("user", "private", "shared"), NOTHING)


def test_what_is_deleted_is_gone_in_both_generations(call: Call, ids: dict[str, str]) -> None:
    put(call, "olga", ids["otto"], "bench", user=flags("read"), private=flags("admin"))
    assert call("DELETE", f"/v2/permissions/{ids['otto']}/bench", "olga").status_code == 200
    assert call("GET", "/v2/permissions/self/bench", "otto").json() == NOTHING
    assert call("GET", "/permissions/bench/otto", "otto").text == ""
    assert call("DELETE", f"/v2/permissions/{ids['otto']}/bench", "olga").status_code == 200


def test_groups_and_resources_hold_permissions_for_their_people(call: Call, ids: dict[str, str]) -> None:
    put(call, "olga", ids["Bench:All"], "bench", user=flags("read"))
    assert call("GET", "/v2/permissions/self/bench", "mona").json() == flags("read")
    assert call("GET", f"/v2/permissions/{ids['Bench:All']}/bench", "olga").json() == flags("read")
    put(call, "olga", "stool", "bench", shared=flags("write", "read"))
    assert call("GET", "/v2/permissions/self/bench", "otto").json() == flags("write", "read")
    assert call("GET", "/permissions/bench/stool?userType=WorkspaceItem", "olga").text == "Read, Write"


def test_nodes_are_listed_by_label_with_what_is_held(call: Call, ids: dict[str, str]) -> None:
    assert call("GET", "/v2/permissions/self/labels", "mona").json() == ["UserGroup"]
    put(call, "olga", ids["mona"], "bench", private=flags("read"))
    assert call("GET", "/v2/permissions/self/labels", "mona").json() == ["Project", "UserGroup"]
    listed = call("GET", "/v2/permissions/self/resources/Project", "mona").json()
    assert listed == [{"id": "bench", "name": "Bench", "permission": flags("read")}]
    assert call("GET", "/v2/permissions/self/resources/Absent", "mona").json() == []
    assert call("GET", f"/v2/permissions/{ids['Basalt:All']}/resources/Project", "otto").json()[0]["id"] == "ceramics"
    assert call("GET", "/v2/permissions/self/resources/Secret", "olga").json()[0]["permission"] == EVERYTHING


def test_who_holds_something_is_listed_with_the_owner(call: Call, ids: dict[str, str]) -> None:
    put(call, "olga", ids["otto"], "bench", private=flags("read"))
    put(call, "olga", ids["Basalt:All"], "bench", user=flags("write"))
    put(call, "olga", "stool", "bench", user=flags("execute"))
    tiers = {"user": NOTHING, "private": NOTHING, "shared": NOTHING}

    def accessors(label: str) -> dict[str, Any]:
        return {node["name"]: node["permission"] for node in call("GET", f"/v2/permissions/bench/access/{label}", "olga").json()}

    assert accessors("User") == {"olga": {**tiers, "user": EVERYTHING}, "otto": {**tiers, "private": flags("read")}}
    assert accessors("UserGroup") == {"Basalt:All": {**tiers, "user": flags("write")}}
    assert accessors("Workspace") == {"Stool": {**tiers, "user": flags("execute")}}


def test_groups_are_nodes_that_their_members_may_read_and_their_makers_own(call: Call, ids: dict[str, str]) -> None:
    research = ids["Aurora:Research"]
    assert call("GET", f"/v2/permissions/self/{research}", "adam").json() == flags("read")
    assert call("GET", f"/v2/permissions/self/{research}", "vera").json() == EVERYTHING
    assert call("GET", f"/v2/permissions/self/{research}", "otto").json() == NOTHING
    members = call("GET", f"/v2/permissions/{research}/access/User", "vera").json()
    assert {node["name"] for node in members} == {"vera", "olga"}
    inner = call("GET", f"/v2/permissions/{research}/access/UserGroup", "vera").json()
    assert [node["name"] for node in inner] == ["Aurora:Interns"]
    assert call("GET", f"/v2/permissions/{ids['adam']}/access/User", "adam").json()[0]["name"] == "adam"
    assert call("GET", f"/v2/permissions/{research}/access/User", "adam").status_code == 403


@pytest.mark.parametrize("name", ["olga", "mona", "vera"])
def test_an_owner_an_admin_and_an_administrator_grant(call: Call, ids: dict[str, str], name: str) -> None:
    put(call, "olga", ids["mona"], "bench", user=flags("admin"))
    assert put(call, name, ids["otto"], "bench", user=flags("read")).status_code == 200
    assert call("GET", "/v2/permissions/self/bench", "otto").json() == flags("read")
    assert call("DELETE", f"/v2/permissions/{ids['otto']}/bench", name).status_code == 200


@pytest.mark.parametrize(
    ("name", "source", "target", "tiers", "status"),
    [
        ("otto", "self", "bench", {"user": flags("read")}, 403),
        ("otto", "self", "bench", {"user": EVERYTHING}, 403),
        ("otto", "self", "alloys", {}, 403),
        ("", "self", "bench", {"user": flags("read")}, 401),
        # Nobody takes the owner's place, in whatever tier, nor touches the owner.
        ("mona", "self", "bench", {"user": flags("owner")}, 400),
        ("mona", "self", "bench", {"private": flags("owner")}, 400),
        ("mona", "self", "bench", {"shared": EVERYTHING}, 400),
        ("vera", "self", "bench", {"user": EVERYTHING}, 400),
        ("olga", "otto", "bench", {"user": EVERYTHING}, 400),
        ("mona", "olga", "bench", {"user": flags("read")}, 403),
        ("mona", "olga", "bench", {}, 403),
        ("vera", "olga", "bench", {}, 403),
        ("olga", "self", "bench", {"user": flags("read")}, 403),
        # A secret is nobody else's.
        ("olga", "otto", "s1", {"user": flags("read")}, 400),
        ("vera", "self", "s1", {"user": flags("read")}, 400),
        # Users and groups are no resources.
        ("otto", "self", "self", {"user": flags("read")}, 400),
        ("olga", "otto", "Aurora:Research", {"user": flags("read")}, 400),
        ("olga", "self", "absent", {"user": flags("read")}, 404),
        ("olga", "absent", "bench", {"user": flags("read")}, 404),
        ("olga", "otto", "bench", {"everybody": flags("read")}, 400),
        ("olga", "otto", "bench", {"user": {"clone": True}}, 400),
        ("olga", "otto", "bench", {"user": {"read": 1}}, 400),
        ("olga", "otto", "bench", {"user": ["read"]}, 400),
        ("olga", "otto", "bench", {"user": None}, 400),
    ],
)
def test_nobody_else_grants_the_owner_is_safe_and_secrets_are_not_shared(
    call: Call, ids: dict[str, str], name: str, source: str, target: str, tiers: dict[str, Any], status: int
) -> None:
    put(call, "olga", ids["mona"], "bench", user=flags("admin"))
    answer = put(call, name, ids.get(source, source), ids.get(target, target), **tiers)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    if not tiers:
        assert call("DELETE", f"/v2/permissions/{ids.get(source, source)}/{target}", name).status_code == status
    assert call("GET", "/v2/permissions/self/bench", "olga").json() == EVERYTHING
    assert call("GET", "/v2/permissions/self/s1", "olga").json() == EVERYTHING
    assert call("GET", "/v2/permissions/self/bench", "otto").json() == NOTHING
    assert call("GET", "/v2/permissions/self/bench", "mona").json() == flags("admin")


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("otto", "{olga}/bench", 403),
        ("otto", "{olga}/bench/direct", 403),
        ("otto", "{Aurora:Research}/alloys", 403),
        ("otto", "alloys/labels", 403),
        ("otto", "{olga}/labels", 403),
        ("otto", "{olga}/resources/Project", 403),
        ("otto", "{Aurora:Research}/resources/Project", 403),
        ("otto", "alloys/access/User", 403),
        ("edda", "alloys/access/User", 403),
        ("vera", "{olga}/labels", 200),
        ("vera", "{otto}/alloys", 200),
        ("olga", "alloys/labels", 200),
        ("otto", "self/absent", 404),
        ("otto", "absent/labels", 404),
        ("otto", "absent/bench", 404),
        ("otto", "absent/access/User", 404),
        ("", "self/bench", 401),
    ],
)
def test_callers_ask_about_themselves_and_about_what_they_administer(
    call: Call, ids: dict[str, str], name: str, path: str, status: int
) -> None:
    for known, node in ids.items():
        path = path.replace(f"{{{known}}}", node)
    assert call("GET", f"/v2/permissions/{path}", name).status_code == status


def test_a_user_with_the_name_of_a_group_is_not_that_group(call: Call, seeded: EmbeddedCarta) -> None:
    other = seeded.add_user("Basalt:All")
    seeded.add_resource("Project:private", owner="Basalt:All")
    assert call("GET", f"/v2/permissions/{other}/resources/Project", "otto").status_code == 403
    assert call("GET", "/v2/permissions/self/private", "otto").json() == NOTHING
