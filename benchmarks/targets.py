"""The targets that the design sets, and whether what was measured meets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.results import OURS, Results, added, entries, number

__all__ = ["TARGETS", "Line", "Target", "lines"]

Read = Callable[[Results], float | None]


class Target(NamedTuple):
    """A line of the table.

    :param floor: what a spike measured as the least possible, as the design says.
    :param limit: the most that is allowed, or with ``at_least`` the least, in ``unit``.
    :param peer: the best of the others, where others do the same.
    """

    what: str
    floor: str
    limit: float
    unit: str
    measured: Read
    peer: Callable[[Results], str] = lambda results: "-"
    at_least: bool = False


class Line(NamedTuple):
    what: str
    floor: str
    target: str
    measured: str
    verdict: str
    peer: str


def _cell(row: str, cell: str, who: str = OURS) -> Read:
    return lambda results: added(results, row, who, cell)


def _more(row: str, cell: str, than: str) -> Read:
    """How much more one cell adds than another."""

    def read(results: Results) -> float | None:
        one, other = added(results, row, OURS, cell), added(results, row, OURS, than)
        return None if one is None or other is None else one - other

    return read


def _best(row: str, cell: str) -> Callable[[Results], str]:
    """The fastest of the others in a row."""

    def peer(results: Results) -> str:
        others = [
            (found["added"]["median"], found["who"])
            for found in entries(results, row)
            if "failed" not in found
            and found["cell"].endswith(cell)
            and not found["who"].startswith((OURS, "a dependency", "the signature"))
        ]
        if not others:
            return "-"
        best, who = min(others)
        return f"{who} {number(best)}"

    return peer


def _value(row: str, who: str, field: str, *, grants: int = 0) -> Read:
    """A number of the rows that are not pairs.

    :param grants: with about so many, for sets of facts are made by chance.
    """

    def read(results: Results) -> float | None:
        for found in entries(results, row):
            if found["who"] == who and "failed" not in found and found.get("grants", grants) >= 0.99 * grants:
                value = found[field]
                return float(value["median"] if isinstance(value, dict) else value)
        return None

    return read


def _peer_value(row: str, field: str, unit: str) -> Callable[[Results], str]:
    """The best of the others, each with as many grants as it was tried with."""

    def peer(results: Results) -> str:
        most: dict[str, tuple[float, int]] = {}
        for one in entries(results, row):
            value = one.get(field)
            if value is not None and not one["who"].startswith(OURS) and one.get("grants", 0) >= most.get(one["who"], (0, 0))[1]:
                most[one["who"]] = (value["median"] if isinstance(value, dict) else value, one.get("grants", 0))
        if not most:
            return "-"
        who, (best, grants) = min(most.items(), key=lambda item: item[1][0])
        return f"{who} {number(best)} {unit}" + (f" ({grants:,} grants)" if grants else "")

    return peer


def _throughput_of_remote(results: Results) -> float | None:
    """How many guarded requests are answered in the time of one that asks three times."""
    ours = [found["guarded"] for found in entries(results, "remote") if found["who"] == f"{OURS}, raw ASGI" and "failed" not in found]
    theirs = [
        found["guarded"]
        for found in entries(results, "remote")
        if found["who"].startswith("three calls") and "failed" not in found and "ASGI" in found["cell"]
    ]
    return float(theirs[0] / ours[0]) if ours and theirs else None


def _three_calls(results: Results) -> str:
    found = [one for one in entries(results, "remote") if one["who"].startswith("three calls") and "failed" not in one]
    return "-" if not found else f"three calls {number(min(one['added']['median'] for one in found) / 1000)} ms"


_NEW = "pattern path not seen before"


def _doors() -> list[Target]:
    found: list[Target] = []
    for row, name, floor, limit in (
        ("starlette", "Starlette", "1.1", 2.5),
        ("fastapi", "FastAPI, from outside", "2.2", 5),
        ("flask", "Flask", "1.6", 5),
        ("wsgi", "raw WSGI", "0.7", 1.5),
    ):
        for count in (5, 500):
            exact = f"{count} routes, exact path"
            found.append(Target(f"added per request: {name}, {count} routes", floor, limit, "µs", _cell(row, exact), _best(row, exact)))
        found.append(
            Target(f"more on a pattern path not seen before: {name}", "-", 3, "µs", _more(row, f"5 routes, {_NEW}", "5 routes, exact path"))
        )
    return found


#: The number of grants at which look-ups are judged.
MANY = 10_000_000

TARGETS: list[Target] = [
    Target("verified-token hit, new header object each time", "0.4", 0.6, "µs", _cell("token", "verified before")),
    Target(
        "cold RS256 verify, all rules",
        "24 (the signature), 39 strict",
        42,
        "µs",
        _cell("token", "cold RS256"),
        _best("token", "cold RS256"),
    ),
    Target("decision: a group", "0.05", 0.3, "µs", _cell("decision", "a group"), _best("decision", "")),
    Target(
        "decision: a permission, resource fixed",
        "0.05",
        0.3,
        "µs",
        _cell("decision", "a permission, resource fixed"),
        _best("decision", ""),
    ),
    Target(
        "decision: a permission, resource from the path",
        "0.05",
        0.3,
        "µs",
        _cell("decision", "a permission, resource from the path"),
        _best("decision", ""),
    ),
    *_doors(),
    Target(
        "added per request as a FastAPI dependency",
        "33 (an empty one 15)",
        40,
        "µs",
        _cell("fastapi", "5 routes, exact path", "cartaguard, as a dependency"),
        _best("fastapi", "5 routes, exact path"),
    ),
    Target(
        "throughput beside three remote calls a request, 1 ms away",
        "7.2 ms a request",
        100,
        "x",
        _throughput_of_remote,
        _three_calls,
        at_least=True,
    ),
    Target(
        "grants in memory, dict of dicts, at 10 million",
        "49",
        55,
        "bytes",
        _value("growth", "cartaguard, dict store", "bytes", grants=MANY),
        _peer_value("growth", "bytes", "bytes"),
    ),
    Target(
        "grants in memory, compact table, at 10 million",
        "27",
        32,
        "bytes",
        _value("growth", "cartaguard, compact table", "bytes", grants=MANY),
    ),
    Target(
        "look-up among 10 million grants, dict of dicts",
        "-",
        2,
        "µs",
        _value("growth", "cartaguard, dict store", "lookup", grants=MANY),
        _peer_value("growth", "lookup", "µs"),
    ),
    Target(
        "look-up among 10 million grants, compact table", "-", 2, "µs", _value("growth", "cartaguard, compact table", "lookup", grants=MANY)
    ),
    Target(
        "start with 1 million grants from a snapshot",
        "0.1",
        5,
        "ms",
        _value("start", "cartaguard, snapshot", "ms"),
        _peer_value("start", "ms", "ms"),
    ),
    Target("import of `cartaguard`", "10", 20, "ms", _value("imports", "cartaguard", "ms"), _peer_value("imports", "ms", "ms")),
    Target("import inside a FastAPI process, extra", "-", 5, "ms", _value("imports", "cartaguard inside FastAPI", "ms")),
]


def lines(results: Results) -> list[Line]:
    """The table of targets, each marked met or not by what was measured."""
    found: list[Line] = []
    for target in TARGETS:
        value = target.measured(results)
        if value is None:
            measured, verdict = "-", "not measured"
        else:
            # One digit more than elsewhere, so that it shows on which side of the target it is.
            measured = f"{float(f'{value:.3g}'):,.10g} {target.unit}"
            met = value >= target.limit if target.at_least else value <= target.limit
            verdict = "met" if met else "**not met**"
        sign = "≥" if target.at_least else "≤"
        found.append(
            Line(target.what, target.floor, f"{sign} {number(target.limit)} {target.unit}", measured, verdict, target.peer(results))
        )
    return found
