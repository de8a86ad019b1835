"""Users: who there is, and their passwords."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Row, insert, select

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.schema import users
from cartaguard.devserver.srp import Verifier

__all__ = ["People", "Person"]

#: The longest name that Cognito takes, in characters.
LONGEST = 128

#: Carta's words for what users are searched by, and the columns.
ATTRIBUTES = {
    "UserId": users.c.id,
    "UserName": users.c.name,
    "Email": users.c.email,
    "FirstName": users.c.first_name,
    "LastName": users.c.last_name,
}


@dataclass(frozen=True, slots=True)
class Person:
    """One user. ``name`` is the login name, ``id`` the token's ``sub``."""

    name: str
    id: str
    email: str
    first_name: str
    last_name: str
    organization: str
    verifier: Verifier = field(repr=False)


class People:
    """The users, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, name: str, password: str, *, pool_id: str, email: str = "", first_name: str = "", last_name: str = "", organization: str = ""
    ) -> Person:
        """A new user. The id follows from the name, so that it is the same on every fresh file.

        :raises ApiError: 400 for a name that is blank, longer than Cognito's or taken, or an empty password.
        """
        if len(name) > LONGEST:
            raise ApiError(400, f"a user's name has at most {LONGEST} characters")
        if not name.strip() or not password:
            raise ApiError(400, "a user needs a name and a password")
        if self.named(name) is not None:
            raise ApiError(400, "user already exists")
        verifier = Verifier.of(pool_id, name, password)
        person = Person(name, _id_of(pool_id, name), email or f"{name}@example.org", first_name, last_name, organization, verifier)
        self._connection.execute(
            insert(users).values(
                name=person.name,
                id=person.id,
                email=person.email,
                first_name=first_name,
                last_name=last_name,
                organization=organization,
                salt=verifier.salt,
                verifier=verifier.value,
            )
        )
        return person

    def named(self, name: str) -> Person | None:
        """The user with this login name."""
        return self._one(users.c.name == name)

    def with_id(self, id: str) -> Person | None:
        """The user with this ``sub``."""
        return self._one(users.c.id == id)

    def everybody(self) -> list[Person]:
        """All users, by name."""
        return [_person(row) for row in self._connection.execute(select(users).order_by(users.c.name))]

    def among(self, names: Sequence[str]) -> list[Person]:
        """Those of these names who exist, by name."""
        found = select(users).where(users.c.name.in_(names)).order_by(users.c.name)
        return [_person(row) for row in self._connection.execute(found)]

    def search(self, attribute: str, value: str, comparison: str) -> list[Person]:
        """Users whose attribute is (``=``) or begins with (``^=``) a value.

        :raises ApiError: 400 for an attribute or comparison that Carta does not have.
        """
        column = ATTRIBUTES.get(attribute)
        if column is None or comparison not in ("=", "^="):
            raise ApiError(400, "a search needs attributeName, attributeValue and attributeFilter")
        test = column == value if comparison == "=" else column.startswith(value, autoescape=True)
        return [_person(row) for row in self._connection.execute(select(users).where(test).order_by(users.c.name))]

    def proven(self, name: str, password: str, *, pool_id: str) -> Person | None:
        """The user, if the password is theirs. An unknown name takes as long as a wrong password."""
        person = self.named(name)
        verifier = _NOBODYS if person is None else person.verifier
        fits = verifier.fits(pool_id, name, password)
        return person if fits else None

    def _one(self, test: ColumnElement[bool]) -> Person | None:
        row = self._connection.execute(select(users).where(test)).one_or_none()
        return None if row is None else _person(row)


#: No password has this verifier: 0 is no power of the generator.
_NOBODYS = Verifier(b"\x01" * 16, b"\x00")


def _id_of(pool_id: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"cognito:{pool_id}:{name}"))


def _person(row: Row[tuple[object, ...]]) -> Person:
    return Person(row.name, row.id, row.email, row.first_name, row.last_name, row.organization, Verifier(row.salt, row.verifier))
