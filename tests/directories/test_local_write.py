"""Who may change local facts, in memory and in SQLite alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cartaguard.directories.graph import Grantee
from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.errors import CartaGuardError, DirectoryError, NotAuthorized
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.role import Role

P1 = Resource("Project", "p1")
K1 = Resource("Secret", "k1")

FACTS = {
    "groups": {
        "OrgA:Team": {"users": ["adam"], "admins": ["gina"]},
        "OrgA:Admins": {"groups": ["OrgA:Inner"]},
    },
    "resources": {
        "Project:p1": {
            "owner": "olga",
            "grants": [
                {"to": "group:OrgA:Admins", "permissions": ["admin"]},
                {"to": "user:eve", "role": "Editor"},
            ],
        },
        "Project:p2": {"grants": [{"to": "group:OrgA:Team", "role": "Owner"}]},
        "Secret:k1": {"owner": "olga"},
    },
}


def caller(username: str, *groups: str) -> Principal:
    return Principal(issuer="https://a.example", subject=f"s-{username}", username=username, groups=groups)


OLGA, ADAM, EVE, GINA = (caller(name) for name in ("olga", "adam", "eve", "gina"))
ADMIN = caller("max", "OrgA:Inner")


@pytest.fixture(params=["memory", "sqlite"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalDirectory]:
    made = LocalDirectory.from_dict({}) if request.param == "memory" else LocalDirectory.open(tmp_path / "facts.db")
    made.include(FACTS)
    # Listings make an index, which every write has to follow.
    made.listing(OLGA, "Project")
    yield made
    made.close()


def held(directory: LocalDirectory, principal: Principal, resource: Resource = P1) -> Permission:
    found = directory.permission(principal, resource).permission
    assert dict(directory.listing(principal, resource.type).resources).get(resource, Permission.NONE) == found
    return found


def state(directory: LocalDirectory) -> list[Any]:
    people = (OLGA, ADAM, EVE, GINA, ADMIN)
    return [directory.permission(one, resource) for one in people for resource in (P1, K1)] + [directory.groups(one) for one in people]


@pytest.mark.parametrize("author", [OLGA, ADMIN, DEPLOYER])
def test_an_owner_an_admin_and_the_deployer_grant_and_revoke(directory: LocalDirectory, author: Any) -> None:
    """At once, in place of what was granted before, and as often as they like."""
    for _ in range(2):
        directory.grant(by=author, to="user:adam", on="Project:p1", role="Editor")
        assert held(directory, ADAM) == Role.EDITOR.permission
    directory.grant(by=author, to=Grantee("user", "adam"), on=P1, permissions=["clone"])
    assert held(directory, ADAM) == Permission.CLONE
    directory.grant(by=author, to="user:adam", on=P1, role=Role.NONE)
    assert held(directory, ADAM) == Permission.NONE
    directory.grant(by=author, to="group:OrgA:Team", on=P1, role=Role.GUEST)
    assert held(directory, ADAM) == Permission.READ
    for _ in range(2):
        directory.revoke(by=author, to="group:OrgA:Team", on=P1)
        assert held(directory, ADAM) == Permission.NONE


def test_a_grant_to_a_resource_reaches_whoever_holds_it(directory: LocalDirectory) -> None:
    """Only to a known one: whoever made it later would get what was granted."""
    directory.create_resource(by=ADAM, resource="Project:mine")
    directory.grant(by=OLGA, to="resource:Project:mine", on=P1, role="User")
    assert held(directory, ADAM) == Role.USER.permission
    with pytest.raises(DirectoryError, match="`Project:ghost` is not known") as fault:
        directory.grant(by=OLGA, to="resource:Project:ghost", on=P1, role="User")
    assert fault.value.code == "unknown_resource"


REFUSED = [
    pytest.param(lambda d: d.grant(by=EVE, to="user:adam", on=P1, role="Guest"), "lacks_permission", id="an editor grants"),
    pytest.param(lambda d: d.revoke(by=EVE, to="user:eve", on=P1), "lacks_permission", id="an editor revokes"),
    pytest.param(lambda d: d.grant(by=EVE, to="user:eve", on="Project:no", role="Guest"), "lacks_permission", id="unknown resource"),
    pytest.param(lambda d: d.grant(by=Principal.anonymous, to="user:a", on=P1, role="Guest"), "unauthenticated", id="anonymous"),
    pytest.param(lambda d: d.grant(by=None, to="user:a", on=P1, role="Guest"), "unauthenticated", id="nobody is not the deployer"),
    pytest.param(lambda d: d.create_resource(by=Principal.anonymous, resource="Project:x"), "unauthenticated", id="anonymous creates"),
    pytest.param(lambda d: d.grant(by=ADMIN, to="user:olga", on=P1, role="Guest"), "owner_is_safe", id="an admin downgrades the owner"),
    pytest.param(lambda d: d.grant(by=ADMIN, to="user:olga", on=P1, role="None"), "owner_is_safe", id="an admin removes by role"),
    pytest.param(lambda d: d.revoke(by=ADMIN, to="user:olga", on=P1), "owner_is_safe", id="an admin removes the owner"),
    pytest.param(lambda d: d.revoke(by=OLGA, to="user:olga", on=P1), "owner_is_safe", id="the owner leaves"),
    pytest.param(lambda d: d.revoke(by=DEPLOYER, to="user:olga", on=P1), "owner_is_safe", id="the deployer removes the owner"),
    pytest.param(lambda d: d.revoke(by=ADAM, to="group:OrgA:Team", on="Project:p2"), "owner_is_safe", id="an owner by grant"),
    pytest.param(lambda d: d.grant(by=ADMIN, to="user:max", on=P1, role="Owner"), "one_owner", id="an admin takes over"),
    pytest.param(lambda d: d.grant(by=OLGA, to="user:adam", on=P1, permissions=["owner"]), "one_owner", id="the owner adds an owner"),
    pytest.param(lambda d: d.grant(by=DEPLOYER, to="group:G", on=P1, role="Owner"), "one_owner", id="the deployer adds an owner"),
    pytest.param(lambda d: d.grant(by=OLGA, to="user:adam", on=K1, role="Guest"), "secret_not_shared", id="a secret is shared"),
    pytest.param(lambda d: d.grant(by=DEPLOYER, to="user:adam", on=K1, role="Guest"), "secret_not_shared", id="by the deployer"),
    pytest.param(lambda d: d.add_member(by=ADAM, group="OrgA:Team", user="eve"), "not_group_admin", id="a member adds a member"),
    pytest.param(lambda d: d.remove_member(by=ADAM, group="OrgA:Team", user="adam"), "not_group_admin", id="a member removes"),
    pytest.param(lambda d: d.add_member(by=GINA, group="OrgA:Admins", user="gina"), "not_group_admin", id="admin of another group"),
    pytest.param(lambda d: d.add_member(by=GINA, group="New", user="gina"), "not_group_admin", id="a group that is not there"),
]


@pytest.mark.parametrize(("write", "reason"), REFUSED)
def test_a_refused_write_says_why_and_changes_nothing(directory: LocalDirectory, write: Any, reason: str) -> None:
    """The exception carries the decision."""
    before = state(directory)
    with pytest.raises(NotAuthorized) as fault:
        write(directory)
    assert fault.value.code == reason
    assert fault.value.decision is not None
    assert fault.value.decision.denied
    assert fault.value.decision.reason == reason
    assert state(directory) == before


MALFORMED = [
    (lambda d: d.grant(by=OLGA, to="user:adam", on=P1), "directory"),
    (lambda d: d.grant(by=OLGA, to="user:adam", on=P1, role="Guest", permissions=["read"]), "directory"),
    (lambda d: d.grant(by=OLGA, to="user:adam", on=P1, role="Emperor"), "unknown_role"),
    (lambda d: d.grant(by=OLGA, to="user:adam", on=P1, permissions=["fly"]), "unknown_permission"),
    (lambda d: d.grant(by=OLGA, to="adam", on=P1, role="Guest"), "bad_grantee"),
    (lambda d: d.grant(by=OLGA, to="user:adam", on="Project", role="Guest"), "malformed_fact"),
    (lambda d: d.grant(by=DEPLOYER, to="user:adam", on="Project:no", role="Guest"), "unknown_resource"),
    (lambda d: d.add_member(by=GINA, group="OrgA:Team"), "directory"),
    (lambda d: d.add_member(by=GINA, group="OrgA:Team", user="a", member_group="b"), "directory"),
    (lambda d: d.add_member(by=GINA, group="OrgA:Team", user=""), "directory"),
    (lambda d: d.create_resource(by=OLGA, resource="Project:p1"), "duplicate"),
    (lambda d: d.create_resource(by=DEPLOYER, resource="Project:p1"), "duplicate"),
    (lambda d: d.create_resource(by=OLGA, resource="Project:new", restricted={"level": "x"}), "malformed_restriction"),
    (lambda d: d.include({"users": {"max": {}}, "groups": 7}), "malformed_fact"),
]


@pytest.mark.parametrize(("write", "code"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_write_is_an_error_and_changes_nothing(directory: LocalDirectory, write: Any, code: str) -> None:
    """With a stable code."""
    before = state(directory)
    with pytest.raises(DirectoryError) as fault:
        write(directory)
    assert fault.value.code == code
    assert state(directory) == before


def test_granting_owner_to_the_owner_changes_nothing(directory: LocalDirectory) -> None:
    """It is so already."""
    directory.grant(by=OLGA, to="user:olga", on=P1, role="Owner")
    assert held(directory, OLGA) == Permission.ALL


def test_a_grant_on_a_secret_may_be_taken_away(directory: LocalDirectory) -> None:
    """One that is stored gives nothing, and removing it takes nothing from the owner."""
    directory.revoke(by=OLGA, to="user:adam", on=K1)
    assert held(directory, OLGA, K1) == Permission.ALL


def test_whoever_creates_a_resource_owns_it(directory: LocalDirectory) -> None:
    """With its organization and restriction; and the name is kept for this very caller."""
    new = Resource("DataSet", "d")
    directory.create_resource(by=ADAM, resource=new, organization="OrgA", restricted={"level": "same_organization", "allowed_users": "ada"})
    assert held(directory, ADAM, new) == Permission.ALL
    known = directory.restriction(ADAM, new)
    assert known.known
    assert [restriction.level for restriction in known.restrictions] == ["same_organization"]
    assert known.restrictions[0].organization == "OrgA"
    other = Principal(issuer=ADAM.issuer, subject="s-later", username="adam")
    assert held(directory, other, new) == Permission.NONE
    directory.create_resource(by=ADAM, resource="DataSet:e")
    assert held(directory, ADAM, Resource("DataSet", "e")) == Permission.ALL
    with pytest.raises(NotAuthorized) as fault:
        directory.create_resource(by=other, resource="DataSet:f")
    assert fault.value.code == "not_listed_user"


def test_nobody_takes_over_what_was_granted_to_a_resource_that_is_not_there(directory: LocalDirectory) -> None:
    """Only the deployer creates it, and then nobody owns it."""
    directory.include({"resources": {"Project:p3": {"grants": [{"to": "resource:Project:ghost", "role": "Editor"}]}}})
    with pytest.raises(NotAuthorized) as fault:
        directory.create_resource(by=EVE, resource="Project:ghost")
    assert fault.value.code == "reserved_resource"
    directory.create_resource(by=DEPLOYER, resource="Project:ghost")
    assert held(directory, EVE, Resource("Project", "p3")) == Permission.NONE
    assert directory.restriction(EVE, Resource("Project", "ghost")).known


@pytest.mark.parametrize("author", [GINA, DEPLOYER])
def test_a_group_is_changed_by_those_it_lists_and_by_the_deployer(directory: LocalDirectory, author: Any) -> None:
    """Users and groups come and go, at once and any number of times."""
    for _ in range(2):
        directory.add_member(by=author, group="OrgA:Team", user="eve")
        directory.add_member(by=author, group="OrgA:Team", member_group="OrgA:Inner")
        assert directory.groups(EVE).groups == {"OrgA:Team"}
        assert directory.groups(ADMIN).groups == {"OrgA:Inner", "OrgA:Admins", "OrgA:Team"}
    for _ in range(2):
        directory.remove_member(by=author, group="OrgA:Team", user="eve")
        directory.remove_member(by=author, group="OrgA:Team", member_group="OrgA:Inner")
        assert directory.groups(EVE).groups == frozenset()
        assert directory.groups(ADMIN).groups == {"OrgA:Inner", "OrgA:Admins"}


def test_the_deployer_makes_groups(directory: LocalDirectory) -> None:
    """Which then are changed by the deployer alone."""
    directory.add_member(by=DEPLOYER, group="New", user="eve")
    assert directory.groups(EVE).groups == {"New"}
    with pytest.raises(NotAuthorized):
        directory.add_member(by=EVE, group="New", user="adam")


def test_what_is_taken_in_replaces_users_groups_and_resources(directory: LocalDirectory) -> None:
    """Whole entries, by name."""
    directory.include(
        {
            "users": {"adam": {"username": "eve"}},
            "groups": {"OrgA:Team": {"users": ["olga"]}},
            "resources": {"Project:p1": {"owner": "adam"}},
        }
    )
    assert held(directory, EVE) == Permission.ALL
    assert held(directory, OLGA) == held(directory, ADMIN) == Permission.NONE
    assert directory.groups(OLGA).groups == {"OrgA:Team"}
    directory.include({"users": {"adam": {"username": "gina"}}})
    assert [held(directory, one) for one in (EVE, GINA)] == [Permission.NONE, Permission.ALL]


def test_a_refusal_tells_nothing_of_a_resource_to_who_may_not_know(directory: LocalDirectory) -> None:
    """An unknown and a foreign resource look the same to a stranger, but for the name they gave."""
    told = []
    for name in ("Project:p1", "Project:no"):
        with pytest.raises(CartaGuardError) as fault:
            directory.grant(by=ADAM, to="user:olga", on=name, role="Owner")
        told.append(str(fault.value).replace(name, "it"))
    assert told[0] == told[1]
