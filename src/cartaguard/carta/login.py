"""Who asks: a token, an API token, or a user name and password.

Each is a :class:`cartaguard.carta.perform.Login`. None of them can be printed, logged or pickled with what it holds.
"""

from __future__ import annotations

import inspect
import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from cartaguard.carta import cognito
from cartaguard.carta.calls.pool import login_pool
from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.perform import perform
from cartaguard.carta.records import UserPool
from cartaguard.drivers.effects import Call, Shared, Steps
from cartaguard.drivers.flights import Flights
from cartaguard.errors import CartaUnavailable, ConfigurationError, LoginError, Unavailable
from cartaguard.model.principal import Credential

__all__ = ["API_TOKEN_USER", "ApiTokenLogin", "PasswordLogin", "Token", "TokenLogin", "is_word"]

Token: TypeAlias = str | Credential | Callable[[], str]

#: The user name under which Carta takes the key of an API token as the password.
API_TOKEN_USER = "__token__"  # noqa: S105 (a user name)

#: Seconds before its end at which a token is renewed, or half of its life if that is less.
_MARGIN = 60.0


def is_word(value: object) -> bool:
    """Whether it can stand in a header: one word of printable ASCII, so that nothing else gets in with it."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Login:
    """What no login gives away."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a login is not stored or sent anywhere")


class _Held(_Login, ABC):
    """What somebody holds: one word, or a plain function that gives one."""

    _what: str

    def __init__(self, token: Token) -> None:
        if isinstance(token, str):
            token = Credential(token)
        if not (is_word(token.reveal()) if isinstance(token, Credential) else callable(token) and not inspect.iscoroutinefunction(token)):
            raise ConfigurationError(f"{self._what} is one word of printable ASCII, or a plain function that gives one")
        self._token = token

    def authorization(self, carta: Endpoint) -> Steps[str]:
        if isinstance(self._token, Credential):
            return self._header(self._token.reveal())
        try:
            token = yield Call(self._token)
        except (Unavailable, OSError) as fault:
            raise LoginError(f"the function for {self._what} gave none ({type(fault).__name__})", code="no_credential") from None
        if not is_word(token):
            raise LoginError(f"the function for {self._what} gave none", code="no_credential")
        return self._header(token)

    def renew(self, carta: Endpoint, refused: str) -> Steps[bool]:
        """A function may give another one by now; a text stays what it is."""
        return not isinstance(self._token, Credential) and (yield from self.authorization(carta)) != refused

    @abstractmethod
    def _header(self, word: str) -> str:
        """The header's value."""


class TokenLogin(_Held):
    """A bearer token: Carta's is the ID token of its user pool.

    :param token: the token, or a plain function that gives one; it may block, and is asked for every request.
    :raises ConfigurationError: for what is no token.
    """

    _what = "the token"

    def _header(self, word: str) -> str:
        return f"Bearer {word}"


class ApiTokenLogin(_Held):
    """An API token, which Carta takes as the password of ``__token__`` (HTTP Basic).

    :param token: the key, or a plain function that gives one, as for :class:`TokenLogin`.
    :raises ConfigurationError: for what is no key.
    """

    _what = "the key of an API token"

    def _header(self, word: str) -> str:
        return "Basic " + b64encode(f"__token__:{word}".encode()).decode()


@dataclass(frozen=True, slots=True)
class _Session:
    """One login at one Carta."""

    pool: UserPool
    authorization: str
    refresh_token: str
    renew_at: float

    def __repr__(self) -> str:
        return "_Session(…)"


class PasswordLogin(_Login):
    """A user name and password, proved by SRP so that the password is never sent, and renewed before it ends.

    Needs ``pip install "cartaguard[login]"``. One login may serve several clients, threads and event loops: all of
    them together log in once. A password that was refused is not tried again.

    :param clock: seconds since 1970.
    :raises ConfigurationError: for an empty user name or password.

    Its requests raise :class:`~cartaguard.errors.LoginError` with the code ``bad_credentials``,
    ``too_many_attempts``, ``new_password_required``, ``password_reset_required``, ``user_not_confirmed``,
    ``mfa_required`` or ``login_extra``.
    """

    def __init__(self, username: str, password: str, *, clock: Callable[[], float] = time.time) -> None:
        if not username or not password or not _encodable(username + password):
            raise ConfigurationError("a login needs both a user name and a password, of proper text")
        self.username = username
        self._password = Credential(password)
        self._clock = clock
        self._flights = Flights()
        self._sessions: dict[str, _Session] = {}
        self._refused: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"PasswordLogin({self.username!r}, …)"

    def authorization(self, carta: Endpoint) -> Steps[str]:
        session = self._sessions.get(carta.host)
        if session is None or self._clock() >= session.renew_at:
            session = yield Shared(self._flights, carta.host, lambda: self._begin(carta))
        return session.authorization

    def renew(self, carta: Endpoint, refused: str) -> Steps[bool]:
        """Log in again, unless somebody else has done so since this one was refused."""
        yield Shared(self._flights, carta.host, lambda: self._begin(carta, refused))
        return True

    def _begin(self, carta: Endpoint, refused: str = "") -> Steps[_Session]:
        session = self._sessions.get(carta.host)
        if session is not None and session.authorization != refused and self._clock() < session.renew_at:
            return session
        if carta.host in self._refused:
            raise LoginError(self._refused[carta.host], code="bad_credentials")
        pool = session.pool if session is not None else (yield from perform(carta, None, login_pool()))
        where = cognito.Cognito.of(carta, pool)
        tokens = None
        if session is not None and session.refresh_token:
            tokens = yield from cognito.refresh(where, session.refresh_token)
        if tokens is None:
            try:
                tokens = yield from cognito.log_in(where, self.username, self._password, now=self._clock())
            except LoginError as fault:
                if fault.code == "bad_credentials":
                    self._refused[carta.host] = str(fault)
                raise
        if not is_word(tokens.id):
            raise CartaUnavailable("cognito gave no token")
        session = _Session(
            pool,
            f"Bearer {tokens.id}",
            tokens.refresh or (session.refresh_token if session is not None else ""),
            self._clock() + max(tokens.lifetime - _MARGIN, tokens.lifetime / 2),
        )
        self._sessions[carta.host] = session
        return session
