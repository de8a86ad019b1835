"""Users and groups (v1)."""

from __future__ import annotations

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import authenticated, ignored, listed, one, person
from cartaguard.carta.records import Person
from cartaguard.errors import ParameterError

__all__ = ["ATTRIBUTES", "add_member", "create", "create_group", "current", "is_authenticated", "members", "search"]

#: What users can be searched by, and Carta's name for it.
ATTRIBUTES = {"id": "UserId", "username": "UserName", "email": "Email", "first_name": "FirstName", "last_name": "LastName"}


def current() -> Operation[Person]:
    """The user who is logged in."""
    return Operation("GET", ("user",), one(person))


def is_authenticated() -> Operation[bool]:
    """Whether Carta takes the login."""
    return Operation("GET", ("user", "authenticated"), authenticated, also=frozenset({401}))


def create(
    name: str, *, email: str = "", first_name: str = "", last_name: str = "", organization: str = "", id: str = ""
) -> Operation[Person]:
    """Make a user. Raises :class:`~cartaguard.errors.CartaDuplicate` when the login name is taken."""
    fields = {"name": name, "id": id, "email": email, "firstName": first_name, "lastName": last_name, "organization": organization}
    return Operation("POST", ("user",), one(person), json={key: value for key, value in fields.items() if value})


def search(value: str, *, by: str = "username", prefix: bool = False) -> Operation[tuple[Person, ...]]:
    """Users by an attribute: ``id``, ``username``, ``email``, ``first_name`` or ``last_name``.

    :param prefix: every user whose attribute begins with the value.
    """
    if by not in ATTRIBUTES:
        raise ParameterError(f"users are searched by {', '.join(ATTRIBUTES)}, not by `{by}`")
    query = {"attributeName": ATTRIBUTES[by], "attributeValue": value, "attributeFilter": "^=" if prefix else "="}
    return Operation("GET", ("user", "users"), listed(person), query=query)


def create_group(group: str) -> Operation[None]:
    """Make a group, ``Org:Name`` or ``Name``. Raises :class:`~cartaguard.errors.CartaDuplicate` when there is one."""
    return Operation("POST", ("user", "group", group), ignored)


def add_member(group: str, username: str) -> Operation[None]:
    """Make a user a member of a group."""
    return Operation("POST", ("user", "group", group, username), ignored)


def members(group: str) -> Operation[tuple[Person, ...]]:
    """The members of a group."""
    return Operation("GET", ("user", "group", group), listed(person))
