"""Carta's calls about users."""

from __future__ import annotations

from starlette.requests import Request

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.people import Person
from cartaguard.devserver.routes.endpoint import signed_in
from cartaguard.devserver.store import Tables

__all__ = ["ROUTES", "user_json"]


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
    return user_json(caller.person, caller.tables)


def _authenticated(_: Request, __: Caller) -> object:
    return True


def _search(request: Request, caller: Caller) -> object:
    query = request.query_params
    # Older clients put a space on each side of the filter.
    comparison = query.get("attributeFilter", "").strip(" ")
    found = caller.tables.people.search(query.get("attributeName", ""), query.get("attributeValue", ""), comparison)
    return [user_json(person, caller.tables) for person in found]


ROUTES = [
    signed_in("GET", "/user", _current),
    signed_in("GET", "/user/authenticated", _authenticated),
    signed_in("GET", "/user/users", _search),
]
