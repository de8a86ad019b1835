"""Logins that succeeded, and the refresh tokens with which they go on. A refresh token is kept as a digest only."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from cartaguard.devserver.schema import refresh_tokens, sessions

__all__ = ["Session", "Sessions"]

#: Seconds for which a login can be refreshed: 30 days, as Cognito has it.
LIFETIME = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Session:
    """One login. ``id`` is its tokens' ``origin_jti``, ``started`` their ``auth_time``."""

    id: str
    user: str
    started: float


class Sessions:
    """The logins, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, user: str, *, now: float) -> tuple[Session, str]:
        """A new login and its refresh token."""
        session = Session(str(uuid.uuid4()), user, now)
        self._connection.execute(insert(sessions).values(id=session.id, user=user, started=now, expires=now + LIFETIME, revoked=False))
        return session, self._token(session)

    def refreshed(self, token: str, *, now: float) -> Session | None:
        """The login that this refresh token goes on with; ``None`` when it does not any more, or never did."""
        joined = sessions.join(refresh_tokens, refresh_tokens.c.session == sessions.c.id)
        found = select(sessions).select_from(joined).where(refresh_tokens.c.digest == _digest(token), ~refresh_tokens.c.spent)
        row = self._connection.execute(found.where(~sessions.c.revoked, sessions.c.expires > now)).one_or_none()
        return None if row is None else Session(row.id, row.user, row.started)

    def rotated(self, token: str, *, now: float) -> tuple[Session, str] | None:
        """The same, with another token in this one's place. A token that is spent ends its login: one of two has stolen it."""
        session = self.refreshed(token, now=now)
        spent = update(refresh_tokens).where(refresh_tokens.c.digest == _digest(token), ~refresh_tokens.c.spent).values(spent=True)
        if session is None or self._connection.execute(spent).rowcount != 1:
            self.revoke(token)
            return None
        return session, self._token(session)

    def revoke(self, token: str) -> None:
        """End the login of this refresh token."""
        found = select(refresh_tokens.c.session).where(refresh_tokens.c.digest == _digest(token))
        self._connection.execute(update(sessions).where(sessions.c.id.in_(found)).values(revoked=True))

    def end_all(self, user: str) -> None:
        """End every login of a user."""
        self._connection.execute(update(sessions).where(sessions.c.user == user).values(revoked=True))

    def ended(self, id: str) -> bool:
        """Whether the login with this id was ended. One that is not known was not made by a login."""
        return bool(self._connection.scalar(select(sessions.c.revoked).where(sessions.c.id == id)))

    def _token(self, session: Session) -> str:
        token = secrets.token_urlsafe(96)
        self._connection.execute(insert(refresh_tokens).values(digest=_digest(token), session=session.id, spent=False))
        return token


def _digest(token: str) -> str:
    # Nothing slower is needed: a token is drawn at random and cannot be guessed.
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
