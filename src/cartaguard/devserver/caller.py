"""Who asks, verified, and what they may do besides what they hold."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request

from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.groups import ADMINISTRATORS
from cartaguard.devserver.nodes import Node
from cartaguard.devserver.people import Person
from cartaguard.devserver.store import Tables
from cartaguard.errors import InvalidRequest, InvalidToken
from cartaguard.model.permission import Permission
from cartaguard.tokens.credential import bearer_token

__all__ = ["Caller", "is_api_token", "verified_subject"]


#: The user name that stands for an API token in HTTP Basic.
_TOKEN_USER = b"__token__:"


def verified_subject(carta: DevCarta, request: HTTPConnection) -> str:
    """The ``sub`` of who asks: by a bearer token, which must be a good ID token of this server, or by an API token.

    :raises ApiError: 401 for none, or for one that is not good; the answer does not say what is wrong with it.
        403 for an API token that is not allowed here.
    """
    values = [value.encode("latin-1") for value in request.headers.getlist("authorization")]
    try:
        token = bearer_token(values)
        if token is not None:
            return carta.verifier().verify(token).subject
    except (InvalidRequest, InvalidToken):
        raise ApiError(401, "unauthorized") from None
    key, now = _basic_key(values), carta.now()
    if key is not None:
        # In a transaction of its own: a use is a use, whatever comes of it.
        method = request.scope.get("method", "GET")  # a WebSocket begins as GET
        subject = carta.store.transact(lambda tables: tables.apitokens.use(key, method, request.scope["path"], now=now))
        if subject is not None:
            return subject
    raise ApiError(401, "unauthorized")


def is_api_token(request: Request) -> bool:
    """Whether a request, once verified, was one with an API token."""
    return request.headers.get("authorization", "").partition(" ")[0].lower() == "basic"


def _basic_key(values: Sequence[bytes]) -> str | None:
    """The key in a single ``Basic`` credential (RFC 7617) for the user ``__token__``; ``None`` where there is none."""
    scheme, _, sent = values[0].partition(b" ") if len(values) == 1 else (b"", b"", b"")
    if scheme.lower() != b"basic":
        return None
    try:
        user, _, key = base64.b64decode(sent, validate=True).partition(_TOKEN_USER)
        return key.decode() if not user else None
    except ValueError:
        return None


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
    def node(self) -> Node:
        """The caller's own node, v2's ``self``."""
        return self.tables.nodes.of_person(self.person)

    @property
    def administers(self) -> bool:
        """Whether the caller administers the whole server."""
        return ADMINISTRATORS in self.groups

    def check_oversees(self, held: Permission) -> None:
        """Refuse whoever neither administers (or owns) what they hold this on, nor the server.

        :raises ApiError: 403.
        """
        if not (self.administers or held.admin):
            raise ApiError(403, "forbidden")
