"""An operation: one call of Carta's REST API as plain data, before it is sent and in no colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cartaguard.http.exchange import HttpResponse

__all__ = ["Operation"]

T_co = TypeVar("T_co", covariant=True)

#: Calling these once more changes nothing more (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co]):
    """What is sent, and how the answer is read.

    :param method: the HTTP method.
    :param path: segments, unescaped; each becomes exactly one segment of the URL.
    :param read: makes the result of a 2xx answer; raises :class:`~cartaguard.errors.CartaError` for a malformed one.
    :param query: unescaped; empty values are sent as they are.
    :param headers: beyond those of every call. They may hold a secret, and so stay out of the repr.
    :param json: the body, if there is one, as what JSON is made of.
    :param anonymous: sent without a credential.
    :param retry: whether it may be sent again after no answer; by default whether its method is idempotent.
    """

    method: str
    path: tuple[str, ...]
    read: Callable[[HttpResponse], T_co] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    anonymous: bool = False
    retry: bool | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice is the same as sending it once."""
        return self.method in _IDEMPOTENT if self.retry is None else self.retry
