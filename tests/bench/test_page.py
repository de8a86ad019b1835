"""The page of results says what the results say, and nothing that was typed."""

from __future__ import annotations

import copy
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import page
from benchmarks.results import OUT, read


def _paired(who: str, cell: str, added: float) -> dict[str, Any]:
    spread = {"low": added * 0.9, "median": added, "high": added * 1.1}
    return {"who": who, "cell": cell, "checked": {"no token": 401, "good": 200}, "version": "", "note": "", "bare": 1.0, "added": spread}


RESULTS: dict[str, Any] = {
    "machine": {
        "date": "2026-11-27",
        "processor": "A processor",
        "cores": 2,
        "system": "Linux",
        "python": "CPython",
        "versions": {"flask": "3"},
    },
    "rows": {
        "wsgi": {
            "load": 0.1,
            "entries": [
                _paired("cartaguard", "5 routes, exact path", 1.234),
                _paired("PyJWT guard", "5 routes, exact path", 123.4),
                {"who": "somebody else", "failed": "pip cannot install it: no such thing", "note": ""},
            ],
        },
        "token": {"load": 0.1, "entries": [_paired("cartaguard", "verified before", 0.7)]},
        "growth": {
            "load": 0.1,
            "entries": [
                {"who": "cartaguard, dict store", "grants": 10, "bytes": 900.0, "lookup": {"low": 1, "median": 1, "high": 1}, "build": 0.1},
                {
                    "who": "cartaguard, dict store",
                    "grants": 1000,
                    "bytes": 50.0,
                    "lookup": {"low": 1, "median": 2, "high": 3},
                    "build": 0.1,
                },
                {"who": "pemba", "grants": 10, "bytes": None, "lookup": {"low": 1, "median": 1, "high": 1}, "build": 0.1},
            ],
        },
    },
}

BARE = f"# Title\n\n{page.BEGIN}\n\nyesterday's\n\n{page.END}\n\nAfter.\n"


def text_of(results: dict[str, Any]) -> str:
    return page.made(results, BARE)[page.PAGE]


def test_the_committed_page_and_plots_are_those_of_the_committed_results() -> None:
    """What docs/performance.md shows is what `make bench` makes of benchmarks/results.json, byte by byte."""
    for path, text in page.made(read(OUT), page.PAGE.read_text(encoding="utf-8")).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not made of the results; run `python -m benchmarks --page`"


def test_only_what_is_between_the_markers_is_made() -> None:
    """Text that people wrote around the results stays, and what was there before between the markers goes."""
    text = text_of(RESULTS)
    assert text.startswith(f"# Title\n\n{page.BEGIN}\n\n")
    assert text.endswith(f"\n\n{page.END}\n\nAfter.\n")
    assert "yesterday's" not in text


def test_without_results_the_page_says_so() -> None:
    """No number is shown that nobody measured."""
    assert "Nothing has been measured yet" in text_of({"rows": {}})


def test_a_page_without_its_markers_is_not_written_over() -> None:
    """Results have no place in a page that has lost a marker."""
    with pytest.raises(ValueError, match="no marker"):
        page.made(RESULTS, "# Title\n")
    with pytest.raises(ValueError, match="no marker"):
        page.made(RESULTS, f"{page.BEGIN}\n")


def test_numbers_stand_with_their_quartiles_and_what_was_refused() -> None:
    """A row tells the median, the quartiles, and the refusals that were looked at."""
    assert "| Raw WSGI | cartaguard | 1.2 (1.1 to 1.4) | - | no token 401 |" in text_of(RESULTS)


def test_who_could_not_take_part_is_named_with_the_reason() -> None:
    """Nobody is silently left out."""
    assert "Not in the table: somebody else. pip cannot install it: no such thing." in text_of(RESULTS)


@pytest.mark.parametrize(("measured", "verdict"), [(0.6, "met"), (0.7, "**not met**")])
def test_a_target_is_marked_by_what_was_measured(measured: float, verdict: str) -> None:
    """The table of targets is judged, not written."""
    results = copy.deepcopy(RESULTS)
    results["rows"]["token"]["entries"][0]["added"]["median"] = measured
    assert f"| 0.4 | ≤ 0.60 µs | {measured} µs | {verdict} |" in text_of(results)


def test_a_target_that_nobody_measured_is_not_met() -> None:
    """What is not in the results is marked as such."""
    assert "| start with 1 million grants from a snapshot | 0.1 | ≤ 5.0 ms | - | not measured |" in text_of(RESULTS)


def test_preliminary_results_are_marked_as_such() -> None:
    """Numbers from a busy machine carry a warning, and others none."""
    results = copy.deepcopy(RESULTS)
    assert "Preliminary" not in text_of(results)
    results["rows"]["wsgi"]["preliminary"] = True
    assert "Preliminary" in text_of(results)


def test_ten_million_grants_are_about_ten_million() -> None:
    """The described facts are drawn by chance, and a few grants are drawn twice; a tenth of them is another size."""
    results = copy.deepcopy(RESULTS)
    big = results["rows"]["growth"]["entries"][1]
    for grants, shown in ((9_997_917, "50 bytes | met"), (1_000_000, "- | not measured")):
        big["grants"] = grants
        assert f"| grants in memory, dict of dicts, at 10 million | 49 | ≤ 55 bytes | {shown} |" in text_of(results)


def test_a_row_that_is_not_as_long_as_its_head_is_an_error() -> None:
    """Numbers never stand below another column's name."""
    with pytest.raises(ValueError, match="not as long"):
        page._table(("a", "b"), [(1,)])


def test_the_plots_are_whole_pictures_with_words_for_who_does_not_see_them() -> None:
    """Each plot is well-formed, has a title and a description, and colours for light and dark pages."""
    plots = {path.name: text for path, text in page.made(RESULTS, BARE).items() if path.suffix == ".svg"}
    assert set(plots) == {"added.svg", "growth-bytes.svg", "growth-lookup.svg"}
    for text in plots.values():
        names = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()]
        assert {"title", "desc"} <= set(names)
        assert "prefers-color-scheme: dark" in text


def test_the_same_results_always_make_the_same_page() -> None:
    """Nothing on the page comes from the clock or from chance."""
    assert page.made(RESULTS, BARE) == page.made(json.loads(json.dumps(RESULTS)), BARE)
