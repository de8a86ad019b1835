"""API tokens: keys for programs, limited to endpoints, uses and time. A key is kept as a digest, and told once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, Row, delete, insert, select, update

from cartaguard.devserver.endpoints import allows, is_pattern
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.schema import apitokens, users

__all__ = ["ApiToken", "ApiTokens"]

_NAME = re.compile(r"[A-Za-z0-9\-._~]{1,128}")

#: How many endpoints a token may have, and of what length.
_MOST, _LONGEST = 100, 1024


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token. ``key`` is whole when it was just made, and obscured ever after; times are in seconds since 1970.

    :ivar uses: how many are left; ``None`` for any number.
    :ivar auto_remove: whether it is removed once it is of no use any more.
    """

    name: str
    key: str = field(repr=False)
    endpoints: tuple[str, ...]
    expires: float | None = None
    uses: int | None = None
    revoked: bool = False
    auto_remove: bool = False
    last_used: float | None = None


class ApiTokens:
    """The API tokens, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, user: str, name: str, endpoints: Sequence[str], *, expires: float | None, uses: int | None, auto_remove: bool = False
    ) -> ApiToken:
        """A new token of a user, with its whole key.

        :raises ApiError: 400 for a name that cannot be or is taken, or endpoints that are none.
        """
        if _NAME.fullmatch(name) is None:
            raise ApiError(400, "a token's name has 1 to 128 letters, digits and -._~")
        if not 0 < len(endpoints) <= _MOST or not all(is_pattern(text) and len(text) <= _LONGEST for text in endpoints):
            raise ApiError(400, "allowedEndpoints are such as `GET /user`, `POST|PUT /project/**` or `ANY /**`")
        if self._found(user, name) is not None:
            raise ApiError(400, "duplicate api token")
        made = ApiToken(name, secrets.token_urlsafe(32), tuple(endpoints), expires, uses, auto_remove=auto_remove)
        self._connection.execute(
            insert(apitokens).values(
                user=user,
                name=name,
                digest=_digest(made.key),
                hint=made.key[-4:],
                endpoints=list(endpoints),
                expires=expires,
                uses=uses,
                revoked=False,
                auto_remove=auto_remove,
            )
        )
        return made

    def of(self, user: str) -> list[ApiToken]:
        """The tokens of a user, by name, their keys obscured."""
        found = select(apitokens).where(apitokens.c.user == user).order_by(apitokens.c.name)
        return [_obscured(row) for row in self._connection.execute(found)]

    def remove(self, user: str, name: str) -> None:
        """Remove a token. :raises ApiError: 404 when it is not there."""
        gone = delete(apitokens).where(apitokens.c.user == user, apitokens.c.name == name)
        if self._connection.execute(gone).rowcount != 1:
            raise ApiError(404, "not found")

    def revoke(self, user: str, name: str) -> None:
        """Make a token useless; one that removes itself is gone. :raises ApiError: 404 when it is not there."""
        token = self._found(user, name)
        if token is None:
            raise ApiError(404, "not found")
        itself = (apitokens.c.user == user, apitokens.c.name == name)
        self._connection.execute(
            delete(apitokens).where(*itself) if token.auto_remove else update(apitokens).where(*itself).values(revoked=True)
        )

    def use(self, key: str, method: str, path: str, *, now: float) -> str | None:
        """Use a token for one request, and count that.

        :param path: as it was sent.
        :returns: the ``sub`` of its user; ``None`` when there is no such token, or it is revoked, expired or used up.
        :raises ApiError: 403 when it is not for this request; that is no use.
        """
        itself = apitokens.c.digest == _digest(key)
        good = (itself, ~apitokens.c.revoked, apitokens.c.expires.is_(None) | (apitokens.c.expires > now))
        left = apitokens.c.uses.is_(None) | (apitokens.c.uses > 0)
        row = self._connection.execute(select(apitokens).where(*good, left)).one_or_none()
        if row is None:
            return None
        if not any(allows(pattern, method, path) for pattern in row.endpoints):
            raise ApiError(403, "the api token is not allowed here")
        # Of two who use the last use at once, one is overtaken, and finds none left in its next attempt.
        self._connection.execute(update(apitokens).where(itself).values(uses=apitokens.c.uses - 1, last_used=now))
        if row.auto_remove:
            self._connection.execute(delete(apitokens).where(itself, apitokens.c.uses == 0))
        return self._connection.scalar(select(users.c.id).where(users.c.name == row.user))

    def _found(self, user: str, name: str) -> ApiToken | None:
        row = self._connection.execute(select(apitokens).where(apitokens.c.user == user, apitokens.c.name == name)).one_or_none()
        return None if row is None else _obscured(row)


def _obscured(row: Row[tuple[object, ...]]) -> ApiToken:
    shown = f"{'*' * 8}{row.hint}"
    return ApiToken(row.name, shown, tuple(row.endpoints), row.expires, row.uses, row.revoked, row.auto_remove, row.last_used)


def _digest(key: str) -> str:
    # Nothing slower is needed: a key is drawn at random and cannot be guessed.
    return sha256(key.encode(errors="surrogatepass")).hexdigest()
