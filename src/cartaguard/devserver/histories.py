"""Who added what and who changed it last, as Carta tells with its resources."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from cartaguard.devserver.schema import histories

__all__ = ["Histories", "History"]


@dataclass(frozen=True, slots=True)
class History:
    """The history of one resource. Times are in seconds since 1970, users are login names."""

    added_by: str
    added: float
    modified_by: str
    modified: float


class Histories:
    """The histories, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, id: str, by: str) -> None:
        """A resource was added."""
        self._connection.execute(insert(histories).values(resource=id, added_by=by, modified_by=by))

    def changed(self, id: str, by: str) -> None:
        """A resource was changed."""
        self._connection.execute(update(histories).where(histories.c.resource == id).values(modified_by=by))

    def of(self, id: str) -> History:
        """The history of a resource that there is."""
        row = self._connection.execute(select(histories).where(histories.c.resource == id)).one()
        return History(row.added_by, row.added, row.modified_by, row.modified)
