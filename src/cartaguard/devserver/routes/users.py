"""Carta's calls about users."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.people import Person
from cartaguard.devserver.routes.endpoint import TEXT, Body, posted, signed_in
from cartaguard.devserver.store import Tables

__all__ = ["routes", "user_json"]

#: The names of attributes as older clients have them: by number.
_NUMBERED = {"0": "UserId", "1": "UserName", "2": "Email", "3": "FirstName", "4": "LastName"}

#: Carta's words for what may be said of a new user, and ours.
_TOLD = {"email": "email", "firstName": "first_name", "lastName": "last_name", "organization": "organization"}


def user_json(person: Person, tables: Tables) -> dict[str, object]:
    """Carta's User."""
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "organization": person.organization,
        "groups": sorted(tables.groups.of(person.name)),
    }


def _current(_: Request, caller: Caller) -> object:
    """The caller."""
    return user_json(caller.person, caller.tables)


def _authenticated(_: Request, __: Caller) -> object:
    """Whether the caller's token is good: true, or else the answer is 401."""
    return True


def _create(_: Request, caller: Caller, sent: Body) -> object:
    """Make a user. Nobody knows the password, as with Carta before its mail has arrived."""
    if not caller.administers:
        raise ApiError(403, "only an administrator makes users")
    told = {ours: _text(sent[word]) for word, ours in _TOLD.items() if sent.get(word) is not None}
    person = caller.tables.people.add(_text(sent.get("name")), secrets.token_urlsafe(), pool_id=caller.tables.pool.id, **told)
    return user_json(person, caller.tables)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ApiError(400, "a user has a name, and what is told of users is text")
    return value


def _search(request: Request, caller: Caller) -> object:
    """Users by one of their attributes."""
    query = request.query_params
    attribute = query.get("attributeName", "")
    # Older clients put a space on each side of the filter.
    comparison = query.get("attributeFilter", "").strip(" ")
    found = caller.tables.people.search(_NUMBERED.get(attribute, attribute), query.get("attributeValue", ""), comparison)
    return [user_json(person, caller.tables) for person in found]


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "GET", "/user", _current),
        posted(carta, "POST", "/user", _create, required={"name": TEXT}, optional=dict.fromkeys(_TOLD, TEXT)),
        signed_in(carta, "GET", "/user/authenticated", _authenticated),
        signed_in(carta, "GET", "/user/users", _search, query=("attributeName", "attributeValue", "attributeFilter")),
    ]
