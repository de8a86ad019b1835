"""How old what goes into one answer of Carta's may be, and is: part of it may be shared with, or kept from, an earlier one."""

from __future__ import annotations

from collections.abc import Iterable

from cartaguard.directories.base import max_age
from cartaguard.model.facts import Need

__all__ = ["Ages"]


class Ages:
    """Those of one answer.

    :param needs: what it is to answer.
    """

    def __init__(self, needs: Iterable[Need]) -> None:
        #: What was asked for that many seconds before these needs, or longer, is not used; ``None``: nothing is said.
        self.within = min((age for age in map(max_age, needs) if age is not None), default=None)
        #: By how many seconds the oldest of what was used had been asked for before these needs.
        self.oldest = 0.0

    def allow(self, age: float) -> bool:
        """Whether something of that age may be used."""
        return age >= 0.0 and (self.within is None or age < self.within)

    def use(self, age: float) -> None:
        """Something of that age is used."""
        self.oldest = max(self.oldest, age)
