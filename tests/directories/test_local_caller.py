"""Which listed user a caller is."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard.directories.local import LocalDirectory
from cartaguard.errors import ConfigurationError
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal

A, B = "https://a.example", "https://b.example"


def olga(issuer: str = A, subject: str = "s-1", username: str = "olga", groups: tuple[str, ...] = ()) -> Principal:
    return Principal(issuer=issuer, subject=subject, username=username, groups=groups)


def names(users: dict[str, Any], principal: Principal, *, qualified: bool = False) -> set[str]:
    """The names by which grants reach a caller."""
    candidates = ("olga", "olga-a", "olga-b", "smith", "")
    resources = {f"Project:{name or 'none'}": {"grants": [{"to": f"user:{name}", "role": "Guest"}]} for name in candidates if name}
    directory = LocalDirectory.from_dict({"users": users, "resources": resources})
    if qualified:
        directory.qualify()
    return {resource.id for resource, _ in directory.listing(principal, "Project").resources}


@pytest.mark.parametrize(
    ("users", "principal", "expected"),
    [
        pytest.param({}, olga(), {"olga"}, id="not listed: known by the token's login name"),
        pytest.param({"olga": {}}, olga(), {"olga"}, id="listed without pins"),
        pytest.param({"olga": {"subject": "s-1"}}, olga(), {"olga"}, id="pinned to this subject"),
        pytest.param({"olga": {"subject": "s-2"}}, olga(), set(), id="pinned to another subject"),
        pytest.param({"olga": {"issuer": A}}, olga(), {"olga"}, id="pinned to this issuer"),
        pytest.param({"olga": {"issuer": B}}, olga(), set(), id="pinned to another issuer"),
        pytest.param({"olga": {"issuer": A, "subject": "s-2"}}, olga(), set(), id="one of two pins differs"),
        pytest.param({"smith": {"username": "olga"}}, olga(), {"smith"}, id="listed under another name"),
        pytest.param({"olga": {"username": "smith"}}, olga(), set(), id="the name is another login's"),
        pytest.param({"olga": {}}, olga(username="Olga"), set(), id="case counts"),
        pytest.param({}, olga(username=""), set(), id="no login name"),
        pytest.param({"olga": {}, "olga-b": {"username": "olga", "issuer": B}}, olga(B), {"olga-b"}, id="the one that says more"),
        pytest.param({"olga-b": {"username": "olga", "issuer": B}, "olga": {}}, olga(B), {"olga-b"}, id="in whatever order"),
        pytest.param({"olga": {}, "olga-b": {"username": "olga", "issuer": B}}, olga(A), {"olga"}, id="the one that fits"),
        pytest.param(
            {"olga": {"issuer": A}, "olga-a": {"username": "olga", "subject": "s-1"}},
            olga(),
            {"olga-a"},
            id="a subject says more than an issuer",
        ),
    ],
)
def test_a_caller_is_the_listed_user_whose_pins_fit(users: dict[str, Any], principal: Principal, expected: set[str]) -> None:
    """Login name, subject and issuer decide; grants reach exactly one name or none."""
    assert names(users, principal) == expected


@pytest.mark.parametrize(
    ("users", "principal", "expected"),
    [
        pytest.param({}, olga(), set(), id="a bare login name says nothing"),
        pytest.param({"olga": {"issuer": A}}, olga(), {"olga"}, id="listed with its issuer"),
        pytest.param({"olga": {"issuer": A}}, olga(B), set(), id="the other pool's"),
    ],
)
def test_among_several_issuers_only_qualified_users_are_known(users: dict[str, Any], principal: Principal, expected: set[str]) -> None:
    """Pool B's olga is not pool A's."""
    assert names(users, principal, qualified=True) == expected


def test_users_without_an_issuer_are_refused_among_several_issuers() -> None:
    """The error names the user and the fix."""
    directory = LocalDirectory.from_dict({"users": {"adam": {"issuer": A}, "olga": {"subject": "s-1"}}})
    with pytest.raises(ConfigurationError, match=r"`users\.olga` does not say.*add `issuer") as fault:
        directory.qualify()
    assert fault.value.code == "unqualified_user"


def test_a_user_who_is_listed_later_without_an_issuer_is_nobody_either() -> None:
    """The check at the start does not see what is written afterwards, so that matching has to."""
    directory = LocalDirectory.from_dict({"resources": {"Project:p": {"owner": "olga"}}})
    directory.qualify()
    directory.include({"users": {"olga": {}}})
    assert directory.permission(olga(), Resource("Project", "p")).permission == Permission.NONE


def test_somebody_else_of_that_name_keeps_the_groups_of_the_token() -> None:
    """And nothing that is listed for the name."""
    facts = {
        "users": {"olga": {"subject": "s-2", "organizations": ["OrgA"]}},
        "groups": {"OrgA:Team": {"users": ["olga"]}, "OrgA:All": {"groups": ["OrgA:Token"]}},
    }
    directory = LocalDirectory.from_dict(facts)
    assert directory.groups(olga(groups=("OrgA:Token",))).groups == {"OrgA:Token", "OrgA:All"}
    assert directory.organizations(olga()).names == frozenset()


def test_the_anonymous_hold_nothing_and_restrictions_are_still_told() -> None:
    """Facts about a resource need no caller."""
    directory = LocalDirectory.from_dict(
        {"resources": {"DataSet:d": {"restricted": {"level": "public"}, "grants": [{"to": "user:x", "role": "Guest"}]}}}
    )
    nobody = Principal.anonymous
    assert directory.groups(nobody).groups == frozenset()
    assert directory.organizations(nobody).names == frozenset()
    assert directory.permission(nobody, Resource("DataSet", "d")).permission == Permission.NONE
    assert directory.restriction(nobody, Resource("DataSet", "d")).known


def test_a_resource_that_only_receives_grants_is_unknown() -> None:
    """As is one that nothing is said of."""
    directory = LocalDirectory.from_dict({"resources": {"Project:p": {"grants": [{"to": "resource:Project:q", "role": "Guest"}]}}})
    assert [directory.restriction(olga(), Resource("Project", name)).known for name in ("p", "q", "r")] == [True, False, False]
