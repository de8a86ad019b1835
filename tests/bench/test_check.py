"""``make check-bench`` fails for what became slower, and for nothing that noise explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from benchmarks.check import TOLERANCE, Ratio, Ratios, ratio_of, slower, undisturbed, verdict

BASELINE: Ratios = {"asgi": Ratio(3.0, 0.06), "flask": Ratio(11.0, 0.3)}


def measuring(*tries: Ratios) -> Callable[[], Ratios]:
    """What each try finds; asking once more is an error."""
    waiting: Iterator[Ratios] = iter(tries)
    return lambda: next(waiting)


def judged(*tries: Ratios) -> list[str]:
    return verdict(BASELINE, measuring(*tries), say=lambda text: None)


def times(factor: float, *names: str, noise: float = 0.02) -> dict[str, Ratio]:
    """The baseline's things, those that are named slower by a factor."""
    return {name: Ratio(old.value * (factor if name in names else 1), old.value * noise) for name, old in BASELINE.items()}


def test_what_is_as_fast_as_before_passes_at_the_first_try() -> None:
    """Nothing is measured twice without need."""
    assert judged(times(1)) == []


def test_what_is_faster_passes() -> None:
    """A baseline is a limit, not a prescription."""
    assert judged(times(0.5, "asgi", "flask")) == []


def test_what_is_slower_in_every_try_is_named_and_nothing_else() -> None:
    """A door that takes half as much again fails, with the numbers; its neighbour does not."""
    [line] = judged(*[times(1.5, "asgi")] * 3)
    assert line.startswith("asgi: 4.5 yardsticks instead of 3.0 (+50%")


def test_what_is_slower_once_is_tried_again_and_passes() -> None:
    """One bad minute of the machine is no regression, nor are two of different things."""
    assert judged(times(1.5, "asgi"), times(1)) == []
    assert judged(times(1.5, "asgi", "flask"), times(1.5, "asgi"), times(1.5, "flask")) == []


def test_small_differences_are_within_what_another_machine_may_do() -> None:
    """The baseline was recorded elsewhere."""
    assert judged(times(1 + TOLERANCE, "asgi", "flask")) == []


@pytest.mark.parametrize(("noise", "is_slower"), [(0.02, True), (0.2, False)])
def test_the_more_noise_there_is_the_more_is_needed(noise: float, is_slower: bool) -> None:
    """What noise explains is not slower."""
    assert slower(Ratio(10, 0.2), Ratio(14, 14 * noise)) is is_slower


def test_nothing_is_waved_through_because_nobody_measured_it() -> None:
    """A thing that has gone, and one that is new, have to be settled by recording the baseline anew."""
    found: dict[str, Ratio] = {"asgi": BASELINE["asgi"], "new": Ratio(1, 0.01)}
    assert judged(found, found, found) == [
        "flask: is in the baseline and was not measured",
        "new: is not in the baseline; record it with --record",
    ]


def test_noise_is_how_far_processes_are_apart() -> None:
    """Processes that agree leave little noise, and those that do not a lot; one that is far off does not move the ratio."""
    close, far = ratio_of([3.0, 3.01, 2.99, 3.0, 9.0]), ratio_of([2.0, 3.0, 4.0, 2.5, 3.5])
    assert close.value == pytest.approx(3.0)
    assert close.noise < far.noise


def test_processes_that_agree_by_chance_are_not_believed_to_the_last_digit() -> None:
    """There is always some noise."""
    assert ratio_of([3.0] * 5).noise > 0


def test_batches_that_somebody_else_made_slow_do_not_count() -> None:
    """Of ten batches the slower eight may be anything."""
    assert undisturbed([90.0, 5.0, 7.0, 6.0, 80.0, 70.0, 99.0, 60.0, 50.0, 40.0]) == 7.0
