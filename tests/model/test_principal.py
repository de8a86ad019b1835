"""A principal is one verified caller; only the anonymous one is not authenticated, and none shows its token."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from cartaguard import Principal, errors
from cartaguard.model.principal import Credential


def olga(**changes: Any) -> Principal:
    values: dict[str, Any] = {"issuer": "https://issuer.example", "subject": "s-1", "username": "olga", "groups": ["OrgA:Team"]}
    return Principal(**{**values, **changes})


def test_the_anonymous_is_the_only_one_who_is_not_authenticated() -> None:
    assert not Principal.anonymous.authenticated
    assert olga().authenticated
    assert Principal.anonymous != olga()
    assert repr(Principal.anonymous) == "Principal.anonymous"


@pytest.mark.parametrize("subject", ["", "  ", None, 5])
def test_nobody_is_made_by_leaving_the_subject_blank(subject: Any) -> None:
    with pytest.raises(errors.ParameterError, match=r"Principal\.anonymous"):
        olga(subject=subject)


@pytest.mark.parametrize("what", ["groups", "scopes"])
@pytest.mark.parametrize("text", ["OrgA:Team", b"OrgA:Team"])
def test_one_text_in_place_of_names_is_an_error(what: str, text: Any) -> None:
    with pytest.raises(errors.ParameterError, match=f"`{what}` is a sequence"):
        olga(**{what: text})


def test_a_caller_without_a_login_name_is_called_by_the_subject() -> None:
    assert olga(username=None).username == "s-1"


@pytest.mark.parametrize(("exp", "expected"), [(5, 5), (5.5, 5.5), (True, None), ("5", None), (None, None)])
def test_the_end_of_a_token_is_its_exp(exp: Any, expected: float | None) -> None:
    assert olga(claims={"exp": exp}).expires_at == expected


def test_callers_are_equal_when_everything_that_is_known_of_them_is() -> None:
    caller = olga()
    assert caller == caller == olga()  # noqa: PLR0124
    assert hash(olga()) == hash(olga(groups=[]))
    changes: dict[str, Any] = {"issuer": "i", "subject": "s-2", "username": "o", "groups": [], "scopes": ["s"], "claims": {"a": 1}}
    for name, value in changes.items():
        change = {name: value}
        assert olga(**change) != olga()
    assert olga() != "olga"


def test_including_groups_adds_to_those_of_the_token() -> None:
    caller = olga(credential=Credential("t"))
    assert caller.including(frozenset({"OrgA:Team"})) is caller
    wider = caller.including(frozenset({"OrgA:Inner"}))
    assert wider.groups == {"OrgA:Team", "OrgA:Inner"}
    assert wider.credential is caller.credential
    assert caller.groups == {"OrgA:Team"}


def test_a_principal_cannot_be_changed() -> None:
    caller = olga(claims={"a": 1})
    with pytest.raises(AttributeError, match="cannot be changed"):
        caller.groups = frozenset({"Admins"})
    with pytest.raises(AttributeError, match="cannot be changed"):
        del caller.groups
    with pytest.raises(TypeError):
        caller.claims["a"] = 2  # type: ignore[index]


def test_a_pickled_principal_comes_back_without_the_token() -> None:
    caller = olga(claims={"exp": 5}, scopes=["s"], credential=Credential("canary-token"))
    written = pickle.dumps(caller)
    assert b"canary" not in written
    back = pickle.loads(written)
    assert back == caller
    assert back.credential is None
    assert pickle.loads(pickle.dumps(Principal.anonymous)) is Principal.anonymous


def test_a_credential_shows_its_token_only_when_asked() -> None:
    credential = Credential("canary-token")
    assert credential.reveal() == "canary-token"
    assert "canary" not in repr(credential) + str(credential) + repr(olga(credential=credential))
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not stored"):
            leak(credential)
