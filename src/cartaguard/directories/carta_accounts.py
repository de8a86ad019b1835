"""Groups and organizations of a caller, from Carta's accounts and from its groups' lists of members."""

from __future__ import annotations

import time
from collections.abc import Callable

from cartaguard.carta.calls import users
from cartaguard.carta.records import Person
from cartaguard.directories.carta_ages import Ages
from cartaguard.directories.carta_asking import Asking, login_name
from cartaguard.drivers.effects import Shared, Steps, Together
from cartaguard.drivers.flights import Flights
from cartaguard.errors import CartaError
from cartaguard.model.facts import Memberships, Organizations
from cartaguard.model.principal import Principal

__all__ = ["Accounts"]


class Accounts:
    """What Carta knows of callers themselves.

    :param clock: seconds that only grow.
    """

    def __init__(self, asking: Asking, clock: Callable[[], float] = time.monotonic) -> None:
        self._asking = asking
        self._clock = clock
        self._flights = Flights(clock)
        self._epoch = 0

    def of(self, principal: Principal) -> Steps[tuple[Memberships, Organizations]]:
        """The groups and organizations in a caller's account. Raises what :meth:`Asking.ask` raises."""
        if self._asking.service is None:
            own = yield from self._asking.ask(users.current(), principal)
            found = [] if own is None else [own]
            if any(user.name != principal.username or _other(user, principal) for user in found):
                raise CartaError("carta answered about another user than the token's", code="carta_malformed")
        else:
            name = login_name(principal)
            answer = yield from self._asking.ask(users.search(name), principal)
            named = [user for user in answer or () if user.name == name]
            if len(named) > 1:
                raise CartaError("carta knows several users of one name", code="carta_malformed")
            found = [user for user in named if not _other(user, principal)]
        groups = frozenset[str]().union(*(user.groups for user in found))
        organizations = frozenset(user.organization for user in found if user.organization)
        return Memberships(groups), Organizations(organizations)

    def among(self, principal: Principal, wanted: frozenset[str], ages: Ages) -> Steps[Memberships]:
        """Which of these groups have a caller in their lists of members."""
        groups = sorted(wanted)
        answers: list[tuple[bool, str]] = yield Together(
            [self._asking.attempt(self._lists(principal, group, ages), False) for group in groups]
        )
        found = frozenset(group for group, (listed, _) in zip(groups, answers, strict=True) if listed)
        return Memberships(found, next((doubt for _, doubt in answers if doubt), ""))

    def _lists(self, principal: Principal, group: str, ages: Ages) -> Steps[bool]:
        asked_at = self._clock()
        # Whoever asks after an invalidation does not join a list that was asked for before it.
        members: _Members = yield Shared(self._flights, (self._epoch, group), lambda: self._members(principal, group), ages.within)
        since, ids, names = members
        ages.use(asked_at - since)
        return principal.subject in ids or (principal.username in names and bool(principal.username.strip()))

    def _members(self, principal: Principal, group: str) -> Steps[_Members]:
        """When a group's list was asked for, the ids of its members, and the names of those whose id is not told."""
        since = self._clock()
        found = (yield from self._asking.ask(users.members(group), principal)) or ()
        return since, frozenset(user.id for user in found if user.id), frozenset(user.name for user in found if not user.id)

    def forget(self) -> None:
        """From now on ask again, whatever is still being answered."""
        self._epoch += 1


_Members = tuple[float, frozenset[str], frozenset[str]]


def _other(user: Person, principal: Principal) -> bool:
    """Whether an account says that it is not this caller's: a name may have been given anew."""
    return user.id not in ("", principal.subject)
