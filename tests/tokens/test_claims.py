"""Claims: what a token must say, claim by claim."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Issuer, StaticKeys
from cartaguard.errors import InvalidToken
from cartaguard.tokens import claims as module
from cartaguard.tokens.claims import ROWS, SignedClaims, check
from cartaguard.tokens.refusals import TOKEN_REFUSALS
from support.keys import jwks, rsa_key
from support.tokens import CLIENT, ISSUER, NOW, access_claims, id_claims

OTHER_CLIENT = "another client of ours"
LEEWAY = 30


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(ISSUER, client_ids=[CLIENT, OTHER_CLIENT], token_use=["id", "access"], keys=StaticKeys(jwks(rsa_key())))


def outcome(claims: dict[str, Any], issuer: Issuer, now: float = NOW) -> str:
    """The code of the refusal, or nothing."""
    try:
        check(claims, issuer, now, LEEWAY)
    except InvalidToken as fault:
        return fault.code
    return ""


NO_TIMES: list[Any] = [None, True, False, "1800000000", "", [], [1800000000], {}, -1, -0.5, 253402300800, 1e300]
#: Texts in which nothing can be seen: spaces of all kinds, control and format characters, and these mixed.
BLANK = [
    *(" ", "\t\n", "\u00a0", "\u2003", "\u3000", "\u2028", " \u200b\x00 "),
    *("\x00", "\x1f", "\x7f", "\u0085", "\u00ad", "\u200b", "\u2060", "\ufeff", "\u202e"),
]
NO_TEXTS: list[Any] = [None, 1, True, [], ["a"], {}]
ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (id_claims(), {}),
    (access_claims(), {}),
    (id_claims(), {"aud": OTHER_CLIENT}),
    (access_claims(), {"client_id": OTHER_CLIENT}),
    (id_claims(), {"azp": OTHER_CLIENT}),
    (id_claims(), {"exp": NOW + 0.5, "iat": NOW}),
    (id_claims(), {"exp": 253402300799}),
    (id_claims(), {"iat": 0}),
    (id_claims(), {"iat": NOW + LEEWAY, "exp": NOW + LEEWAY + 1}),
    (id_claims(), {"nbf": NOW + LEEWAY}),
    (id_claims(), {"nbf": 0}),
    (id_claims(), {"nbf": 1.5}),
    (id_claims(), {"cognito:groups": []}),
    (id_claims(), {"cognito:groups": ["A:b", "", "é"]}),
    (id_claims(), {"client_id": "foreign"}),
    (access_claims(), {"aud": ["foreign"]}),
    (access_claims(), {"scope": ""}),
    *[(id_claims(), {"sub": value}) for value in (" a ", "\u200ba", "a\x00", "\u00e9", "\U0001f600", "\u05d0\u200f")],
    (id_claims(), {"email": 7, "email_verified": "true", "jti": None, "custom:anything": [1]}),
]
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    *[(id_claims(), {"token_use": use}, "wrong_token_use") for use in ("refresh", "ID", "", None, 1, True, ["id"], {"id": 1})],
    *[(kind(), {name: value}, "bad_claim") for kind in (id_claims, access_claims) for name in ("exp", "iat", "nbf") for value in NO_TIMES],
    *[(id_claims(), {"sub": value}, "bad_claim") for value in (*NO_TEXTS, "", *BLANK)],
    *[(id_claims(), {"aud": value}, "wrong_audience") for value in (*NO_TEXTS, "", "foreign", [CLIENT], CLIENT + " ", CLIENT.upper())],
    *[(access_claims(), {"client_id": value}, "wrong_client") for value in (*NO_TEXTS, "", "foreign", [CLIENT])],
    *[(id_claims(), {"azp": value}, "wrong_azp") for value in (*NO_TEXTS, "", "foreign", [CLIENT])],
    *[(id_claims(), {"cognito:groups": value}, "bad_claim") for value in (None, "A:b", 1, {}, {"A:b": 1}, [1], ["a", None], [["a"]])],
    *[(id_claims(), {"cognito:username": value}, "bad_claim") for value in (*NO_TEXTS, "", *BLANK)],
    *[(access_claims(), {"username": value}, "bad_claim") for value in (*NO_TEXTS, "", *BLANK)],
    *[(access_claims(), {"scope": value}, "bad_claim") for value in NO_TEXTS],
    (id_claims(), {"exp": NOW, "iat": NOW}, "bad_lifetime"),
    (id_claims(), {"exp": NOW, "iat": NOW + 1}, "bad_lifetime"),
    (id_claims(), {"exp": NOW - LEEWAY, "iat": 0}, "expired"),
    (id_claims(), {"exp": NOW - LEEWAY - 0.001, "iat": 0}, "expired"),
    (id_claims(), {"exp": 1, "iat": 0}, "expired"),
    (id_claims(), {"iat": NOW + LEEWAY + 0.001}, "not_yet_valid"),
    (id_claims(), {"nbf": NOW + LEEWAY + 1}, "not_yet_valid"),
]
MISSING: list[tuple[dict[str, Any], str, str]] = [
    *[(kind(), name, "missing_claim") for kind in (id_claims, access_claims) for name in ("sub", "exp", "iat")],
    (id_claims(), "aud", "missing_claim"),
    (access_claims(), "client_id", "missing_claim"),
    (id_claims(), "token_use", "wrong_token_use"),
]


@pytest.mark.parametrize(("claims", "changes"), ACCEPTED)
def test_what_breaks_no_rule_is_accepted(claims: dict[str, Any], changes: dict[str, Any], issuer: Issuer) -> None:
    assert outcome({**claims, **changes}, issuer) == ""


@pytest.mark.parametrize(("claims", "changes", "code"), REFUSED)
def test_each_rule_refuses_with_its_code(claims: dict[str, Any], changes: dict[str, Any], code: str, issuer: Issuer) -> None:
    assert outcome({**claims, **changes}, issuer) == code
    assert code in TOKEN_REFUSALS


@pytest.mark.parametrize(("claims", "name", "code"), MISSING)
def test_a_required_claim_may_not_be_missing(claims: dict[str, Any], name: str, code: str, issuer: Issuer) -> None:
    assert outcome({key: value for key, value in claims.items() if key != name}, issuer) == code


@pytest.mark.parametrize("name", ["nbf", "azp", "cognito:groups", "cognito:username", "username", "scope", "email"])
def test_an_optional_claim_may_be_missing(name: str, issuer: Issuer) -> None:
    assert outcome({key: value for key, value in id_claims().items() if key != name}, issuer) == ""


def test_a_kind_that_the_issuer_does_not_list_is_refused() -> None:
    only_id = Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(rsa_key())))
    only_access = Issuer(ISSUER, client_ids=[CLIENT], token_use={"access"}, keys=StaticKeys(jwks(rsa_key())))
    assert [outcome(claims, only_id) for claims in (id_claims(), access_claims())] == ["", "wrong_token_use"]
    assert [outcome(claims, only_access) for claims in (id_claims(), access_claims())] == ["wrong_token_use", ""]


@pytest.mark.parametrize(
    ("changes", "instant", "code"),
    [
        ({"exp": NOW + 100}, NOW + 129.999, ""),
        ({"exp": NOW + 100}, NOW + 130, "expired"),
        ({"iat": NOW}, NOW - 30, ""),
        ({"iat": NOW}, NOW - 30.001, "not_yet_valid"),
        ({"nbf": NOW + 50}, NOW + 20, ""),
        ({"nbf": NOW + 50}, NOW + 19.999, "not_yet_valid"),
        ({"nbf": NOW - 50}, NOW - 30, ""),
    ],
)
def test_the_leeway_counts_at_both_ends_to_the_instant(changes: dict[str, Any], instant: float, code: str, issuer: Issuer) -> None:
    assert outcome({**id_claims(), **changes}, issuer, instant) == code


def test_every_claim_that_the_package_names_has_a_row() -> None:
    sources = "".join(path.read_text() for path in Path(module.__file__).parent.glob("*.py"))
    named = set(re.findall(r'claims(?:\.get\(|\[)"([^"]+)"', sources))
    assert {"iss", "sub", "exp", "token_use", "cognito:groups"} <= named <= set(ROWS)
    assert {row.status for row in ROWS.values()} == {"verified", "required", "optional", "unchecked"}


@pytest.mark.parametrize(("use", "of_its_own"), [("id", ("aud", True)), ("access", ("client_id", True))])
def test_each_kind_of_token_is_tested_by_the_rows_that_are_for_it(use: str, of_its_own: tuple[str, bool]) -> None:
    """What is verified or required must be there, the rest may be missing."""
    tests = module._tests(use)
    assert tests == module._TESTS[use]
    assert [(name, required) for name, required, _, _ in tests] == [
        ("exp", True),
        ("iat", True),
        of_its_own,
        ("sub", True),
        *((name, False) for name in ("nbf", "azp", "cognito:groups", "cognito:username", "username", "scope")),
    ]
    assert all((test, refusal) == (ROWS[name].test, ROWS[name].refusal) for name, _, test, refusal in tests)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"azp": "foreign-client-id"}, "the token's `azp` is not a configured client: `azp`"),
        ({"sub": ["foreign"]}, "a claim has a wrong form: `sub`"),
        ({"exp": "foreign"}, "a claim has a wrong form: `exp`"),
        ({"sub": None}, "a required claim is missing: `sub`"),
    ],
)
def test_a_refusal_names_the_claim_and_never_its_value(changes: dict[str, Any], said: str, issuer: Issuer) -> None:
    claims = {name: value for name, value in {**id_claims(), **changes}.items() if value is not None}
    with pytest.raises(InvalidToken) as caught:
        check(claims, issuer, NOW, LEEWAY)
    assert str(caught.value) == said


class TestSignedClaims:
    """What verify returns: a read-only mapping."""

    @pytest.fixture
    def signed(self, issuer: Issuer) -> SignedClaims:
        return check(id_claims(groups=["A:b"]), issuer, NOW, LEEWAY)

    def test_it_is_a_mapping_of_the_claims(self, signed: SignedClaims) -> None:
        assert dict(signed) == id_claims(groups=["A:b"])
        assert len(signed) == len(id_claims(groups=["A:b"]))
        assert signed == id_claims(groups=["A:b"])
        assert (signed.issuer, signed.subject, signed.expires_at) == (ISSUER, "sub-olga", NOW + 3600)

    def test_it_cannot_be_changed(self, signed: SignedClaims) -> None:
        with pytest.raises(TypeError):
            signed["sub"] = "other"  # type: ignore[index]
        signed["cognito:groups"].append("Admins:all")
        assert signed["cognito:groups"] == ["A:b"]

    def test_its_repr_shows_no_claim_but_issuer_and_subject(self, signed: SignedClaims) -> None:
        assert repr(signed) == f"<SignedClaims of 'sub-olga' at '{ISSUER}'>"
