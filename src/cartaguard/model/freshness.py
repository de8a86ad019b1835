"""Freshness: how old a remembered fact may be when a requirement rests on it."""

from __future__ import annotations

from cartaguard.errors import RequirementError
from cartaguard.model.value import Value, fill

__all__ = ["MOST", "Freshness", "freshness"]

#: The most that may be said, in seconds: no token lives longer than a day.
MOST = 86_400.0


class Freshness(Value):
    """How old a remembered fact may be, in seconds. Without one the cache's own times count.

    ``max_age``: a fact that is not younger is asked for anew; 0: it is asked for each time. It only narrows the
    cache's own times. ``max_stale``: for how much longer a fact serves while its source does not answer.
    """

    __slots__ = __match_args__ = ("max_age", "max_stale")

    max_age: float | None
    max_stale: float

    def __init__(self, max_age: float | None = None, max_stale: float = 0.0) -> None:
        fill(self, "max_age", max_age)
        fill(self, "max_stale", max_stale)

    @property
    def words(self) -> str:
        """The same for people; it starts with a comma."""
        age = "" if self.max_age is None else f", at most {self.max_age:g} s old"
        return age + (f", or {self.max_stale:g} s longer while its source is down" if self.max_stale else "")


def freshness(max_age: float | None, max_stale: float) -> Freshness | None:
    """What a requirement says about the age of its facts; ``None`` when it says nothing.

    :raises cartaguard.errors.RequirementError: what is no number of seconds from 0 to a day.
    """
    for name, value in (("max_age", max_age), ("max_stale", max_stale)):
        if value is None and name == "max_age":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST:
            raise RequirementError(f"`{name}` is `{value}`; give 0 to {MOST:g} seconds", code="bad_freshness")
    return None if max_age is None and not max_stale else Freshness(max_age, max_stale)
