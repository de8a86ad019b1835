"""The step from verified claims to a Principal."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard import Principal
from support.tokens import ISSUER, NOW, access_claims, bearer, id_claims, mint, verifier_for


def principal(claims: dict[str, Any]) -> Principal:
    found = verifier_for(token_use=["id", "access"]).at_hand(bearer(mint(claims)))
    assert found is not None
    return found


def test_an_id_token_becomes_a_principal() -> None:
    token = mint(id_claims("olga", groups=["OrgA:Team", "é", "OrgA:Team"]))
    olga = verifier_for().at_hand(bearer(token))
    assert olga == Principal(
        issuer=ISSUER,
        subject="sub-olga",
        username="olga",
        groups=["OrgA:Team", "é"],
        claims=id_claims("olga", groups=["OrgA:Team", "é", "OrgA:Team"]),
    )
    assert olga.authenticated
    assert olga.expires_at == NOW + 3600
    assert olga.credential is not None
    assert olga.credential.reveal() == token


@pytest.mark.parametrize(
    ("claims", "username"),
    [
        (id_claims("olga"), "olga"),
        (id_claims("olga", claims={"username": "mallory"}), "olga"),
        (id_claims("olga", claims={"username": "mallory", "cognito:username": None}), "sub-olga"),
        (access_claims("olga"), "olga"),
        (access_claims("olga", claims={"cognito:username": "mallory"}), "olga"),
        (access_claims("olga", claims={"username": None, "cognito:username": "mallory"}), "sub-olga"),
    ],
)
def test_the_username_is_the_one_of_that_kind_of_token_or_the_subject(claims: dict[str, Any], username: str) -> None:
    assert principal(claims).username == username


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("", set()),
        (" ", set()),
        ("a", {"a"}),
        ("a b", {"a", "b"}),
        (" a  b ", {"a", "b"}),
        ("a\tb c\u00a0d", {"a\tb", "c\u00a0d"}),
    ],
)
def test_scopes_are_divided_by_spaces_and_nothing_else(scope: str, scopes: set[str]) -> None:
    assert principal(access_claims(scope=scope)).scopes == scopes


def test_without_groups_and_scope_there_are_none() -> None:
    found = principal(id_claims())
    assert (found.groups, found.scopes) == (frozenset(), frozenset())
