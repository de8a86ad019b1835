"""Principal: one verified caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from cartaguard.errors import ParameterError

__all__ = ["NOTHING_SETTLED", "Credential", "Principal"]

_NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})

#: No state of any facts, and so nothing that was decided on it.
NOTHING_SETTLED: tuple[object, Mapping[Any, Any]] = (object(), MappingProxyType({}))


class Credential:
    """A bearer token that was verified, kept so that a directory may ask in the caller's own name.

    It cannot be printed, compared by text, pickled or copied into a log by accident: call :meth:`reveal`.
    """

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    def reveal(self) -> str:
        """The raw token, for an ``Authorization`` header to Carta and nothing else."""
        return self._token

    def __repr__(self) -> str:
        return "Credential(…)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a credential is not stored or sent anywhere")


class Principal:
    """One caller, known by (issuer, subject).

    :param issuer: the token's ``iss``.
    :param subject: the token's ``sub``, unique within the issuer.
    :param username: the verified login name.
    :param groups: the groups that the token states (a directory may know of more).
    :param scopes: the token's scopes.
    :param claims: all claims of the token, read-only.

    :raises cartaguard.errors.ParameterError: for a blank subject, or one text in place of names.

    A caller without a credential is :attr:`Principal.anonymous`, the only one whose ``authenticated`` is false.
    """

    __slots__ = (
        "_hash",
        "authenticated",
        "claims",
        "credential",
        "expires_at",
        "groups",
        "issuer",
        "scopes",
        "settled",
        "subject",
        "username",
    )

    anonymous: ClassVar[Principal]

    _hash: int
    authenticated: bool
    claims: Mapping[str, Any]
    credential: Credential | None
    expires_at: float | None
    groups: frozenset[str]
    issuer: str
    scopes: frozenset[str]
    #: What :mod:`cartaguard.guard.settled` remembers of this object; no part of who the caller is.
    settled: tuple[object, Mapping[Any, Any]]
    subject: str
    username: str

    def __init__(
        self,
        *,
        issuer: str,
        subject: str,
        username: str | None = None,
        groups: Iterable[str] = (),
        scopes: Iterable[str] = (),
        claims: Mapping[str, Any] = _NO_CLAIMS,
        credential: Credential | None = None,
    ) -> None:
        if not (isinstance(subject, str) and subject.strip()):
            raise ParameterError("a principal needs a subject; for nobody use `Principal.anonymous`", code="bad_principal")
        for what, value in (("groups", groups), ("scopes", scopes)):
            if isinstance(value, (str, bytes)):
                raise ParameterError(f"`{what}` is a sequence of names, not one text", code="bad_principal")
        self._state(issuer, subject, username, frozenset(map(str, groups)), frozenset(scopes), MappingProxyType(dict(claims)), credential)

    @classmethod
    def verified(
        cls,
        issuer: str,
        subject: str,
        username: str | None,
        groups: frozenset[str],
        scopes: frozenset[str],
        claims: dict[str, Any],
        credential: Credential,
    ) -> Principal:
        """The caller of a token whose claims were checked already, and which nobody changes any more."""
        principal = object.__new__(cls)
        principal._state(issuer, subject, username, groups, scopes, MappingProxyType(claims), credential)
        return principal

    def _state(
        self,
        issuer: str,
        subject: str,
        username: str | None,
        groups: frozenset[str],
        scopes: frozenset[str],
        claims: Mapping[str, Any],
        credential: Credential | None,
    ) -> None:
        exp = claims.get("exp")
        fill = object.__setattr__
        fill(self, "issuer", issuer)
        fill(self, "subject", subject)
        fill(self, "username", subject if username is None else username)
        fill(self, "groups", groups)
        fill(self, "scopes", scopes)
        fill(self, "claims", claims)
        fill(self, "credential", credential)
        fill(self, "expires_at", exp if isinstance(exp, (int, float)) and not isinstance(exp, bool) else None)
        fill(self, "authenticated", True)
        fill(self, "settled", NOTHING_SETTLED)
        fill(self, "_hash", hash((issuer, subject)))

    def _fill(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def including(self, groups: frozenset[str]) -> Principal:
        """The same caller, known to be in these groups too."""
        if groups <= self.groups:
            return self
        other = object.__new__(Principal)
        other._fill(**{name: getattr(self, name) for name in Principal.__slots__})
        other._fill(groups=self.groups | groups, settled=NOTHING_SETTLED)
        return other

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a principal cannot be changed: `{name}`")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a principal cannot be changed: `{name}`")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Principal):
            return NotImplemented
        return (
            self.authenticated is other.authenticated
            and self.issuer == other.issuer
            and self.subject == other.subject
            and self.username == other.username
            and self.groups == other.groups
            and self.scopes == other.scopes
            and self.claims == other.claims
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        if not self.authenticated:
            return (_the_anonymous, ())
        values = {name: getattr(self, name) for name in ("issuer", "subject", "username", "groups", "scopes")}
        return (_restore, ({**values, "claims": dict(self.claims)},))

    def __repr__(self) -> str:
        if not self.authenticated:
            return "Principal.anonymous"
        return f"Principal(issuer={self.issuer!r}, subject={self.subject!r}, username={self.username!r})"


def _restore(values: dict[str, Any]) -> Principal:
    return Principal(**values)


def _the_anonymous() -> Principal:
    return Principal.anonymous


def _anonymous() -> Principal:
    nobody = object.__new__(Principal)
    nobody._fill(
        issuer="",
        subject="",
        username="",
        groups=frozenset(),
        scopes=frozenset(),
        claims=_NO_CLAIMS,
        credential=None,
        expires_at=None,
        authenticated=False,
        settled=NOTHING_SETTLED,
        _hash=hash(("", "")),
    )
    return nobody


Principal.anonymous = _anonymous()
