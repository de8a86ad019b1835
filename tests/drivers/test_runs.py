"""Both drivers run the same steps to the same end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cartaguard import errors
from cartaguard.drivers import aio, blocking
from cartaguard.drivers.effects import Call, Steps, Together
from support.colours import COLOURS, Run
from support.waiting import until

both_colours = pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)


def returning(value: Any) -> Steps[Any]:
    return (yield Call(lambda: value))


def failing(fault: Exception) -> Steps[Any]:
    yield Call(lambda: (_ for _ in ()).throw(fault))


@both_colours
def test_steps_without_effects_just_return(run: Run) -> None:
    def steps() -> Steps[int]:
        return 5
        yield

    assert run(steps()) == 5


@both_colours
def test_a_step_is_resumed_with_the_result_of_its_effect(run: Run) -> None:
    def steps() -> Steps[list[int]]:
        first = yield Call(lambda: 1)
        second = yield from returning(first + 1)
        return [first, second]

    assert run(steps()) == [1, 2]


@both_colours
def test_a_fault_is_thrown_into_the_steps_which_may_handle_it(run: Run) -> None:
    def steps() -> Steps[str]:
        try:
            yield from failing(LookupError("lost"))
        except LookupError as fault:
            said = str(fault)
        again = yield Call(lambda: f"handled {said}")
        return str(again)

    assert run(steps()) == "handled lost"
    with pytest.raises(LookupError, match="unhandled"):
        run(failing(LookupError("unhandled")))


@both_colours
def test_steps_that_fail_are_closed(run: Run) -> None:
    closed: list[str] = []

    def steps() -> Steps[None]:
        try:
            yield Call(lambda: None)
            raise LookupError
        finally:
            closed.append("closed")

    with pytest.raises(LookupError):
        run(steps())
    assert closed == ["closed"]


@both_colours
def test_what_is_no_effect_is_an_error(run: Run) -> None:
    def steps() -> Steps[None]:
        yield "fetch this"  # type: ignore[misc]

    with pytest.raises(TypeError, match="no effect: `str`"):
        run(steps())


@both_colours
def test_results_of_steps_together_come_in_order(run: Run) -> None:
    def steps() -> Steps[list[int]]:
        results: list[int] = yield Together([returning(value) for value in range(40)])
        return results

    assert run(steps()) == list(range(40))


@both_colours
def test_the_fault_of_steps_together_is_thrown_and_the_others_are_closed(run: Run) -> None:
    closed: list[int] = []

    def waiting(value: int) -> Steps[None]:
        try:
            yield Call(lambda: None)
            if value == 1:
                raise LookupError(value)
            while True:
                yield Call(lambda: None)
                if value:
                    return
        finally:
            closed.append(value)

    def steps() -> Steps[str]:
        try:
            yield Together([waiting(1), waiting(2)])
        except LookupError as fault:
            return str(fault)
        return "not reached"

    assert run(steps()) == "1"
    assert 1 in closed


def test_steps_together_run_at_once_under_asyncio() -> None:
    gathered = asyncio.Barrier(3)

    async def arrive() -> int:
        return await gathered.wait()

    def one() -> Steps[int]:
        place: int = yield Call(lambda: -1, arrive)
        return place

    def steps() -> Steps[list[int]]:
        places: list[int] = yield Together([one() for _ in range(3)])
        return places

    assert sorted(asyncio.run(aio.run(steps()))) == [0, 1, 2]


def test_steps_together_stop_when_their_task_is_cancelled() -> None:
    closed: list[str] = []

    async def for_ever() -> None:
        await asyncio.Event().wait()

    def one(name: str) -> Steps[None]:
        try:
            yield Call(lambda: None, for_ever)
        finally:
            closed.append(name)

    def steps() -> Steps[None]:
        yield Together([one("a"), one("b")])

    async def main() -> None:
        task = asyncio.create_task(aio.run(steps()))
        await until(lambda: len(asyncio.all_tasks()) == 4)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: len(closed) == 2)

    asyncio.run(main())
    assert sorted(closed) == ["a", "b"]


def test_a_call_has_a_colour_of_its_own_where_there_is_one() -> None:
    async def here() -> str:
        return threading.current_thread().name

    def steps(call: Call) -> Steps[str]:
        return str((yield call))

    main = threading.current_thread().name
    with_twin = Call(lambda: threading.current_thread().name, here)
    without = Call(lambda: threading.current_thread().name)
    assert blocking.run(steps(with_twin)) == blocking.run(steps(without)) == main
    assert asyncio.run(aio.run(steps(with_twin))) == main
    assert asyncio.run(aio.run(steps(without))) != main


def test_a_blocking_run_in_a_loop_is_refused_before_anything_is_done() -> None:
    done: list[str] = []

    def steps() -> Steps[None]:
        try:
            yield Call(lambda: done.append("called"))
        finally:
            done.append("closed")

    def nothing_to_do() -> Steps[int]:
        return 1
        yield

    async def main() -> None:
        with pytest.raises(errors.WouldBlock, match=r"await `guard\.acheck\(…\)` instead"):
            blocking.run(steps(), twin="guard.acheck(…)")
        with pytest.raises(errors.WouldBlock, match="await `the async twin` instead"):
            blocking.run(steps())
        assert blocking.run(nothing_to_do()) == 1

    asyncio.run(main())
    assert done == ["closed", "closed"]


def test_an_interrupt_leaves_no_steps_open() -> None:
    closed: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    def steps() -> Steps[None]:
        try:
            yield Call(interrupted)
        except Exception:
            closed.append("handled")
        finally:
            closed.append("closed")

    with pytest.raises(KeyboardInterrupt):
        blocking.run(steps())
    assert closed == ["closed"]
