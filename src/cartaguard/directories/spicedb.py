"""SpiceDB as a directory: the permission graph of many machines (docs/spicedb.md).

What is asked about one caller is asked of one moment: who it is first, and then what it holds at that moment. SpiceDB
answers from a moment that may be some seconds ago, unless it is told how new it has to be; see :meth:`SpiceDBDirectory._seen`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from cartaguard.directories.base import Directory, in_doubt, max_age
from cartaguard.directories.spicedb_callers import recognise
from cartaguard.directories.spicedb_calls import Seen, SpiceDB
from cartaguard.directories.spicedb_channel import Channels, Key
from cartaguard.directories.spicedb_questions import About, known
from cartaguard.drivers.effects import Steps, Together
from cartaguard.errors import ConfigurationError, FactsUnavailable
from cartaguard.events import emit
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.health import Condition
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal

__all__ = ["SpiceDBDirectory"]

F = TypeVar("F", bound=Fact)


class SpiceDBDirectory(Directory):
    """Facts from SpiceDB, stored there by ``cartaguard spicedb sync`` or by whoever keeps to the same schema.

    :param endpoint: ``host:port``.
    :param token: the preshared key, or a plain function that gives it whenever it is needed.
    :param tls: whether the connection is encrypted; only on this machine may it not be.
    :param ca_file: certificates of whom to trust, in place of the usual ones.
    :param timeout: seconds for a fetch as a whole, at most 10.
    :param watch: whether the cache in front hears of what is written, and remembers only while it would.
    :param clock: seconds that only grow.
    :raises cartaguard.errors.ConfigurationError: for an endpoint, key or time that cannot be, or a missing extra.

    What is no usable answer is a doubt: ``spicedb_unavailable`` (no connection, or left alone after failures),
    ``spicedb_timeout``, ``spicedb_unauthorized`` (the key), ``spicedb_schema`` (another schema, or none),
    ``spicedb_too_deep`` (a ring, or nested beyond SpiceDB's depth), ``spicedb_exhausted`` (too much),
    ``spicedb_malformed`` and ``spicedb_unexpected``.
    """

    remote = True
    uses_groups = True
    partial_groups = True

    def __init__(
        self,
        endpoint: str,
        *,
        token: Key,
        tls: bool = True,
        ca_file: str | os.PathLike[str] | None = None,
        timeout: float = 10.0,
        watch: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < timeout <= 10:
            raise ConfigurationError(f"`timeout` is `{timeout:g}`; give more than 0 and at most 10 seconds", code="bad_value")
        self._spicedb = SpiceDB(Channels(endpoint, token, tls=tls, ca_file=ca_file), clock=clock)
        self._timeout = timeout
        self._clock = clock
        self._qualified = False
        self._moment = _Moment()

        self.identity = f"spicedb {endpoint}"
        if watch:
            from cartaguard.directories.spicedb_watch import Watch

            self.changes = Watch(self._spicedb, self.invalidate)

    def __repr__(self) -> str:
        return f"SpiceDBDirectory({self.source!r})"

    @property
    def source(self) -> str:
        return self._spicedb.source

    # -- at hand -----------------------------------------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        return None if principal.authenticated else Memberships()

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        return None if principal.authenticated else Granted()

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return None if principal.authenticated else Organizations()

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return None if principal.authenticated else Listed()

    # -- how new -----------------------------------------------------------------------------------------

    def _seen(self, need: Need) -> Seen:
        """How new an answer has to be.

        Left alone, SpiceDB answers from a moment that each of its nodes rounds for itself: a revoked grant was seen to
        stay allowed on another node for four seconds. A token says that nothing older will do: that of the first answer
        since the last change that was heard of, which is therefore asked for as of now. The tokens of writes and of the
        stream of changes are not used: which of two is newer cannot be told, and a late one must not let older answers
        back in. What a requirement with a ``max_age`` asks is asked as of now too, since its age counts from then.
        """
        return Seen(self._moment.token) if max_age(need) is None else Seen()

    # -- fetching ----------------------------------------------------------------------------------------

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        deadline = self._clock() + self._timeout
        callers: dict[tuple[Principal, Seen], list[Need]] = {}
        plans: list[Steps[dict[Need, Fact]]] = []
        for need in needs:
            if isinstance(need, RestrictionNeed):
                plans.append(self._one(need, known(self._spicedb, need.resource, self._seen(need), deadline)))
            else:
                callers.setdefault((need.principal, self._seen(need)), []).append(need)
        plans += [self._about(principal, seen, asked, deadline) for (principal, seen), asked in callers.items()]
        return (yield from _together(plans))

    def _about(self, principal: Principal, seen: Seen, needs: list[Need], deadline: float) -> Steps[dict[Need, Fact]]:
        """What is asked about one caller."""
        moment = self._moment
        try:
            caller = yield from recognise(self._spicedb, principal, seen, qualified=self._qualified, deadline=deadline)
        except FactsUnavailable as fault:
            return self._in_doubt(needs, fault)
        if not moment.token and not seen.token and self._moment is moment:
            self._moment = _Moment(caller.seen.token)
        about = About(self._spicedb, principal, caller, deadline)
        permissions = [need for need in needs if isinstance(need, PermissionNeed)]
        plans = [self._permissions(about, permissions)] if permissions else []
        for need in needs:
            match need:
                case GroupsNeed(_, wanted):
                    plans.append(self._one(need, about.groups(wanted)))
                case OrganizationsNeed():
                    plans.append(self._one(need, about.organizations()))
                case ListingNeed(_, type):
                    plans.append(self._one(need, about.listing(type)))
        return (yield from _together(plans))

    def _permissions(self, about: About, needs: list[PermissionNeed]) -> Steps[dict[Need, Fact]]:
        """All of them in one call."""
        try:
            held = yield from about.permissions(list(dict.fromkeys(need.resource for need in needs)))
        except FactsUnavailable as fault:
            return self._in_doubt(needs, fault)
        return {need: self._told(held[need.resource]) for need in needs}

    def _one(self, need: Need, steps: Steps[F]) -> Steps[dict[Need, Fact]]:
        try:
            return {need: self._told((yield from steps))}
        except FactsUnavailable as fault:
            return self._in_doubt([need], fault)

    def _in_doubt(self, needs: Sequence[Need], fault: FactsUnavailable) -> dict[Need, Fact]:
        if fault.code == "spicedb_malformed":
            emit("answer_malformed", source=self.source, reason=fault)
        else:
            emit("directory_in_doubt", source=self.source, doubt=fault.code, reason=fault)
        return {need: in_doubt(need, fault.code) for need in needs}

    def _told(self, fact: F) -> F:
        """A fact; a doubt about a part of it is reported."""
        if fact.doubt:
            emit("directory_in_doubt", source=self.source, doubt=fact.doubt)
        return fact

    # -- the rest ----------------------------------------------------------------------------------------

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        """From now on nothing is answered that is older than this call."""
        self._moment = _Moment()

    def qualify(self) -> None:
        """From now on only listed users with an ``issuer`` are known by name; others are nobody."""
        self._qualified = True

    def health(self) -> Sequence[Condition]:
        return (self._spicedb.caution.health(),)

    def probe(self) -> Steps[None]:
        """Ask about nobody in particular."""
        try:
            yield from self._spicedb.read("record", Seen(), "probe", self._clock() + self._timeout, id="probe")
        except FactsUnavailable as fault:
            emit("directory_in_doubt", source=self.source, doubt=fault.code, reason=fault)

    def close(self) -> None:
        if self.changes is not None:
            self.changes.close()
        self._spicedb.channels.close()


class _Moment:
    """The newest moment that is known; empty when it has to be asked for. One that was replaced is never put back."""

    def __init__(self, token: str = "") -> None:
        self.token = token


def _together(plans: Sequence[Steps[dict[Need, Fact]]]) -> Steps[dict[Need, Fact]]:
    facts: dict[Need, Fact] = {}
    for found in (yield Together(plans)):
        facts |= found
    return facts
