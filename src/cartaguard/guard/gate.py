"""The gate: what every door does with a request, so that no door has a rule of its own.

``admit`` is the outer gate, in front of an application: path, credential, entry, decision. ``confirm`` is the
check at dispatch, on the route that a framework matched and on its converted parameters. Both answer at once
when everything is at hand, and ``None`` otherwise; the doors then run the ``…_steps`` twin with their driver.
A refusal is raised as a :class:`Refused` that holds the response, ready to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cartaguard.drivers.effects import Steps
from cartaguard.errors import CartaGuardError, InvalidRequest, InvalidToken, NotAuthorized, Unavailable
from cartaguard.guard.decide import decide
from cartaguard.guard.flow import Check, decisions
from cartaguard.guard.guard import Guard
from cartaguard.guard.plan import AMBIGUOUS, UNDECLARED, Demands, Plan, Plans, alike, filled, plain
from cartaguard.guard.settled import remember
from cartaguard.http.refusal import Refusal
from cartaguard.http.routes import NO_PARAMS, Entry
from cartaguard.model.decision import Decision
from cartaguard.model.pattern import canonical
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Requirement

if TYPE_CHECKING:
    from cartaguard.tokens.credential import HeaderValue

__all__ = ["ANSWERED", "Gate", "Pass", "Refused"]

#: The faults of an application that a door answers, with :meth:`Gate.answer`; others are the application's own.
ANSWERED = (InvalidRequest, InvalidToken, NotAuthorized, Unavailable)

#: No framework has matched before the gate. (``None`` is its word for a request that fits no route.)
_NOT_MATCHED = Entry("", (), requirement=None, matcher=lambda segments, path: None)


#: Of the requests that are let through because the caller was so on a path like theirs, one in so many (and one) looks whether
#: its path came before, to keep it: what comes often is found soon all the same, and the others are spared the look.
_TURNS = 7


class Refused(NotAuthorized):
    """A request that is not let through. ``refusal`` is the response, ``principal`` the caller if he was known."""

    def __init__(self, refusal: Refusal, *, decision: Decision | None = None, principal: Principal = Principal.anonymous) -> None:
        super().__init__(f"refused: {refusal.reason.replace('_', ' ')}", decision=decision, code=refusal.reason)
        self.refusal = refusal
        self.principal = principal


class Pass:
    """What the gate knows of a request that it let through: ``scope["cartaguard"]`` and its like.

    What is the same for every caller is the plan's. ``path`` is the one that was decided on, ``filling`` its parameters.
    ``confirmed`` are the entries that held at dispatch. ``decided`` are the single requirements that were put on them, and those
    of the plan that name no parameter, which hold whatever comes to be dispatched. Nothing in it ever changes: the requests of
    one caller with one path have the same.
    """

    __slots__ = ("after", "confirmed", "decided", "filling", "gate", "path", "plan", "principal")

    def __init__(
        self,
        gate: Gate,
        principal: Principal,
        plan: Plan,
        path: str = "",
        filling: Mapping[str, Any] = NO_PARAMS,
        confirmed: Sequence[Entry] = (),
        decided: tuple[Requirement, ...] = (),
    ) -> None:
        self.gate = gate
        self.principal = principal
        self.plan = plan
        self.path = path
        self.filling = filling
        self.confirmed = confirmed
        self.decided = decided
        #: What :meth:`as_decided` gave.
        self.after: Pass | None = None

    def confirming(self, entries: Sequence[Entry]) -> Pass:
        """The pass of a request for which these entries held at dispatch, beside those that did so before."""
        confirmed = (*self.confirmed, *entries)
        decided = tuple(dict.fromkeys((*self.decided, *(mark for entry in confirmed for mark in entry.marks))))
        return Pass(self.gate, self.principal, self.plan, self.path, self.filling, confirmed, decided)

    def as_decided(self) -> Pass:
        """:meth:`confirming` the one entry that was decided on, with its own parameters: the same pass each time."""
        after = self.after
        if after is None:
            plan = self.plan
            after = self.after = Pass(self.gate, self.principal, plan, self.path, self.filling, plan.alone, plan.marks)
        return after

    @property
    def entry(self) -> Entry | None:
        """The route's entry on which it was decided; ``None`` behind a policy alone that knows no routes."""
        return self.plan.entry

    @property
    def params(self) -> Mapping[str, Any]:
        """The texts of its parameters, read-only."""
        return MappingProxyType(self.filling)

    @property
    def method(self) -> str:
        """The method that was decided on; a WebSocket has none."""
        return self.plan.method

    @property
    def allow(self) -> frozenset[str] | None:
        """The methods of the 405 that the framework is going to answer, if it is."""
        return None if self.plan.ahead is None else self.plan.ahead.allow

    @property
    def other_slash(self) -> str | None:
        """Where the framework is going to redirect to, if it is."""
        return None if self.plan.ahead is None else self.plan.ahead.other_slash

    def __repr__(self) -> str:
        return f"<Pass {self.principal!r} {self.path!r}>"


class Gate:
    """The gate of one application.

    :param guard: decides.
    :param routes: the entries of a framework's own routes; ``None`` in front of an application that cannot be
        looked into: then the guard's policy is all there is.
    :param slashes: the framework redirects to the path with a slash more or less; it is decided on that one.

    With routes, what the policy demands of a path holds together with what the route demands.
    """

    def __init__(self, guard: Guard, routes: Iterable[Entry] | None = None, *, slashes: bool = False) -> None:
        self.guard = guard
        self.plans = Plans(routes, guard.policy, slashes=slashes)
        self._turn = 0
        for entry in self.plans.table.entries:
            if entry.requirement is not None:
                guard.accept(entry.requirement)

    # -- the outer gate --------------------------------------------------------------------------------

    def admit(
        self,
        protocol: str,
        method: str,
        path: str,
        values: Sequence[HeaderValue],
        entry: Entry | None = _NOT_MATCHED,
        params: Mapping[str, Any] = NO_PARAMS,
    ) -> Pass | None:
        """Let a request through, or raise :class:`Refused`; ``None``: something has to be fetched first.

        A framework that matches an HTTP request before the gate says what it found; the route and what it was given are
        then decided on at once, as :meth:`confirm` does for others.

        :param protocol: ``http`` or ``websocket``; where the framework has matched, ``matched``.
        :param path: decoded, below the application's root.
        :param values: the values of every ``Authorization`` header, as received.
        :param entry: of the route that was matched; ``None``: none was.
        :param params: its parameters as the framework converted them.
        """
        guard = self.guard
        # Before any fact is read: what is decided on older ones is then at worst kept for a state that nobody is in.
        standing = guard.directory.standing()
        verifier = guard.verifier
        # Nearly everything is asked for with GET: it is found sooner by the path alone, which nothing else is remembered by.
        asked: object = path if protocol == "http" and method == "GET" else (protocol, method, path)
        # What was verified before is found by its whole value; everything else goes the long way.
        principal = verifier.cached(values[0]) if verifier is not None and len(values) == 1 else None
        if principal is not None:
            known, settled = principal.settled
            if known is standing:
                held: Pass | None = settled.get(asked)
                # Callers are known to every gate of their guard.
                if held is not None and held.gate is self:
                    if entry is _NOT_MATCHED or (held.plan.entry is entry and (held.filling is params or alike(held.filling, params))):
                        return held
                cut = path.rfind("/") + 1
                held = settled.get((path[:cut], protocol, method))
                if held is not None and held.gate is self and (entry is _NOT_MATCHED or held.plan.entry is entry):
                    # What was permitted is so on every path that differs in its last segment.
                    last = path[cut:]
                    if plain(last):
                        plan = held.plan
                        own: dict[str, Any] = dict.fromkeys(held.filling, last) if entry is _NOT_MATCHED else dict(params)
                        held = Pass(self, principal, plan, path, own, (), plan.decided)
                        self._turn = turn = self._turn + 1 & _TURNS
                        if not turn and self.plans.keep((protocol, method, path), plan, own):
                            remember(principal, standing, asked, held)
                        return held
        plans = self.plans
        key = protocol, method, path
        try:
            found = plans.kept.get(key)
            if entry is _NOT_MATCHED:
                plan, filling = found or plans.make(protocol, method, path)
            elif found is not None and found[0].entry is entry and alike(found[1], params):
                plan, filling = found
            else:
                found = None
                plan, filling = plans.make_matched(entry, params, method, path)
            if principal is None:
                principal = guard.recognise(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if principal is None:
            return None
        if plan.verdict is not None:
            raise self.denied(plan.verdict, principal)
        for requirement, fixed in plan.demands:
            answer = decide(requirement, principal, filling if fixed is None else fixed, guard.directory)
            if type(answer) is not Decision:
                return None
            if not answer.permitted:
                raise self.denied(answer, principal)
        held = Pass(self, principal, plan, path, filling, (), plan.decided)
        kept = found is not None or plans.keep(key, plan, filling)
        if standing is not None and principal.authenticated:
            if kept:
                remember(principal, standing, asked, held)
            if plan.uniform:
                remember(principal, standing, (path[: path.rfind("/") + 1], protocol, method), held)
        return held

    def admit_steps(
        self,
        protocol: str,
        method: str,
        path: str,
        values: Sequence[HeaderValue],
        entry: Entry | None = _NOT_MATCHED,
        params: Mapping[str, Any] = NO_PARAMS,
    ) -> Steps[Pass]:
        """:meth:`admit`, fetching what is missing."""
        guard, plans = self.guard, self.plans
        try:
            found = plans.find(protocol, method, path) if entry is _NOT_MATCHED else plans.make_matched(entry, params, method, path)
            principal = guard.recognise(values)
            if principal is None:
                principal = yield from guard.authenticate_steps(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        plan, filling = found
        if plan.verdict is not None:
            raise self.denied(plan.verdict, principal)
        yield from self._decide(principal, filled(plan.demands, filling))
        return Pass(self, principal, plan, path, filling, (), plan.decided)

    def _demanded(self, entry: Entry, protocol: str, method: str, path: str, principal: Principal) -> Demands:
        try:
            demands = self.plans.demanded(entry, protocol, method, path)
        except InvalidRequest as fault:
            raise self.refused(fault) from None
        if not demands:
            raise self.denied(UNDECLARED, principal)
        return demands

    def preflight(self, path: str) -> Pass:
        """Let a CORS preflight through undecided, for an application that asked for it; no route runs on it."""
        try:
            canonical(path)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        return Pass(self, Principal.anonymous, Plan(None, method="OPTIONS"), path)

    # -- at dispatch -----------------------------------------------------------------------------------

    def confirm(self, held: Pass, entries: Sequence[Entry], params: Mapping[str, Any]) -> bool:
        """Decide on the route that was matched. True: permitted; False: something has to be fetched first.

        :param held: what the outer gate let through.
        :param entries: the entries of the matched route (several when it is mounted more than once: all hold);
            none: the route is missing from the table, and is refused.
        :param params: the parameters as the framework converted them.
        """
        if len(entries) == 1 and entries[0] is held.plan.entry and _same(held.filling, params):
            return True
        for requirement, filling in self._undecided(held, entries, params):
            answer = decide(requirement, held.principal, filling, self.guard.directory)
            if type(answer) is not Decision:
                return False
            if not answer.permitted:
                raise self.denied(answer, held.principal)
        return True

    def confirm_steps(self, held: Pass, entries: Sequence[Entry], params: Mapping[str, Any]) -> Steps[None]:
        """:meth:`confirm`, fetching what is missing."""
        yield from self._decide(held.principal, self._undecided(held, entries, params))

    def _undecided(self, held: Pass, entries: Sequence[Entry], params: Mapping[str, Any]) -> list[Check]:
        """What the gate has not decided yet of the matched route: another entry, or other parameters."""
        if not entries:
            raise self.denied(UNDECLARED, held.principal)
        demands: list[Check] = []
        for entry in entries:
            if entry is held.plan.entry and _same(held.filling, params):
                continue
            # `/items/08` that serves item 8 is `/items/8` to the policy as well.
            path = held.path if entry.rebuild is None or not self.plans.policed else entry.rebuild(held.path, params)
            if path is None:
                raise self.denied(AMBIGUOUS, held.principal)
            method = held.plan.method
            demands += filled(self._demanded(entry, "http" if method else "websocket", method, path, held.principal), params)
        return demands

    def _decide(self, principal: Principal, demands: Sequence[Check]) -> Steps[None]:
        for decision in (yield from decisions(self.guard.directory, principal, demands)):
            if not decision.permitted:
                raise self.denied(decision, principal)

    # -- refusals --------------------------------------------------------------------------------------

    def denied(self, decision: Decision, principal: Principal) -> Refused:
        """The refusal for a verdict."""
        refusal = self.guard.refusals.decision(decision, authenticated=principal.authenticated)
        return Refused(refusal, decision=decision, principal=principal)

    def refused(self, fault: CartaGuardError) -> Refused:
        """The refusal for a fault: a bad credential, a bad path, keys that cannot be had."""
        return fault if isinstance(fault, Refused) else Refused(self.guard.refusals.fault(fault))

    def answer(self, fault: CartaGuardError, principal: Principal) -> Refused:
        """The refusal for a fault that left the application: ``authorize`` said no, or a directory failed."""
        if isinstance(fault, NotAuthorized) and not isinstance(fault, Refused):
            # A decision that does not permit is false.
            return self.denied(Decision(reason=fault.code) if fault.decision is None else fault.decision, principal)
        return self.refused(fault)


def _same(texts: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether converted parameters are, as texts, those that the gate decided on (``08`` and ``8`` are not)."""
    if texts == params:
        return True
    if len(texts) != len(params):
        return False
    for name, text in texts.items():
        value = params.get(name)
        if value is not text and str(value) != text:
            return False
    return True
