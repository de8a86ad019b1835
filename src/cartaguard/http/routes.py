"""The route table: which entries may fit a path, found at the same cost with 5 and with 500 routes.

Exact paths are answered by one dictionary, patterns are found by walking the path's segments through a tree.
Order is the declared order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from cartaguard.errors import InvalidPath
from cartaguard.model.pattern import canonical
from cartaguard.model.policy import PROTOCOLS, Policy
from cartaguard.model.requirement import Requirement

__all__ = ["NO_PARAMS", "Candidate", "Entry", "RouteTable", "policy_entries"]

#: The parameters of a path that has none: one object, which is quickly told.
NO_PARAMS: Mapping[str, Any] = MappingProxyType({})

Matcher: TypeAlias = Callable[[list[str], str], "Mapping[str, Any] | None"]


class Entry:
    """One line of the table.

    :param path: the pattern as people wrote it, for messages.
    :param segments: a literal as it is, ``None`` for what a parameter may fill.
    :param tail: whether anything may follow below the segments.
    :param requirement: what holds; ``None``: nothing was declared, so nobody may.
    :param methods: in capitals, ``None`` for all; HEAD goes with GET.
    :param matcher: gives the parameters for (segments, path), or ``None`` when the entry does not fit after all. The
        table asks it only where the segments fit: the literals, and how many there are.
    :param rebuild: gives the path with converted parameters in it (``/items/8`` for ``/items/08``), or ``None`` when
        there is no one such path; left out where parameters are never converted.
    :param key: the framework's own route, to find the entry again at dispatch.
    :param marks: the single requirements that were put on the route, of which ``requirement`` is the whole.
    :param names: of the parameters, in their order, where each is the text of one whole segment, whichever it is; ``None``
        where that cannot be told.
    """

    __slots__ = (
        "fixed",
        "holder",
        "key",
        "marks",
        "matcher",
        "methods",
        "names",
        "path",
        "protocols",
        "rebuild",
        "requirement",
        "segments",
        "tail",
        "taken",
    )

    def __init__(
        self,
        path: str,
        segments: tuple[str | None, ...],
        *,
        tail: bool = False,
        requirement: Requirement | None,
        methods: frozenset[str] | None = None,
        protocols: frozenset[str] = PROTOCOLS,
        matcher: Matcher,
        rebuild: Callable[[str, Mapping[str, Any]], str | None] | None = None,
        key: Any = None,
        marks: tuple[Requirement, ...] = (),
        names: tuple[str, ...] | None = None,
    ) -> None:
        self.path = path
        self.segments = segments
        self.tail = tail
        self.requirement = requirement
        #: Whether what it requires names no parameter, and so is the same on every path.
        self.fixed = requirement is not None and not requirement.parameters()
        self.methods = methods
        self.protocols = protocols
        self.matcher = matcher
        self.rebuild = rebuild
        self.key = key
        self.marks = marks
        self.names = names
        #: The framework's object that serves this entry and no other, with the parameters of the path; ``None``: not known.
        self.holder: Any = None
        #: The methods that it takes, HEAD with GET; ``None``: every one.
        self.taken = methods if methods is None or "GET" not in methods else methods | {"HEAD"}

    def takes(self, protocol: str, method: str) -> bool:
        """Whether a request of this protocol and method is one for this entry; a WebSocket has no method."""
        taken = self.taken
        return protocol in self.protocols and (taken is None or method in taken or protocol == "websocket")

    def __repr__(self) -> str:
        return f"<Entry {','.join(sorted(self.methods or ('*',)))} {self.path}>"


def policy_entries(policy: Policy) -> list[Entry]:
    """The entries of a policy, in its order."""
    return [
        Entry(
            line.pattern.text,
            line.pattern.segments,
            tail=line.pattern.tail,
            requirement=line.requirement,
            methods=line.methods,
            protocols=line.protocols,
            # The table has compared the literals by then.
            matcher=line.pattern.fill,
            key=line,
            names=line.pattern.names,
        )
        for line in policy.entries
    ]


Candidate: TypeAlias = "tuple[Entry, Mapping[str, Any]]"


class _Node:
    __slots__ = ("any", "ends", "forks", "literal", "tails")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.ends: list[tuple[int, Entry]] = []
        self.tails: list[tuple[int, Entry]] = []
        #: Whether there is more than one way from here on.
        self.forks = False


class RouteTable:
    """All entries, compiled once at start-up."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: tuple[Entry, ...] = tuple(entries)
        self._root = _Node()
        #: The candidates of every exact path.
        self._known: dict[str, tuple[Candidate, ...]] = {}
        for order, entry in enumerate(self.entries):
            self._plant(order, entry)
        for entry in self.entries:
            exact = _exact(entry)
            if exact is not None:
                self._known[exact] = self._find(exact)

    def _plant(self, order: int, entry: Entry) -> None:
        node = self._root
        walked = [node]
        for segment in entry.segments:
            if segment is None:
                if node.any is None:
                    node.any = _Node()
                node = node.any
            else:
                node = node.literal.setdefault(segment, _Node())
            walked.append(node)
        (node.tails if entry.tail else node.ends).append((order, entry))
        for node in walked:
            node.forks = bool(node.tails) or (node.any is not None and bool(node.literal))

    def candidates(self, path: str) -> tuple[Candidate, ...]:
        """The entries that fit a path, with their parameters, in the declared order.

        Raises :class:`~cartaguard.errors.InvalidPath` for a path that could be read in two ways.
        """
        known = self._known.get(path)
        return self._find(canonical(path)) if known is None else known

    def fitting(self, path: str) -> tuple[Candidate, ...]:
        """:meth:`candidates` of a path that is known to be read in one way only."""
        known = self._known.get(path)
        return self._find(path) if known is None else known

    def at_the_end_of(self, head: str) -> list[Entry]:
        """The entries that fit a path whatever its last segment is, in the declared order; none where some would fit one
        last segment and not another.

        :param head: the path up to the slash before its last segment.
        """
        node: _Node | None = self._root
        for segment in head[1:-1].split("/") if len(head) > 1 else ():
            if node is None or node.forks:
                return []
            node = node.literal.get(segment) or node.any
        last = None if node is None or node.forks or node.literal else node.any
        return [] if last is None or last.tails else [entry for _, entry in last.ends]

    def _find(self, path: str) -> tuple[Candidate, ...]:
        segments = path[1:].split("/")
        node: _Node | None = self._root
        for segment in segments:
            if node is None:
                return ()
            if node.forks:
                found = _collect(self._root, segments)
                break
            node = node.literal.get(segment) or node.any
        else:
            if node is None:
                return ()
            found = [*node.tails, *node.ends] if node.tails else node.ends
        if len(found) == 1:
            # Nearly always, and so without a list.
            entry = found[0][1]
            params = entry.matcher(segments, path)
            return () if params is None else ((entry, params or NO_PARAMS),)
        fits: list[Candidate] = []
        for _, entry in sorted(found, key=_order):
            params = entry.matcher(segments, path)
            if params is not None:
                fits.append((entry, params or NO_PARAMS))
        return tuple(fits)


def _collect(root: _Node, segments: list[str]) -> list[tuple[int, Entry]]:
    """Every entry that segments may lead to, a literal and a parameter side by side."""
    found: list[tuple[int, Entry]] = []
    nodes = [root]
    for segment in segments:
        below: list[_Node] = []
        for node in nodes:
            found += node.tails
            child = node.literal.get(segment)
            if child is not None:
                below.append(child)
            if node.any is not None:
                below.append(node.any)
        nodes = below
        if not nodes:
            break
    for node in nodes:
        found += node.tails
        found += node.ends
    return found


def _order(found: tuple[int, Entry]) -> int:
    return found[0]


def _exact(entry: Entry) -> str | None:
    """The one path that an entry fits, if it is one, and can be read in one way only: every other is refused first."""
    if entry.tail or None in entry.segments:
        return None
    path = "/" + "/".join(segment or "" for segment in entry.segments)
    try:
        return canonical(path)
    except InvalidPath:
        return None
