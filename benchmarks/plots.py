"""Plots as SVG, written by hand so that the same numbers always give the same bytes, and readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import NamedTuple
from xml.sax.saxutils import escape

from benchmarks.results import number

__all__ = ["Dot", "Line", "Point", "dots", "lines"]

_STYLE = """
      .back { fill: #ffffff } .text { fill: #0f172a } .soft { fill: #475569 } .grid { stroke: #e2e8f0 } .axis { stroke: #94a3b8 }
      .s0 { fill: #1d4ed8; stroke: #1d4ed8 } .s1 { fill: #b45309; stroke: #b45309 } .s2 { fill: #64748b; stroke: #64748b }
      .s3 { fill: #0f766e; stroke: #0f766e } .name { font-weight: bold } .small { font-size: 12px } path { fill: none !important }
      @media (prefers-color-scheme: dark) {
        .back { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #9aa7b4 } .grid { stroke: #21303f } .axis { stroke: #55677a }
        .s0 { fill: #6ea8fe; stroke: #6ea8fe } .s1 { fill: #f0a94e; stroke: #f0a94e } .s2 { fill: #8b9bb0; stroke: #8b9bb0 }
        .s3 { fill: #5ec9bd; stroke: #5ec9bd }
      }"""


class Dot(NamedTuple):
    """A median with its quartiles, in a series (0 is cartaguard's colour)."""

    label: str
    low: float
    median: float
    high: float
    series: int


class Point(NamedTuple):
    x: float
    y: float


class Line(NamedTuple):
    label: str
    points: Sequence[Point]
    series: int


def dots(title: str, description: str, groups: Mapping[str, Sequence[Dot]], unit: str) -> str:
    """Dots with whiskers, in groups, on a logarithmic axis."""
    everything = [dot for group in groups.values() for dot in group]
    left, right, row, width = 270, 70, 23, 860
    first, last = _decades([dot.median for dot in everything])
    height = 74 + sum(row * len(group) + 34 for group in groups.values())

    def x(value: float) -> float:
        return left + (log10(max(value, 10.0**first)) - first) / (last - first) * (width - left - right)

    body: list[str] = []
    for decade in range(first, last + 1):
        at = x(10.0**decade)
        body.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="52" y2="{height - 30}"/>')
        body.append(_text(at, height - 12, f"{10.0**decade:,.10g} {unit}", "soft small", "middle"))
    y = 66
    for name, group in groups.items():
        body.append(_text(16, y, name, "text name"))
        y += 20
        for dot in group:
            body.append(_text(left - 12, y + 4, dot.label, "text" if dot.series == 0 else "soft", "end"))
            body.append(
                f'<line class="s{dot.series}" stroke-width="2" x1="{x(dot.low):.1f}" x2="{x(dot.high):.1f}" y1="{y}" y2="{y}"/>'
                f'<circle class="s{dot.series}" cx="{x(dot.median):.1f}" cy="{y}" r="5"/>'
            )
            body.append(_text(x(max(dot.high, dot.median)) + 10, y + 4, number(dot.median), "text small"))
            y += row
        y += 14
    return _svg(title, description, width, height, body)


def lines(title: str, description: str, series: Sequence[Line], x_label: str, y_label: str) -> str:
    """Lines over a logarithmic axis; their names stand at their ends."""
    width, height, left, right, top, bottom = 860, 380, 70, 190, 60, 56
    points = [point for line in series for point in line.points]
    first, last = _decades([point.x for point in points])
    low, high = _decades([point.y for point in points])

    def x(value: float) -> float:
        return left + (log10(value) - first) / (last - first) * (width - left - right)

    def y(value: float) -> float:
        return height - bottom - (log10(value) - low) / (high - low) * (height - top - bottom)

    body: list[str] = [
        _text(16, 48, y_label, "soft small"),
        _text((left + width - right) / 2, height - 12, x_label, "soft small", "middle"),
    ]
    for decade in range(low, high + 1):
        body.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y(10.0**decade):.1f}" y2="{y(10.0**decade):.1f}"/>')
        body.append(_text(left - 8, y(10.0**decade) + 4, f"{10.0**decade:,.10g}", "soft small", "end"))
    for decade in range(first, last + 1):
        body.append(
            f'<line class="axis" x1="{x(10.0**decade):.1f}" x2="{x(10.0**decade):.1f}" y1="{height - bottom}" y2="{height - bottom + 5}"/>'
        )
        body.append(_text(x(10.0**decade), height - bottom + 20, _short(10**decade), "soft small", "middle"))
    ends: list[float] = []
    for line in sorted(series, key=lambda line: line.points[-1].y, reverse=True):
        way = " ".join(f"{'M' if index == 0 else 'L'}{x(point.x):.1f} {y(point.y):.1f}" for index, point in enumerate(line.points))
        body.append(f'<path class="s{line.series}" stroke-width="2.5" d="{way}"/>')
        body += [f'<circle class="s{line.series}" cx="{x(point.x):.1f}" cy="{y(point.y):.1f}" r="4"/>' for point in line.points]
        at = y(line.points[-1].y) + 4
        while any(abs(at - other) < 16 for other in ends):
            at += 4
        ends.append(at)
        body.append(_text(x(line.points[-1].x) + 12, at, f"{line.label} {number(line.points[-1].y)}", "text small"))
    return _svg(title, description, width, height, body)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around all values, at least one apart."""
    positive = [value for value in values if value > 0]
    first = floor(log10(min(positive)))
    last = floor(log10(max(positive)) - 1e-9) + 1
    return first, max(last, first + 1)


def _short(value: int) -> str:
    for size, name in ((1_000_000, " million"), (1_000, ",000")):
        if value >= size:
            return f"{value // size}{name}"
    return str(value)


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, description: str, width: int, height: int, body: Sequence[str]) -> str:
    inner = "\n  ".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d" '
        f'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif" font-size="14">\n'
        f'  <title id="t">{escape(title)}</title>\n  <desc id="d">{escape(description)}</desc>\n  <style>{_STYLE}\n  </style>\n'
        f'  <rect class="back" width="{width}" height="{height}" rx="8"/>\n'
        f"  {_text(16, 28, title, 'text name')}\n  {inner}\n</svg>\n"
    )
