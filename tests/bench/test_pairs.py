"""What pairs of batches say together."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from benchmarks.pairs import Side, Spread, calls, fitting, measure, summary
from benchmarks.results import number
from benchmarks.throughput import read_wrk
from benchmarks.workers import Failed


def taking(nanoseconds: int, log: list[str] | None = None, name: str = "") -> Side:
    """A side whose every request takes that long."""

    def side(count: int) -> int:
        if log is not None:
            log.append(name)
        return nanoseconds * count

    return side


def test_what_is_added_is_the_median_of_the_differences() -> None:
    """One slow pair does not move it, and ratios are taken pair by pair."""
    found = summary([(1000, 3000), (2000, 4000), (1000, 90_000)])
    assert found.added.median == pytest.approx(2)
    assert found.ratio.median == pytest.approx(3)
    assert found.pairs == 3


def test_the_two_sides_take_turns_in_being_first() -> None:
    """Whoever runs second finds warm caches: so each side is second in every other pair."""
    log: list[str] = []
    measure(taking(10, log, "bare"), taking(30, log, "guarded"), pairs=4, batch=5)
    assert log == ["bare", "guarded", "guarded", "bare"] * 2


def test_pairs_are_for_one_request() -> None:
    """A batch's time is divided by its requests."""
    assert measure(taking(10), taking(30), pairs=1, batch=7) == [(10.0, 30.0)]


@pytest.mark.parametrize(("nanoseconds", "batch"), [(100, 100), (400_000, 10), (50_000_000, 1)])
def test_batches_are_short(nanoseconds: int, batch: int) -> None:
    """A batch is long enough to be timed and short enough for the sides to take turns."""
    assert fitting(taking(nanoseconds)) == batch


def test_the_garbage_collector_is_off_on_both_sides_and_on_again_after() -> None:
    """No side pays for a collection that falls into its time."""
    seen: list[bool] = []

    def side(count: int) -> int:
        seen.append(gc.isenabled())
        return 1

    measure(side, side, pairs=2, batch=1)
    assert seen == [False] * 4
    assert gc.isenabled()


def test_arguments_are_made_anew_for_every_call() -> None:
    """Nothing is recognised because it is the same object as before."""
    made: Iterator[int] = iter(range(100))
    seen: list[int] = []
    calls(seen.append, lambda: next(made))(3)
    assert seen == [0, 1, 2]


def test_a_spread_of_one_is_that_one() -> None:
    """A single round has no quartiles."""
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (0.35, "0.35"), (3.14, "3.1"), (42.4, "42"), (1234.5, "1,234"), (0, "0.00")]
)
def test_numbers_have_as_many_digits_as_they_deserve(value: float, text: str) -> None:
    """Two digits that count."""
    assert number(value) == text


def test_the_rate_of_wrk_is_read() -> None:
    """The report's last lines tell the rate."""
    assert read_wrk("  2 requests in 1.00s\nRequests/sec:   1234.50\nTransfer/sec: 1MB\n") == pytest.approx(1234.5)


@pytest.mark.parametrize("line", ["  Non-2xx or 3xx responses: 12", "  Socket errors: connect 0, read 3, write 0, timeout 0"])
def test_a_rate_with_refusals_or_errors_in_it_is_none(line: str) -> None:
    """Refusing is cheap: a rate counts only if every request was answered with 200."""
    with pytest.raises(Failed, match=line.strip()[:12]):
        read_wrk(f"{line}\nRequests/sec:   1234.50\n")
    with pytest.raises(Failed, match="no rate"):
        read_wrk("nothing")
