"""Listings: which resources somebody may use, a page at a time."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import overload

from cartaguard.errors import ParameterError
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission, holds
from cartaguard.model.value import Value, fill

__all__ = ["MOST", "Listing", "page"]

#: The most that one page may hold.
MOST = 10_000


class Listing(Value, Sequence[Resource]):
    """One page of resources, in the order of their ids.

    ``truncated`` says that there are more, and ``cursor`` is then what asks for the next page.
    """

    __slots__ = __match_args__ = ("resources", "cursor")

    resources: tuple[Resource, ...]
    cursor: str | None

    def __init__(self, resources: tuple[Resource, ...], cursor: str | None = None) -> None:
        fill(self, "resources", resources)
        fill(self, "cursor", cursor)

    @property
    def truncated(self) -> bool:
        return self.cursor is not None

    def __len__(self) -> int:
        return len(self.resources)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    @overload
    def __getitem__(self, index: int) -> Resource: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Resource, ...]: ...

    def __getitem__(self, index: int | slice) -> Resource | tuple[Resource, ...]:
        return self.resources[index]


def page(held: Sequence[tuple[Resource, Permission]], flag: int, *, limit: int, cursor: str | None) -> Listing:
    """Cut one page out of what somebody holds.

    :param held: resources of one type with what is held on them.
    :param flag: the permission that is asked for.
    :raises cartaguard.errors.ParameterError: ``limit`` is not from 1 to :data:`MOST`, or ``cursor`` is not one of ours.
    """
    if not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise ParameterError(f"`limit` is from 1 to {MOST}, not `{limit}`")
    after = None if cursor is None else _read(cursor)
    found = sorted(
        (resource for resource, permission in held if holds(permission, flag) and (after is None or resource.id > after)),
        key=lambda resource: resource.id,
    )
    if len(found) <= limit:
        return Listing(tuple(found))
    return Listing(tuple(found[:limit]), _write(found[limit - 1].id))


def _write(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _read(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("utf-8", "surrogatepass")
    except (ValueError, TypeError):
        raise ParameterError(f"`{cursor}` is not a cursor of an earlier page") from None
