"""The plan for a request: the entry that it falls under, and everything that is demanded for it.

It depends on nothing but protocol, method and path, never on who asks; so it is made once for each, and kept
for those on which somebody was permitted. Paths that differ in their last segment only have one plan together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from cartaguard.errors import InvalidRequest
from cartaguard.guard.flow import Check
from cartaguard.http.routes import NO_PARAMS, Candidate, Entry, RouteTable, policy_entries
from cartaguard.model.decision import Decision
from cartaguard.model.pattern import apart, canonical, covers
from cartaguard.model.policy import Policy
from cartaguard.model.requirement import Requirement

__all__ = ["AMBIGUOUS", "NO_ROUTE", "UNDECLARED", "Ahead", "Demands", "Found", "Plan", "Plans", "alike", "filled", "plain"]

#: Requirements, each with what fills its templates; ``None``: the path's own parameters.
Demands: TypeAlias = "Sequence[tuple[Requirement, Mapping[str, Any] | None]]"

#: A decision that no requirement stands behind: nobody declared the route.
UNDECLARED = Decision(reason="no_requirement")
NO_ROUTE = Decision(reason="no_route", concealed=True)

#: Parameters that do not say which path, and so which line of the policy, they belong to.
AMBIGUOUS = Decision(reason="ambiguous_resource")

#: The methods of RFC 9110 and RFC 5789, and none for a WebSocket. Plans for others are made anew each time.
_KEPT = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ""})

#: The longest path, in characters, that is kept.
_LONGEST = 512

#: So many paths that were seen once are remembered, nearly.
_SEEN = 1024

#: The types of parameters that are what they are for good.
_FIXED = frozenset({str, int, float, bool, UUID})

#: A plan, and the parameters of the path that it was found for.
Found: TypeAlias = "tuple[Plan, Mapping[str, Any]]"

#: A line of the policy, and what fills its templates; ``None``: what fills the entry's.
Line: TypeAlias = "tuple[Entry, Mapping[str, Any] | None]"

#: A line of the policy, if there is one, and what fills its templates; ``None``: what fills the entry's.
Always: TypeAlias = "tuple[Entry | None, Mapping[str, Any] | None]"


class Ahead(NamedTuple):
    """The answer of a framework in place of a route's: a redirect to ``other_slash``, or 405 with the methods of ``allow``."""

    other_slash: str | None = None
    allow: frozenset[str] | None = None


class Plan:
    """What is demanded on a path, or on many. ``verdict`` is set where nobody may: no entry fits, or none says who may, as by default.

    Of its demands, those that the path's own parameters fill have ``None`` in their place. ``ahead`` is set where the
    framework will not serve the request, but answer itself. ``uniform``: it is the plan of many paths, and demands the same on
    each of them, so that who was permitted once is so on all.
    """

    __slots__ = ("ahead", "alone", "decided", "demands", "entry", "marks", "method", "uniform", "verdict")

    def __init__(
        self,
        entry: Entry | None,
        demands: Demands = (),
        method: str = "",
        verdict: Decision | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self.entry = entry
        #: Its entry, as what holds at dispatch, and the single requirements that were put on that.
        self.alone: tuple[Entry, ...] = ()
        self.marks: tuple[Requirement, ...] = ()
        #: Those of them that hold whatever comes to be dispatched: all or none.
        self.decided: tuple[Requirement, ...] = ()
        if entry is not None:
            self.alone = (entry,)
            self.marks = entry.marks
            if entry.fixed:
                self.decided = entry.marks
        self.demands = demands
        self.method = method
        self.verdict = verdict if verdict is not None or demands else UNDECLARED
        self.ahead = ahead
        self.uniform = False


def filled(demands: Demands, filling: Mapping[str, Any]) -> list[Check]:
    """Demands on a path with these parameters."""
    return [(requirement, filling if own is None else own) for requirement, own in demands]


def alike(own: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether parameters are the very same. (`1 == True`, and one of them fills no template.)"""
    if own != params:
        return False
    for name, value in own.items():  # noqa: SIM110 (a generator costs more than all of it)
        if type(params[name]) is not type(value):
            return False
    return True


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
        self._entries = frozenset(self.table.entries)
        self._policy = RouteTable(lines) if routes is not None and lines else None
        #: What is kept, by protocol, method and path. It may be another dict at any time.
        self.kept: dict[tuple[str, str, str], Found] = {}
        self._most = kept
        #: One byte of the hash of a path that was seen once.
        self._seen = bytearray(_SEEN)
        #: The line of the policy that holds on every path of an entry, by entry, protocol and method.
        self._always: dict[tuple[Entry, str, str], Always] = {}
        #: The plan of every path that differs in its last segment only, and the name of that parameter; by protocol, method and
        #: all of the path up to that segment.
        self._shared: dict[tuple[str, str, str], tuple[Plan, str]] = {}

    @property
    def policed(self) -> bool:
        """Whether there is a policy beside the routes."""
        return self._policy is not None

    def find(self, protocol: str, method: str, path: str) -> Found:
        """The plan for a request, and its parameters.

        :param protocol: ``http`` or ``websocket``, which has the empty method.
        :raises cartaguard.errors.InvalidRequest: the path, or the method, can be read in two ways.
        """
        return self.kept.get((protocol, method, path)) or self.make(protocol, method, path)

    def keep(self, key: tuple[str, str, str], plan: Plan, filling: Mapping[str, Any]) -> bool:
        """Keep what was found, when somebody was permitted (so that floods of refused requests leave no trace).

        It is kept at the second request with this path: of paths that come once only, nothing stays but a byte, and
        they drive out none that come again.

        :return: whether it is kept, so that nothing of it may change.
        """
        _, method, path = key
        seen, hashed = self._seen, hash(path)
        # Never 0, which stands where no path was seen.
        place, mark = hashed & _SEEN - 1, hashed >> 16 & 255 or 1
        if seen[place] != mark:
            seen[place] = mark
            return False
        if method not in _KEPT or len(path) > _LONGEST or not self._most:
            return False
        for value in filling.values():
            if type(value) not in _FIXED:
                # It may be another one by the next request.
                return False
        if len(self.kept) >= self._most:
            # Start over rather than keep an order: the busy ones are back at once.
            self.kept = {key: (plan, filling)}
        else:
            self.kept[key] = plan, filling
        return True

    def make(self, protocol: str, method: str, path: str) -> Found:
        """:meth:`find`, for what is not kept."""
        cut = path.rfind("/") + 1
        shared = self._shared.get((protocol, method, path[:cut]))
        if shared is not None and cut < len(path):
            last = path[cut:]
            if not plain(last):
                canonical(path)
            plan, name = shared
            return plan, {name: last}
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
            return Plan(None, (), method, UNDECLARED if undeclared else NO_ROUTE), NO_PARAMS
        entry, params = chosen
        line = None if self._policy is None else self._line(self._policy, entry, protocol, method, other_slash or path)
        demands = _together(entry, protocol, method, line)
        ahead: Ahead | None = None
        if other_slash is not None:
            ahead = Ahead(other_slash)
        elif not fits:
            ahead = Ahead(None, frozenset().union(*(other.methods or () for other, _ in candidates if protocol in other.protocols)))
        # By place: names cost as much as all the rest.
        plan = Plan(entry, demands, method, None, ahead)
        if ahead is None and demands and self._alone_below(entry, path[:cut]) and self._always_same(entry, protocol, method):
            self._share(plan, protocol, path[:cut])
        return plan, params

    def _alone_below(self, entry: Entry, head: str) -> bool:
        """Whether this entry is the first on every path that differs from one of its own in the last segment only."""
        for other in self.table.at_the_end_of(head):
            if other.names is None:
                # It may take one last segment and not another.
                return False
            if other is entry:
                return True
        return False

    def _always_same(self, entry: Entry, protocol: str, method: str) -> bool:
        """Whether the policy demands the same of every path of an entry of which a plan was made."""
        return self._policy is None or (method in _KEPT and self._always[entry, protocol, method][0] is not _VARIES)

    def _share(self, plan: Plan, protocol: str, head: str) -> None:
        """Let every path that differs in its last segment only have this plan.

        All before it has to be literal, so that there is no more to note than there are routes, whoever asks for what.
        """
        entry, key = plan.entry, (protocol, plan.method, head)
        if entry is None or entry.tail or not self._most or plan.method not in _KEPT or key in self._shared:
            return
        if not entry.segments or entry.segments[-1] is not None or head != "/".join(segment or "" for segment in ("", *entry.segments)):
            return
        plan.uniform = all(own is not None or not requirement.parameters() for requirement, own in plan.demands)
        # Where a framework has matched, it has the parameters too.
        self._shared[key] = plan, entry.names[-1] if entry.names else ""

    def make_matched(self, entry: Entry | None, params: Mapping[str, Any], method: str, path: str) -> Found:
        """The plan for an HTTP request that a framework has matched already.

        :param entry: of the route that was matched; ``None``: none was.
        :param params: its parameters as the framework converted them.
        :raises cartaguard.errors.InvalidRequest: the path, or the method, can be read in two ways.
        """
        cut = path.rfind("/") + 1
        shared = self._shared.get(("matched", method, path[:cut]))
        known = shared[0] if shared is not None and shared[0].entry is entry else None
        if known is None or not plain(path[cut:]):
            canonical(path)
        # A copy: the framework's own may be changed by whoever comes next.
        filling = dict(params) if params else NO_PARAMS
        if known is not None:
            return known, filling
        if entry is None:
            return Plan(None, (), method, NO_ROUTE), NO_PARAMS
        if entry not in self._entries:
            # A route that was added later, or taken over by the inventory of another application.
            return Plan(None), NO_PARAMS
        policy = self._policy
        if policy is None:
            plan = Plan(entry, _together(entry, "http", method, None), method)
            if plan.demands:
                self._share(plan, "matched", path[:cut])
            return plan, filling
        demands = self.demanded(entry, "http", method, path)
        understood = path if entry.rebuild is None or not demands else entry.rebuild(path, params)
        if understood is None:
            return Plan(entry, demands, method, AMBIGUOUS), filling
        if understood != path:
            # `/items/08` that serves item 8 is `/items/8` to the policy as well.
            more = self.demanded(entry, "http", method, understood)
            demands = (*demands, *more) if more else ()
        return Plan(entry, demands, method), filling

    def _choose(self, candidates: tuple[Candidate, ...], protocol: str, method: str) -> tuple[Candidate | None, bool]:
        """The candidate that decides, and whether it takes the method too."""
        fallback: Candidate | None = None
        for candidate in candidates:
            entry = candidate[0]
            if entry.takes(protocol, method):
                return candidate, True
            if fallback is None and self._own_routes and protocol in entry.protocols:
                # The framework is going to answer 405, to those only who may know that the route is there.
                fallback = candidate
        return fallback, False

    def demanded(self, entry: Entry, protocol: str, method: str, path: str) -> Demands:
        """What an entry and, on this path, the policy demand together; nothing: nobody has declared it.

        :raises cartaguard.errors.InvalidRequest: the method, or the path, can be read in two ways.
        """
        line = None if self._policy is None else _first(self._policy.candidates(path), protocol, method)
        return _together(entry, protocol, method, line)

    def _line(self, policy: RouteTable, entry: Entry, protocol: str, method: str, path: str) -> Line | None:
        """The line of the policy for a path that fits an entry: most often the same one on every such path."""
        always = self._always.get((entry, protocol, method))
        if always is None:
            always = _always(policy, entry, protocol, method)
            if method in _KEPT:
                self._always[entry, protocol, method] = always
        line, filling = always
        if line is _VARIES:
            return _first(policy.fitting(path), protocol, method)
        return None if line is None else (line, filling)


def plain(segment: str) -> bool:
    """Whether a segment says by itself that it can be read in one way only; others are looked at with their path."""
    return segment.isalnum() and segment.isascii()


def _first(lines: Iterable[Candidate], protocol: str, method: str) -> Line | None:
    """The line that holds, of those that fit a path."""
    for line in lines:
        if line[0].requirement is not None and line[0].takes(protocol, method):
            return line
    return None


def _together(entry: Entry, protocol: str, method: str, line: Line | None) -> Demands:
    if entry.methods is None and protocol == "http" and not method.isupper():
        # Methods are compared exactly (RFC 9110 section 9.1), but frameworks take `post` for POST.
        raise InvalidRequest(f"the method `{method}` is not in capitals", code="bad_method")
    own: Demands = () if entry.requirement is None else ((entry.requirement, None),)
    return own if line is None or line[0].requirement is None else (*own, (line[0].requirement, line[1]))


#: Stands for a line that depends on the path.
_VARIES = Entry("", (), requirement=None, matcher=lambda segments, path: None)


def _always(policy: RouteTable, entry: Entry, protocol: str, method: str) -> Always:
    """The line of the policy that holds on every path of an entry: its parameters are none, or the entry's own (``None``)."""
    for line in policy.entries:
        if line.requirement is None or not line.takes(protocol, method) or apart(line, entry):
            continue
        if covers(line, entry):
            if not line.names:
                return line, NO_PARAMS
            if line.names == entry.names:
                # As many parameters, so that they are at the same places.
                return line, None
        return _VARIES, None
    return None, None
