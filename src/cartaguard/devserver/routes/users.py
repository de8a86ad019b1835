"""Carta's calls about users."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.people import Person
from cartaguard.devserver.routes.endpoint import signed_in
from cartaguard.devserver.store import Tables

__all__ = ["routes", "user_json"]


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


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "GET", "/user", _current),
        signed_in(carta, "GET", "/user/authenticated", _authenticated),
        signed_in(carta, "GET", "/user/users", _search),
    ]
