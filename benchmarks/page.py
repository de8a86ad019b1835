"""The page of results: ``docs/performance.md`` between its markers, and the plots beside it, made of the results and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import plots
from benchmarks.contenders import PAIRED
from benchmarks.results import OURS, Entry, Results, entries, first_cells, number, spread
from benchmarks.sizes import GROWING
from benchmarks.targets import lines
from benchmarks.workers import ROOT

__all__ = ["BEGIN", "END", "PAGE", "made", "write"]

BEGIN = "<!-- benchmark results: begin (made by `make bench` out of benchmarks/results.json; nothing is filled in by hand) -->"
END = "<!-- benchmark results: end -->"

PAGE = ROOT / "docs" / "performance.md"
_DOORS = ("asgi", "starlette", "fastapi", "wsgi", "flask")
#: The doors as a profile names them.
_NAMES = {
    "asgi": "Raw ASGI",
    "starlette": "Starlette",
    "fastapi": "FastAPI",
    "fastapi routes": "FastAPI, demands on the routes",
    "fastapi alone": "FastAPI, as a dependency",
    "wsgi": "Raw WSGI",
    "flask": "Flask",
}
_EXACT = "5 routes, exact path"


def write(results: Results) -> None:
    """Write the page and its plots."""
    for path, text in made(results, PAGE.read_text(encoding="utf-8")).items():
        path.write_text(text, encoding="utf-8")


def made(results: Results, page: str) -> dict[Path, str]:
    """What belongs into which file: the page, whose text outside of the markers stays, and the plots."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/performance.md has no marker `{BEGIN if not begin else END}`")
    drawn = dict(_plots(results))
    text = "\n\n".join(_sections(results, set(drawn)))
    return {
        PAGE: f"{before}{BEGIN}\n\n{text}\n\n{END}{after}",
        **{PAGE.parent / "img" / name: drawing for name, drawing in drawn.items()},
    }


def _sections(results: Results, drawn: set[str]) -> Iterator[str]:
    if not results["rows"]:
        yield "Nothing has been measured yet: run `make bench`."
        return
    if any(row.get("preliminary") for row in results["rows"].values()):
        yield "**Preliminary:** some of these numbers were taken in few rounds, or while the machine did other things."
    yield _machine(results)
    yield "### Targets\n\n" + _table(
        ("what", "floor", "target", "measured", "", "best of the others"),
        [(line.what, line.floor, line.target, line.measured, line.verdict, line.peer) for line in lines(results)],
    )
    yield from _doors(results, drawn)
    yield from _calls(results)
    for name in ("token", "decision", "remote"):
        if entries(results, name):
            yield f"### {PAIRED[name].title}\n\n" + _paired(results, name)
    if entries(results, "throughput"):
        yield "### Requests per second\n\n" + _throughput(results)
    yield from _growth(results, drawn)


def _machine(results: Results) -> str:
    machine = results["machine"]
    loads = [row["load"] for row in results["rows"].values() if "load" in row]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, {machine['python']}; {versions}. "
        f"Load average before the rows: {number(min(loads))} to {number(max(loads))}."
    )


# -- doors -----------------------------------------------------------------------------------------------


def _doors(results: Results, drawn: set[str]) -> Iterator[str]:
    rows = [
        (
            PAIRED[door].title,
            found["who"],
            *(_at(results, door, found["who"], f"{count} routes, exact path") for count in (5, 500)),
            _checked(found),
        )
        for door in _DOORS
        for found in first_cells(results, door, _EXACT)
    ]
    if not rows:
        return
    text = "### What a guard adds to a request\n\nMicroseconds on a path without parameters: median and quartiles of the differences.\n\n"
    if "added.svg" in drawn:
        text += _image("added.svg", "What each guard adds to a request in each framework, in microseconds")
    yield text + _table(("framework", "guard", "5 routes", "500 routes", "seen to refuse"), rows) + _absent(results, _DOORS)
    kinds = ("exact path", "pattern path seen before", "pattern path not seen before", "pattern path and permission not seen before")
    by_kind = [
        (PAIRED[door].title, count, *(_at(results, door, OURS, f"{count} routes, {kind}") for kind in kinds))
        for door in _DOORS
        for count in (5, 500)
        if any(True for _ in first_cells(results, door, f"{count} routes, exact path"))
    ]
    yield "cartaguard alone, by the kind of path:\n\n" + _table(("framework", "routes", *kinds), by_kind)


def _calls(results: Results) -> Iterator[str]:
    found = [one for one in entries(results, "calls") if "failed" not in one]
    if not found:
        return
    by_door: dict[str, dict[str, Entry]] = {}
    for one in found:
        by_door.setdefault(one["who"], {})[one["cell"]] = one
    kinds = ("exact path", "pattern path seen before")

    def told(door: str, kind: str) -> str:
        one = by_door[door].get(kind)
        return "-" if one is None else f"{one['calls']:.0f}, {one['ours']:.0f} of them"

    rows = [(_NAMES[door], *(told(door, kind) for kind in kinds)) for door in by_door]
    yield (
        "Calls that a guard adds to such a request, those into C included, and how many of them are of cartaguard's own functions:\n\n"
        + _table(("door", *kinds), rows)
        + _absent(results, ["calls"])
    )


def _at(results: Results, row: str, who: str, cell: str) -> str:
    for found in entries(results, row):
        if found["who"] == who and found.get("cell") == cell:
            return spread(found["added"])
    return "-"


def _checked(found: Entry) -> str:
    """What was looked at before timing, apart from the good request."""
    return ", ".join(f"{question} {answer}" for question, answer in found["checked"].items() if question != "good") or "nothing"


def _absent(results: Results, rows: Sequence[str]) -> str:
    """Who could not take part, and why."""
    named = {(found["who"], found["failed"]) for row in rows for found in entries(results, row) if "failed" in found}
    return "".join(f"\n\nNot in the table: {who}. {reason}." for who, reason in sorted(named))


def _notes(found: Sequence[Entry]) -> str:
    """What is to be said about the stores beside the numbers."""
    present = {one["who"] for one in found}
    noted = [f"{store.who}: {store.note}" for store in GROWING if store.note and store.who in present]
    return "\n\n" + "; ".join(noted) + "." if noted else ""


def _paired(results: Results, name: str) -> str:
    rows = [
        (found["who"], found["version"] or "-", found["cell"], spread(found["added"]), _checked(found))
        for found in entries(results, name)
        if "failed" not in found
    ]
    return _table(("who", "version", "what", "µs", "seen to refuse"), rows) + _absent(results, [name])


def _throughput(results: Results) -> str:
    rows = [
        (PAIRED[door].title, found["who"], number(found["per_second"]), spread(found["ratio"]))
        for door in ("asgi", "fastapi", "wsgi", "flask")
        for found in entries(results, "throughput")
        if found.get("cell") == door and "failed" not in found
    ]
    return (
        "One worker process, wrk beside it on the same machine with 16 connections; raw ASGI and FastAPI on uvicorn (uvloop, httptools), "
        "raw WSGI and Flask on gunicorn (4 threads). Each refusal was looked at over HTTP before.\n\n"
        + _table(("application", "guard", "requests per second", "as part of the bare application's"), rows)
        + _absent(results, ["throughput"])
    )


# -- size ------------------------------------------------------------------------------------------------


def _growth(results: Results, drawn: set[str]) -> Iterator[str]:
    """Memory and look-ups by size, and what starting and importing take."""
    found = [one for one in entries(results, "growth") if "failed" not in one]
    if found:
        rows = [
            (
                one["who"],
                f"{one['grants']:,}",
                "-" if one["bytes"] is None else number(one["bytes"]),
                spread(one["lookup"]),
                spread(one["permission"]) if "permission" in one else "-",
                number(one["build"]),
            )
            for one in found
        ]
        text = "### From ten grants to ten million\n\nEach size in a process of its own; bytes are what it grew by for each grant.\n\n"
        for name, what in (("growth-bytes.svg", "memory for each grant"), ("growth-lookup.svg", "the time of a look-up")):
            if name in drawn:
                text += _image(name, f"How {what} grows with the number of grants")
        yield (
            text
            + _table(("who", "grants", "bytes a grant", "look-up, µs", "a permission, µs", "seconds to build"), rows)
            + _notes(found)
            + _absent(results, ["growth"])
        )
    found = [one for one in entries(results, "start") if "failed" not in one]
    if found:
        starts = [(one["who"], f"{one['grants']:,}", spread(one["ms"])) for one in found]
        yield "### Start\n\n" + _table(("who", "grants", "ms until the first answer"), starts) + _absent(results, ["start"])
    found = [one for one in entries(results, "imports") if "failed" not in one]
    if found:
        yield "### Import\n\n" + _table(("what", "ms"), [(one["who"], spread(one["ms"])) for one in found]) + _absent(results, ["imports"])


# -- plots -----------------------------------------------------------------------------------------------


def _plots(results: Results) -> Iterator[tuple[str, str]]:
    groups: Mapping[str, list[plots.Dot]] = {
        PAIRED[door].title: [
            plots.Dot(
                found["who"],
                found["added"]["low"],
                found["added"]["median"],
                found["added"]["high"],
                0 if found["who"].startswith(OURS) else 2,
            )
            for found in first_cells(results, door, _EXACT)
        ]
        for door in _DOORS
    }
    groups = {name: group for name, group in groups.items() if group}
    if groups:
        yield (
            "added.svg",
            plots.dots(
                "Added to each request, microseconds (median and quartiles, logarithmic)",
                "For each framework, what each guard adds to a request on a path without parameters.",
                groups,
                "µs",
            ),
        )
    for name, field, title, unit in (
        ("growth-bytes.svg", "bytes", "Memory for each grant", "bytes a grant"),
        ("growth-lookup.svg", "lookup", "Time of a look-up", "µs a look-up"),
    ):
        series: dict[str, list[plots.Point]] = {}
        for one in entries(results, "growth"):
            value = one.get(field)
            if value is not None:
                series.setdefault(one["who"], []).append(plots.Point(one["grants"], value["median"] if isinstance(value, dict) else value))
        if series:
            yield (
                name,
                plots.lines(
                    f"{title}, from ten grants to ten million (both axes logarithmic)",
                    f"How {title.lower()} grows with the number of grants.",
                    [plots.Line(who, points, _colour(who, index)) for index, (who, points) in enumerate(series.items())],
                    "grants",
                    unit,
                ),
            )


def _colour(who: str, index: int) -> int:
    return min(index, 1) if who.startswith(OURS) else 2


def _image(name: str, says: str) -> str:
    return f'<img src="img/{name}" alt="{says}; the numbers are in the table below." width="860">\n\n'


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell) for cell in cells) + " |"

    if any(len(row) != len(head) for row in rows):
        raise ValueError(f"a row of the table `{line(head)}` is not as long as its head")
    return "\n".join([line(head), line(["---"] * len(head)), *(line(row) for row in rows)])
