"""Grants follow the rules of the graph: one owner who is safe, secrets unshared, ids unique over types."""

from __future__ import annotations

import pytest

from cartaguard import Permission, Resource
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.permissions import Grant
from cartaguard.devserver.store import Store
from cartaguard.directories.graph import Grantee

P1, SECRET = Resource("Project", "p1"), Resource("Secret", "s1")
OLGA, ADAM, TEAM, FILE = Grantee("user", "olga"), Grantee("user", "adam"), Grantee("group", "Team"), Grantee("resource", "File:f1")
RW = Permission.of("read", "write")


@pytest.fixture
def filled(store: Store) -> Store:
    with store.begin() as tables:
        tables.permissions.add(P1, owner="olga", fields={"name": "One"})
        tables.permissions.add(SECRET, owner="olga", fields={})
        tables.permissions.add(Resource("File", "f1"), owner="adam", fields={})
        tables.groups.add("Team", creator="olga")
        tables.groups.join("Team", "nina")
    return store


def test_a_grant_takes_the_place_of_the_one_before_and_none_takes_it_away(filled: Store) -> None:
    with filled.begin() as tables:
        held = tables.permissions.of
        for permission in (RW, Permission.READ, Permission.NONE):
            tables.permissions.grant(P1, ADAM, permission)
            assert held(ADAM, P1) == permission
            assert [grant.grantee for grant in tables.permissions.granted(P1)] == [OLGA] + [ADAM] * bool(permission)


def test_grants_are_listed_with_the_owner_first(filled: Store) -> None:
    with filled.begin() as tables:
        for grantee in (TEAM, FILE, ADAM):
            tables.permissions.grant(P1, grantee, RW)
        owner = Grant(OLGA, Permission.ALL)
        assert tables.permissions.granted(P1) == [owner, Grant(ADAM, RW), Grant(TEAM, RW), Grant(FILE, RW)]
        assert tables.permissions.granted(Resource("Project", "absent")) == []


def test_permissions_reach_users_directly_through_groups_and_through_resources(filled: Store) -> None:
    with filled.begin() as tables:
        tables.permissions.grant(P1, TEAM, Permission.READ)
        tables.permissions.grant(P1, FILE, RW)
        assert tables.permissions.of_user("olga", P1) == Permission.ALL
        assert tables.permissions.of_user("nina", P1) == Permission.READ
        assert tables.permissions.of_user("adam", P1) == RW  # who owns the file, which holds this on the project
        assert tables.permissions.of_user("otto", P1) == Permission.NONE
        assert tables.permissions.of(TEAM, P1) == Permission.READ
        assert tables.permissions.of(Grantee("group", "Other"), P1) == Permission.NONE
        assert tables.permissions.reached_by("adam", "Project") == [(P1, RW)]
        assert tables.permissions.reached_by("nina", "Project") == [(P1, Permission.READ)]
        assert tables.permissions.reached_by("olga", "Secret") == [(SECRET, Permission.ALL)]


@pytest.mark.parametrize(
    ("resource", "grantee", "permission", "status"),
    [
        (P1, ADAM, Permission.ALL, 400),
        (P1, OLGA, Permission.READ, 403),
        (P1, OLGA, Permission.NONE, 403),
        (SECRET, ADAM, Permission.READ, 400),
    ],
)
def test_the_owner_is_safe_and_alone_and_a_secret_is_not_shared(
    filled: Store, resource: Resource, grantee: Grantee, permission: Permission, status: int
) -> None:
    with filled.begin() as tables:
        with pytest.raises(ApiError) as caught:
            tables.permissions.grant(resource, grantee, permission)
        assert caught.value.status == status
        assert tables.permissions.of_user("olga", resource) == Permission.ALL
        assert tables.permissions.of_user("adam", resource) == Permission.NONE


@pytest.mark.parametrize("resource", [Resource("Project", "absent"), Resource("Service", "p1")])
def test_nothing_is_granted_on_what_is_not_there(filled: Store, resource: Resource) -> None:
    with filled.begin() as tables, pytest.raises(ApiError) as caught:
        tables.permissions.grant(resource, ADAM, Permission.READ)
    assert caught.value.status == 404


def test_an_id_is_taken_whatever_the_type(filled: Store) -> None:
    with filled.begin() as tables:
        with pytest.raises(ApiError, match="duplicate record"):
            tables.permissions.add(Resource("Service", "p1"), owner="otto", fields={})
        assert tables.permissions.of_user("olga", Resource("Service", "p1")) == Permission.NONE
