"""The gate: what every door does with a request, so that no door has a rule of its own.

``admit`` is the outer gate, in front of an application: path, credential, entry, decision. ``confirm`` is the
check at dispatch, on the route that a framework matched and on its converted parameters. Both answer at once
when everything is at hand, and ``None`` otherwise; the doors then run the ``…_steps`` twin with their driver.
A refusal is raised as a :class:`Refused` that holds the response, ready to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from cartaguard.drivers.effects import Steps
from cartaguard.errors import CartaGuardError, InvalidPath, InvalidRequest, InvalidToken, NotAuthorized, Unavailable
from cartaguard.guard.decide import decide
from cartaguard.guard.flow import Check, decisions
from cartaguard.guard.guard import Guard
from cartaguard.http.refusal import Refusal
from cartaguard.http.routes import Candidate, Entry, RouteTable, policy_entries
from cartaguard.model.decision import Decision
from cartaguard.model.pattern import canonical
from cartaguard.model.principal import Principal

__all__ = ["ANSWERED", "Gate", "Pass", "Refused"]

#: The faults of an application that a door answers, with :meth:`Gate.answer`; others are the application's own.
ANSWERED = (InvalidRequest, InvalidToken, NotAuthorized, Unavailable)

#: A decision that no requirement stands behind: nobody declared the route.
_UNDECLARED = Decision(reason="no_requirement")
_NO_ROUTE = Decision(reason="no_route", concealed=True)
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
    ``params`` the texts of its parameters, ``method`` and ``path`` what was decided (a WebSocket has no method).
    ``confirmed`` are the entries that held at dispatch. ``allow`` is set
    where the framework will answer 405, ``other_slash`` where it redirects to that path: no route may run then.
    """

    __slots__ = ("allow", "confirmed", "entry", "gate", "method", "other_slash", "params", "path", "principal")

    def __init__(
        self, gate: Gate, principal: Principal, entry: Entry | None, params: Mapping[str, Any], path: str, method: str = ""
    ) -> None:
        self.gate = gate
        self.principal = principal
        self.entry = entry
        self.params = params
        self.path = path
        self.method = method
        self.confirmed: Sequence[Entry] = ()
        self.allow: frozenset[str] | None = None
        self.other_slash: str | None = None

    def __repr__(self) -> str:
        return f"<Pass {self.principal!r} {self.path!r}>"


Demands: TypeAlias = Sequence[Check]


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
        self.slashes = slashes
        policy = policy_entries(guard.policy)
        if routes is None:
            self.table = RouteTable(policy)
            self._policy: RouteTable | None = None
            self.own_routes = False
        else:
            self.table = RouteTable(routes)
            self._policy = RouteTable(policy) if policy else None
            self.own_routes = True
        for entry in self.table.entries:
            if entry.requirement is not None:
                guard.accept(entry.requirement)

    # -- the outer gate --------------------------------------------------------------------------------

    def admit(self, protocol: str, method: str, path: str, values: Sequence[bytes]) -> Pass | None:
        """Let a request through, or raise :class:`Refused`; ``None``: something has to be fetched first.

        :param protocol: ``http`` or ``websocket``.
        :param path: decoded, below the application's root.
        :param values: the raw values of every ``Authorization`` header.
        """
        try:
            candidates = self.table.candidates(path)
            principal = self.guard.recognise(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if principal is None:
            return None
        held, demands = self._demands(candidates, protocol, method, path, principal)
        facts = self.guard.directory
        for requirement, filling in demands:
            answer = decide(requirement, principal, filling, facts)
            if type(answer) is not Decision:
                return None
            if not answer.permitted:
                raise self.denied(answer, principal)
        if held.params:
            self.table.remember(path, candidates)
        return held

    def admit_steps(self, protocol: str, method: str, path: str, values: Sequence[bytes]) -> Steps[Pass]:
        """:meth:`admit`, fetching what is missing."""
        guard = self.guard
        try:
            candidates = self.table.candidates(path)
            principal = guard.recognise(values)
            if principal is None:
                principal = yield from guard.authenticate_steps(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        held, demands = self._demands(candidates, protocol, method, path, principal)
        yield from self._decide(principal, demands)
        return held

    def _demands(
        self, candidates: tuple[Candidate, ...], protocol: str, method: str, path: str, principal: Principal
    ) -> tuple[Pass, Demands]:
        """The entry that a request falls under, as a pass to be had, and everything that is demanded for it."""
        chosen, fits = self._choose(candidates, protocol, method)
        other_slash: str | None = None
        if chosen is None and self.slashes and protocol == "http" and path not in ("", "/"):
            other_slash = path[:-1] if path.endswith("/") else path + "/"
            candidates = self.table.candidates(other_slash)
            chosen, fits = self._choose(candidates, protocol, method)
        if chosen is None:
            # No entry fits the path at all: the anonymous learn nothing, others what the framework would say.
            undeclared = any(protocol in entry.protocols for entry, _ in candidates)
            raise self.denied(_UNDECLARED if undeclared else _NO_ROUTE, principal)
        entry, params = chosen
        demands = self._demanded(entry, params, protocol, method, other_slash or path, principal)
        held = Pass(self, principal, entry, params, path, method)
        if other_slash is not None:
            held.other_slash = other_slash
        elif not fits:
            held.allow = frozenset().union(*(other.methods or () for other, _ in candidates if protocol in other.protocols))
        return held, demands

    def _demanded(
        self, entry: Entry, params: Mapping[str, Any], protocol: str, method: str, path: str, principal: Principal
    ) -> Demands:
        """What the entry and, on this path, the policy demand together."""
        if entry.methods is None and protocol == "http" and not method.isupper():
            # Methods are compared exactly (RFC 9110 section 9.1), but frameworks take `post` for POST.
            raise self.refused(InvalidRequest(f"the method `{method}` is not in capitals", code="bad_method"))
        if self._policy is None and entry.requirement is not None:
            return ((entry.requirement, params),)
        demands: list[Check] = [] if entry.requirement is None else [(entry.requirement, params)]
        if self._policy is not None:
            for line, filling in self._policy.candidates(path):
                if protocol in line.protocols and line.requirement is not None and (protocol == "websocket" or line.takes(method)):
                    demands.append((line.requirement, filling))
                    break
        if not demands:
            raise self.denied(_UNDECLARED, principal)
        return demands

    def preflight(self, path: str) -> Pass:
        """Let a CORS preflight through undecided, for an application that asked for it; no route runs on it."""
        try:
            canonical(path)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        return Pass(self, Principal.anonymous, None, {}, path, "OPTIONS")

    def _choose(self, candidates: tuple[Candidate, ...], protocol: str, method: str) -> tuple[Candidate | None, bool]:
        """The candidate that decides, and whether it takes the method too."""
        fallback: Candidate | None = None
        for candidate in candidates:
            entry = candidate[0]
            if protocol in entry.protocols:
                if protocol == "websocket" or entry.takes(method):
                    return candidate, True
                if fallback is None and self.own_routes:
                    # The framework is going to answer 405, to those only who may know that the route is there.
                    fallback = candidate
        return fallback, False

    # -- where the framework has matched already -------------------------------------------------------

    def admit_matched(self, entry: Entry | None, params: Mapping[str, Any], method: str, path: str, values: Sequence[bytes]) -> Pass | None:
        """:meth:`admit` and :meth:`confirm` in one, for a framework that matches an HTTP request before the gate.

        :param entry: of the route that was matched; ``None``: none was.
        :param params: its parameters as the framework converted them.
        """
        try:
            canonical(path)
            principal = self.guard.recognise(values)
        except CartaGuardError as fault:
            raise self.refused(fault) from None
        if principal is None:
            return None
        if entry is None:
            raise self.denied(_NO_ROUTE, principal)
        facts = self.guard.directory
        for requirement, filling in self._demanded(entry, params, "http", method, path, principal):
            answer = decide(requirement, principal, filling, facts)
            if type(answer) is not Decision:
                return None
            if not answer.permitted:
                raise self.denied(answer, principal)
        return Pass(self, principal, entry, params, path, method)

    def admit_matched_steps(
        self, entry: Entry | None, params: Mapping[str, Any], method: str, path: str, values: Sequence[bytes]
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
            raise self.denied(_NO_ROUTE, principal)
        yield from self._decide(principal, self._demanded(entry, params, "http", method, path, principal))
        return Pass(self, principal, entry, params, path, method)

    # -- at dispatch -----------------------------------------------------------------------------------

    def confirm(self, held: Pass, entries: Sequence[Entry], params: Mapping[str, Any]) -> bool:
        """Decide on the route that was matched. True: permitted; False: something has to be fetched first.

        :param held: what the outer gate let through.
        :param entries: the entries of the matched route (several when it is mounted more than once: all hold);
            none: the route is missing from the table, and is refused.
        :param params: the parameters as the framework converted them.
        """
        if len(entries) == 1 and entries[0] is held.entry and _same(held.params, params):
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
            raise self.denied(_UNDECLARED, held.principal)
        demands: list[Check] = []
        for entry in entries:
            if entry is held.entry and _same(held.params, params):
                continue
            # `/items/08` that serves item 8 is `/items/8` to the policy as well.
            path = held.path if entry.rebuild is None or self._policy is None else entry.rebuild(held.path, params)
            if path is None:
                raise self.denied(_AMBIGUOUS, held.principal)
            try:
                demands += self._demanded(entry, params, "http" if held.method else "websocket", held.method, path, held.principal)
            except InvalidPath as fault:
                raise self.refused(fault) from None
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
    if len(texts) != len(params):
        return False
    if not texts:
        return True
    for name, text in texts.items():
        value = params.get(name)
        if value is not text and str(value) != text:
            return False
    return True
