"""The gate: what every door does with a request, so that no door has a rule of its own.

``admit`` is the outer gate, in front of an application: path, credential, entry, decision. ``confirm`` is the
check at dispatch, on the route that a framework matched and on its converted parameters. Both answer at once
when everything is at hand, and ``None`` otherwise; the doors then run the ``…_steps`` twin with their driver.
A refusal is raised as a :class:`Refused` that holds the response, ready to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cartaguard.drivers.effects import Steps
from cartaguard.errors import CartaGuardError, InvalidRequest, InvalidToken, NotAuthorized, Unavailable
from cartaguard.guard.decide import decide
from cartaguard.guard.flow import Check, decisions
from cartaguard.guard.guard import Guard
from cartaguard.guard.plan import NO_ROUTE, UNDECLARED, Demands, Plan, Plans
from cartaguard.guard.settled import remember
from cartaguard.http.refusal import Refusal
from cartaguard.http.routes import Entry
from cartaguard.model.decision import Decision
from cartaguard.model.pattern import canonical
from cartaguard.model.principal import Principal

if TYPE_CHECKING:
    from cartaguard.tokens.credential import HeaderValue

__all__ = ["ANSWERED", "Gate", "Pass", "Refused"]

#: The faults of an application that a door answers, with :meth:`Gate.answer`; others are the application's own.
ANSWERED = (InvalidRequest, InvalidToken, NotAuthorized, Unavailable)

#: Parameters that do not say which path, and so which line of the policy, they belong to.
_AMBIGUOUS = Decision(reason="ambiguous_resource")


class Refused(NotAuthorized):
    """A request that is not let through. ``refusal`` is the response, ``principal`` the caller if he was known."""

    def __init__(self, refusal: Refusal, *, decision: Decision | None = None, principal: Principal = Principal.anonymous) -> None:
        super().__init__(f"refused: {refusal.reason.replace('_', ' ')}", decision=decision, code=refusal.reason)
        self.refusal = refusal
        self.principal = principal


class Pass:
    """What the gate knows of a request that it let through: ``scope["cartaguard"]`` and its like.

    ``entry`` is the route's entry on which it was decided (``None`` behind a policy alone that knows no routes),
    ``params`` the texts of its parameters, ``method`` and ``path`` what was decided (a WebSocket has no method);
    these and what else is the same for every caller are the plan's. ``confirmed`` are the entries that held at dispatch.
    Nothing in it ever changes: the requests of one caller under one plan have the same.
    """

    __slots__ = ("_after", "confirmed", "entry", "gate", "method", "params", "path", "plan", "principal")

    def __init__(self, gate: Gate, principal: Principal, plan: Plan, confirmed: Sequence[Entry] = ()) -> None:
        self.gate = gate
        self.principal = principal
        self.plan = plan
        # Each door asks for these with each request.
        self.entry: Entry | None = plan.entry
        self.params: Mapping[str, Any] = plan.params
        self.path: str = plan.path
        self.method: str = plan.method
        self.confirmed = confirmed
        self._after: Pass | None = None

    def confirming(self, entries: Sequence[Entry]) -> Pass:
        """The pass of a request for which these entries held at dispatch, beside those that did so before."""
        after = self._after
        if after is None or after.confirmed is not entries:
            after = self._after = Pass(self.gate, self.principal, self.plan, (*self.confirmed, *entries) if self.confirmed else entries)
        return after

    @property
    def allow(self) -> frozenset[str] | None:
        return self.plan.allow

    @property
    def other_slash(self) -> str | None:
        return self.plan.other_slash

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
        for entry in self.plans.table.entries:
            if entry.requirement is not None:
                guard.accept(entry.requirement)

    # -- the outer gate --------------------------------------------------------------------------------

    def admit(self, protocol: str, method: str, path: str, values: Sequence[HeaderValue]) -> Pass | None:
        """Let a request through, or raise :class:`Refused`; ``None``: something has to be fetched first.

        :param protocol: ``http`` or ``websocket``.
        :param path: decoded, below the application's root.
        :param values: the values of every ``Authorization`` header, as received.
        """
        guard = self.guard
        plans = self.plans
        try:
            plan = plans.kept.get((protocol, method, path)) or plans.make(protocol, method, path)
            verifier = guard.verifier
            # What was verified before is found by its whole value; everything else goes the long way.
            principal = verifier.cached(values[0]) if verifier is not None and len(values) == 1 else None
            if principal is None:
                principal = guard.recognise(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if principal is None:
            return None
        facts = guard.directory
        standing = facts.standing() if plan.kept else None
        if standing is not None:
            known, settled = principal.settled
            if known is standing:
                held: Pass | None = settled.get(plan.number)
                if held is not None:
                    return held
        if plan.verdict is not None:
            raise self.denied(plan.verdict, principal)
        for requirement, filling in plan.demands:
            answer = decide(requirement, principal, filling, facts)
            if type(answer) is not Decision:
                return None
            if not answer.permitted:
                raise self.denied(answer, principal)
        held = Pass(self, principal, plan)
        if not plan.kept:
            plans.keep(protocol, method, path, plan)
        elif standing is not None:
            remember(principal, standing, plan.numbered(), held)
        return held

    def admit_steps(self, protocol: str, method: str, path: str, values: Sequence[HeaderValue]) -> Steps[Pass]:
        """:meth:`admit`, fetching what is missing."""
        guard = self.guard
        try:
            plan = self.plans.find(protocol, method, path)
            principal = guard.recognise(values)
            if principal is None:
                principal = yield from guard.authenticate_steps(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if plan.verdict is not None:
            raise self.denied(plan.verdict, principal)
        yield from self._decide(principal, plan.demands)
        return Pass(self, principal, plan)

    def _demanded(self, entry: Entry, params: Mapping[str, Any], protocol: str, method: str, path: str, principal: Principal) -> Demands:
        try:
            demands = self.plans.demanded(entry, params, protocol, method, path)
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
        return Pass(self, Principal.anonymous, Plan(None, method="OPTIONS", path=path))

    # -- where the framework has matched already -------------------------------------------------------

    def admit_matched(
        self, entry: Entry | None, params: Mapping[str, Any], method: str, path: str, values: Sequence[HeaderValue]
    ) -> Pass | None:
        """:meth:`admit` and :meth:`confirm` in one, for a framework that matches an HTTP request before the gate.

        :param entry: of the route that was matched; ``None``: none was.
        :param params: its parameters as the framework converted them.
        """
        guard = self.guard
        plans = self.plans
        plan = plans.kept.get(("matched", method, path))
        if plan is not None and (plan.entry is not entry or ((params or plan.params) and not plan.for_the_same(params))):
            plan = None
        try:
            if plan is None:
                canonical(path)
            verifier = guard.verifier
            principal = verifier.cached(values[0]) if verifier is not None and len(values) == 1 else None
            if principal is None:
                principal = guard.recognise(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if principal is None:
            return None
        if entry is None:
            raise self.denied(NO_ROUTE, principal)
        facts = guard.directory
        standing = None if plan is None else facts.standing()
        if plan is not None and standing is not None:
            known, settled = principal.settled
            if known is standing:
                held: Pass | None = settled.get(plan.number)
                if held is not None:
                    return held
        made = self._matched_plan(entry, params, method, path, principal) if plan is None else plan
        for requirement, filling in made.demands:
            answer = decide(requirement, principal, filling, facts)
            if type(answer) is not Decision:
                return None
            if not answer.permitted:
                raise self.denied(answer, principal)
        held = Pass(self, principal, made)
        if plan is None:
            plans.keep_matched(made)
        elif standing is not None:
            remember(principal, standing, made.numbered(), held)
        return held

    def _matched_plan(self, entry: Entry, params: Mapping[str, Any], method: str, path: str, principal: Principal) -> Plan:
        # A copy: the framework's own may be changed by whoever comes next.
        own = dict(params)
        return Plan(entry, own, self._demanded_matched(entry, own, method, path, principal), method, path)

    def admit_matched_steps(
        self, entry: Entry | None, params: Mapping[str, Any], method: str, path: str, values: Sequence[HeaderValue]
    ) -> Steps[Pass]:
        """:meth:`admit_matched`, fetching what is missing."""
        try:
            canonical(path)
            principal = self.guard.recognise(values)
            if principal is None:
                principal = yield from self.guard.authenticate_steps(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if entry is None:
            raise self.denied(NO_ROUTE, principal)
        plan = self._matched_plan(entry, params, method, path, principal)
        yield from self._decide(principal, plan.demands)
        return Pass(self, principal, plan)

    def _demanded_matched(self, entry: Entry, params: Mapping[str, Any], method: str, path: str, principal: Principal) -> list[Check]:
        """What holds on a path, and on the path as the framework understood it: `/items/08` that serves item 8 is `/items/8`."""
        demands = [*self._demanded(entry, params, "http", method, path, principal)]
        if entry.rebuild is not None and self.plans.policed:
            understood = entry.rebuild(path, params)
            if understood is None:
                raise self.denied(_AMBIGUOUS, principal)
            if understood != path:
                demands += self._demanded(entry, params, "http", method, understood, principal)
        return demands

    # -- at dispatch -----------------------------------------------------------------------------------

    def confirm(self, held: Pass, entries: Sequence[Entry], params: Mapping[str, Any]) -> bool:
        """Decide on the route that was matched. True: permitted; False: something has to be fetched first.

        :param held: what the outer gate let through.
        :param entries: the entries of the matched route (several when it is mounted more than once: all hold);
            none: the route is missing from the table, and is refused.
        :param params: the parameters as the framework converted them.
        """
        if len(entries) == 1 and entries[0] is held.plan.entry and _same(held.plan.params, params):
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

    def _undecided(self, held: Pass, entries: Sequence[Entry], params: Mapping[str, Any]) -> Demands:
        """What the gate has not decided yet of the matched route: another entry, or other parameters."""
        if not entries:
            raise self.denied(UNDECLARED, held.principal)
        demands: list[Check] = []
        for entry in entries:
            if entry is held.plan.entry and _same(held.plan.params, params):
                continue
            # `/items/08` that serves item 8 is `/items/8` to the policy as well.
            path = held.path if entry.rebuild is None or not self.plans.policed else entry.rebuild(held.path, params)
            if path is None:
                raise self.denied(_AMBIGUOUS, held.principal)
            demands += self._demanded(entry, params, "http" if held.method else "websocket", held.method, path, held.principal)
        return demands

    def _decide(self, principal: Principal, demands: Demands) -> Steps[None]:
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
