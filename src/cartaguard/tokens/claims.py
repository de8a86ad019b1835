"""Claims: what a token must say, and what it said once it was verified.

Every claim that cartaguard knows has a row in :data:`ROWS`. The rules that compare claims with each other or
with the clock are in :func:`check`; the issuer is compared before, since it decides whose keys are used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any, Protocol

from cartaguard.model.value import Value, fill
from cartaguard.tokens.refusals import refuse

__all__ = ["ROWS", "Expected", "Row", "SignedClaims", "check"]

#: The last second of the year 9999, the largest time that a token may state.
LAST_SECOND = 253402300799


class Expected(Protocol):
    """What an issuer's tokens are compared with."""

    @property
    def name(self) -> str: ...
    @property
    def client_ids(self) -> Collection[str]: ...
    @property
    def token_use(self) -> Collection[str]: ...


class SignedClaims(Mapping[str, Any]):
    """The claims of a verified token, read-only. A list or object in it is handed out as a copy.

    ``issuer``, ``subject`` and ``expires_at`` (``exp``, in seconds since 1970) are those of the token;
    it is good from ``good_from`` until just before ``good_until``, in which the leeway is counted in.
    """

    __slots__ = ("_claims", "expires_at", "good_from", "good_until", "issuer", "subject")

    def __init__(self, claims: dict[str, Any], good_from: float, good_until: float) -> None:
        self._claims = claims
        self.issuer: str = claims["iss"]
        self.subject: str = claims["sub"]
        self.expires_at: float = claims["exp"]
        self.good_from = good_from
        self.good_until = good_until

    def __getitem__(self, name: str) -> Any:
        value = self._claims[name]
        return deepcopy(value) if isinstance(value, (list, dict)) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"<SignedClaims of {self.subject!r} at {self.issuer!r}>"


class Row(Value):
    """What is done with one claim.

    ``verified``: required, and compared with the configuration or the clock. ``required``: must be there in the
    right form. ``optional``: if it is there, it has the right form (and is compared, where ``rule`` says so).
    ``unchecked``: passed on as it is, and no decision of cartaguard's own rests on it.
    """

    __slots__ = __match_args__ = ("status", "rule", "test", "refusal", "use")

    status: str
    rule: str
    test: Callable[[Any, Expected], bool] | None
    refusal: str
    use: str

    def __init__(
        self, status: str, rule: str, test: Callable[[Any, Expected], bool] | None = None, refusal: str = "bad_claim", use: str = ""
    ) -> None:
        fill(self, "status", status)
        fill(self, "rule", rule)
        fill(self, "test", test)
        fill(self, "refusal", refusal)
        fill(self, "use", use)


_NUMBERS, _TEXT = {int, float}, {str}


def _time(value: Any, _: Expected) -> bool:
    # `type`, since a bool is an int to isinstance.
    return type(value) in _NUMBERS and 0 <= value <= LAST_SECOND


def _text(value: Any, _: Expected) -> bool:
    return isinstance(value, str)


def _not_blank(value: Any, _: Expected) -> bool:
    if not isinstance(value, str) or not value or value.isspace():
        return False
    # Something in it can be seen: control and format characters (a zero-width space, say) look like nobody.
    return value.isprintable() or any(character.isprintable() and not character.isspace() for character in value)


def _texts(value: Any, _: Expected) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= _TEXT


def _client(value: Any, expected: Expected) -> bool:
    return isinstance(value, str) and value in expected.client_ids


#: Every claim that the code knows. ``use`` limits a row to tokens of that kind.
ROWS: Mapping[str, Row] = {
    "iss": Row("verified", "exactly a configured issuer"),
    "token_use": Row("verified", "a kind that the issuer is configured with"),
    "exp": Row("verified", "a time, after `iat` and after now - leeway", _time),
    "iat": Row("verified", "a time, at most now + leeway", _time),
    "aud": Row("verified", "one configured client, as text; of ID tokens only", _client, "wrong_audience", "id"),
    "client_id": Row("verified", "one configured client, as text; of access tokens only", _client, "wrong_client", "access"),
    "sub": Row("required", "text that is not blank", _not_blank),
    "nbf": Row("optional", "a time, at most now + leeway", _time),
    "azp": Row("optional", "a configured client", _client, "wrong_azp"),
    "cognito:groups": Row("optional", "a list of text: the principal's groups", _texts),
    "cognito:username": Row("optional", "text that is not blank: the username of an ID token", _not_blank),
    "username": Row("optional", "text that is not blank: the username of an access token", _not_blank),
    "scope": Row("optional", "text: scopes, divided by spaces", _text),
    "email": Row("unchecked", "counts for `users(…)` only as text, and only with `email_verified`"),
    "email_verified": Row("unchecked", "only `true` counts"),
    **{
        name: Row("unchecked", "passed on")
        for name in (
            "auth_time",
            "cognito:preferred_role",
            "cognito:roles",
            "event_id",
            "family_name",
            "given_name",
            "identities",
            "jti",
            "name",
            "nonce",
            "origin_jti",
            "version",
        )
    },
}


def _tests(use: str) -> tuple[tuple[str, bool, Callable[[Any, Expected], bool], str], ...]:
    return tuple(
        (name, row.status in ("verified", "required"), row.test, row.refusal)
        for name, row in ROWS.items()
        if row.test is not None and row.use in ("", use)
    )


_TESTS = {"id": _tests("id"), "access": _tests("access")}


def check(claims: dict[str, Any], expected: Expected, now: float, leeway: float) -> SignedClaims:
    """Check the claims of a token whose signature is good and whose ``iss`` is the issuer's name.

    :param now: seconds since 1970.
    :param leeway: seconds by which clocks may differ.
    :raises InvalidToken: for the first rule that is broken, in the order of :data:`ROWS`.
    """
    use = claims.get("token_use")
    if not isinstance(use, str) or use not in expected.token_use:
        raise refuse("wrong_token_use")
    for name, required, test, refusal in _TESTS[use]:
        if name in claims:
            if not test(claims[name], expected):
                raise refuse(refusal, name)
        elif required:
            raise refuse("missing_claim", name)
    begins, ends = claims["iat"], claims["exp"]
    if ends <= begins:
        raise refuse("bad_lifetime")
    if "nbf" in claims and claims["nbf"] > begins:
        begins = claims["nbf"]
    good_from, good_until = begins - leeway, ends + leeway
    if now >= good_until:
        raise refuse("expired")
    if now < good_from:
        raise refuse("not_yet_valid")
    return SignedClaims(claims, good_from, good_until)
