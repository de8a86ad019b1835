"""Who asks, verified, and what they may do besides what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.groups import ADMINISTRATORS
from cartaguard.devserver.people import Person
from cartaguard.devserver.store import Tables
from cartaguard.errors import InvalidRequest, InvalidToken
from cartaguard.tokens.credential import bearer_token

__all__ = ["Caller", "verified_subject"]


def verified_subject(carta: DevCarta, request: Request) -> str:
    """The ``sub`` of the request's bearer token, which must be a good ID token of this server.

    :raises ApiError: 401 for none, or for one that is not good; the answer does not say what is wrong with it.
    """
    values = [value.encode("latin-1") for value in request.headers.getlist("authorization")]
    try:
        token = bearer_token(values)
        if token is None:
            raise ApiError(401, "unauthorized")
        return carta.verifier().verify(token).subject
    except (InvalidRequest, InvalidToken):
        raise ApiError(401, "unauthorized") from None


@dataclass(frozen=True, slots=True)
class Caller:
    """The user who asks, within one transaction."""

    person: Person
    groups: frozenset[str]
    tables: Tables

    @classmethod
    def of(cls, subject: str, tables: Tables) -> Caller:
        """:raises ApiError: 401 when the user is gone."""
        person = tables.people.with_id(subject)
        if person is None:
            raise ApiError(401, "unauthorized")
        return cls(person, tables.groups.of(person.name), tables)

    @property
    def administers(self) -> bool:
        """Whether the caller administers the whole server."""
        return ADMINISTRATORS in self.groups
