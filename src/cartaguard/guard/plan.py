"""The plan for a request: the entry that it falls under, and everything that is demanded for it.

It depends on nothing but protocol, method and path, never on who asks; so it is made once for each, and kept
for those on which somebody was permitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from cartaguard.errors import InvalidRequest
from cartaguard.guard.flow import Check
from cartaguard.http.routes import NO_PARAMS, Candidate, Entry, RouteTable, policy_entries
from cartaguard.model.decision import Decision
from cartaguard.model.numbers import new_number
from cartaguard.model.policy import Policy

__all__ = ["NO_ROUTE", "UNDECLARED", "Demands", "Plan", "Plans"]

Demands: TypeAlias = Sequence[Check]

#: A decision that no requirement stands behind: nobody declared the route.
UNDECLARED = Decision(reason="no_requirement")
NO_ROUTE = Decision(reason="no_route", concealed=True)

#: The methods of RFC 9110 and RFC 5789, and none for a WebSocket. Plans for others are made anew each time.
_KEPT = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ""})

#: The longest path, in characters, that is kept.
_LONGEST = 512

#: The types of parameters that are what they are for good.
_FIXED = frozenset({str, int, float, bool, UUID})


class Plan:
    """What is demanded on a path. ``verdict`` is set where nobody may: no entry fits, or none says who may.

    ``method`` and ``path`` are what was asked for. ``allow`` is set where the framework will answer 405,
    ``other_slash`` where it redirects to that path; ``served`` says that it will do neither. ``number`` is the plan's
    own among all plans and requirements once something is remembered by it, and 0 before.
    """

    __slots__ = ("allow", "demands", "entry", "kept", "method", "number", "other_slash", "params", "path", "served", "verdict")

    def __init__(
        self,
        entry: Entry | None,
        params: Mapping[str, Any] = NO_PARAMS,
        demands: Demands = (),
        method: str = "",
        path: str = "",
        verdict: Decision | None = None,
        other_slash: str | None = None,
        allow: frozenset[str] | None = None,
    ) -> None:
        self.entry = entry
        self.params = params
        self.demands = demands
        self.method = method
        self.path = path
        self.verdict = verdict
        self.other_slash = other_slash
        self.allow = allow
        self.served = other_slash is None and allow is None
        self.kept = False
        self.number = 0

    def for_the_same(self, params: Mapping[str, Any]) -> bool:
        """Whether these are the very parameters that it was made for."""
        # `1 == True`, and one of them fills no template.
        return self.params == params and [*map(type, params.values())] == [*map(type, self.params.values())]

    def numbered(self) -> int:
        """Its number, from now on. Of two that threads give at once one is lost, and with it what was remembered by it."""
        self.number = self.number or new_number()
        return self.number


class Plans:
    """The plans of one gate.

    :param routes: the entries of a framework's own routes; ``None``: the policy is all there is.
    :param policy: what it demands of a path holds together with what a route demands.
    :param slashes: the framework redirects to the path with a slash more or less; it is decided on that one.
    :param kept: how many plans are kept.
    """

    def __init__(self, routes: Iterable[Entry] | None, policy: Policy, *, slashes: bool = False, kept: int = 10_000) -> None:
        lines = policy_entries(policy)
        self._own_routes = routes is not None
        self._slashes = slashes
        self.table = RouteTable(lines if routes is None else routes)
        self._policy = RouteTable(lines) if routes is not None and lines else None
        #: What is kept, by protocol, method and path. It may be another dict at any time.
        self.kept: dict[tuple[str, str, str], Plan] = {}
        self._most = kept

    @property
    def policed(self) -> bool:
        """Whether there is a policy beside the routes."""
        return self._policy is not None

    def find(self, protocol: str, method: str, path: str) -> Plan:
        """The plan for a request.

        :param protocol: ``http`` or ``websocket``, which has the empty method.
        :raises cartaguard.errors.InvalidRequest: the path, or the method, can be read in two ways.
        """
        known = self.kept.get((protocol, method, path))
        return self.make(protocol, method, path) if known is None else known

    def keep(self, protocol: str, method: str, path: str, plan: Plan) -> None:
        """Keep a plan under which somebody was permitted (so that floods of refused requests leave no trace)."""
        if method not in _KEPT or len(path) > _LONGEST or not self._most:
            return
        plan.kept = True
        if len(self.kept) >= self._most:
            # Start over rather than keep an order: the busy ones are back at once.
            self.kept = {(protocol, method, path): plan}
        else:
            self.kept[protocol, method, path] = plan

    def keep_matched(self, plan: Plan) -> None:
        """:meth:`keep`, for a route that a framework matched; what its parameters are may not change any more.

        It is found among ``kept`` as that of no protocol, and is for that entry and these parameters only.
        """
        if all(type(value) in _FIXED for value in plan.params.values()):
            self.keep("matched", plan.method, plan.path, plan)

    def make(self, protocol: str, method: str, path: str) -> Plan:
        """:meth:`find`, for a plan that is not kept."""
        candidates = self.table.candidates(path)
        chosen, fits = self._choose(candidates, protocol, method)
        other_slash: str | None = None
        if chosen is None and self._slashes and protocol == "http" and path not in ("", "/"):
            other_slash = path[:-1] if path.endswith("/") else path + "/"
            candidates = self.table.candidates(other_slash)
            chosen, fits = self._choose(candidates, protocol, method)
        if chosen is None:
            # No entry fits the path at all: the anonymous learn nothing, others what the framework would say.
            undeclared = any(protocol in entry.protocols for entry, _ in candidates)
            return Plan(None, NO_PARAMS, (), method, path, UNDECLARED if undeclared else NO_ROUTE)
        entry, params = chosen
        lines = () if self._policy is None else self._policy.fitting(other_slash or path)
        demands = self._together(entry, params, protocol, method, lines)
        allow: frozenset[str] | None = None
        if not fits and other_slash is None:
            allow = frozenset().union(*(other.methods or () for other, _ in candidates if protocol in other.protocols))
        # By place: names cost as much as all the rest.
        return Plan(entry, params, demands, method, path, None if demands else UNDECLARED, other_slash, allow)

    def _choose(self, candidates: tuple[Candidate, ...], protocol: str, method: str) -> tuple[Candidate | None, bool]:
        """The candidate that decides, and whether it takes the method too."""
        fallback: Candidate | None = None
        for candidate in candidates:
            entry = candidate[0]
            if protocol in entry.protocols:
                if protocol == "websocket" or entry.takes(method):
                    return candidate, True
                if fallback is None and self._own_routes:
                    # The framework is going to answer 405, to those only who may know that the route is there.
                    fallback = candidate
        return fallback, False

    def demanded(self, entry: Entry, params: Mapping[str, Any], protocol: str, method: str, path: str) -> Demands:
        """What an entry and, on this path, the policy demand together; nothing: nobody has declared it.

        :raises cartaguard.errors.InvalidRequest: the method, or the path, can be read in two ways.
        """
        return self._together(entry, params, protocol, method, () if self._policy is None else self._policy.candidates(path))

    def _together(self, entry: Entry, params: Mapping[str, Any], protocol: str, method: str, lines: tuple[Candidate, ...]) -> Demands:
        if entry.methods is None and protocol == "http" and not method.isupper():
            # Methods are compared exactly (RFC 9110 section 9.1), but frameworks take `post` for POST.
            raise InvalidRequest(f"the method `{method}` is not in capitals", code="bad_method")
        demands: list[Check] = [] if entry.requirement is None else [(entry.requirement, params)]
        for line, filling in lines:
            if protocol in line.protocols and line.requirement is not None and (protocol == "websocket" or line.takes(method)):
                demands.append((line.requirement, filling))
                break
        return demands
