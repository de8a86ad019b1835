"""Single flight: whoever asks meanwhile shares one fetch, and nobody is left waiting for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable
from concurrent.futures import Future
from typing import Any

import pytest

from cartaguard import errors
from cartaguard.drivers import aio, blocking
from cartaguard.drivers.effects import Call, Shared, Steps
from cartaguard.drivers.flights import Flights
from support.tokens import Clock
from support.waiting import until

CALLERS = 200


class Counted(Flights):
    """Lets somebody wait until so many have joined."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.enough = enough
        self.joined = 0
        self.complete = threading.Event()
        self.lock = threading.Lock()

    def join(self, key: Hashable, within: float | None = None) -> tuple[Future[Any], bool]:
        joined = super().join(key, within)
        with self.lock:
            self.joined += 1
            if self.joined >= self.enough:
                self.complete.set()
        return joined


def shared(flights: Flights, call: Call, key: Hashable = "key") -> Steps[Any]:
    def fly() -> Steps[Any]:
        return (yield call)

    return (yield Shared(flights, key, fly))


def in_threads(count: int, work: Any) -> list[Any]:
    results: list[Any] = []

    def one() -> None:
        try:
            results.append(work())
        except Exception as fault:
            results.append(fault)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("fault", [None, LookupError("lost")])
def test_two_hundred_threads_share_one_flight_and_its_outcome(fault: Exception | None) -> None:
    flights, flown = Counted(CALLERS), []

    def fetch() -> str:
        flights.complete.wait()
        flown.append(1)
        if fault is not None:
            raise fault
        return "fetched"

    outcomes = in_threads(CALLERS, lambda: blocking.run(shared(flights, Call(fetch))))
    assert outcomes == [fault or "fetched"] * CALLERS
    assert (len(flown), flights._open) == (1, {})


@pytest.mark.parametrize("fault", [None, LookupError("lost")])
def test_two_hundred_tasks_share_one_flight_and_its_outcome(fault: Exception | None) -> None:
    flights, flown = Counted(CALLERS), []

    async def fetch() -> str:
        await until(flights.complete.is_set)
        flown.append(1)
        if fault is not None:
            raise fault
        return "fetched"

    async def main() -> list[Any]:
        call = Call(lambda: None, fetch)
        return await asyncio.gather(*(aio.run(shared(flights, call)) for _ in range(CALLERS)), return_exceptions=True)

    assert asyncio.run(main()) == [fault or "fetched"] * CALLERS
    assert (len(flown), flights._open) == (1, {})


def test_tasks_and_threads_share_one_flight() -> None:
    flights, flown = Counted(5), []

    def fetch() -> str:
        flights.complete.wait()
        flown.append(1)
        return "fetched"

    async def main() -> list[Any]:
        return await asyncio.gather(
            *(aio.run(shared(flights, Call(fetch))) for _ in range(2)),
            *(asyncio.to_thread(blocking.run, shared(flights, Call(fetch))) for _ in range(3)),
        )

    assert asyncio.run(main()) == ["fetched"] * 5
    assert len(flown) == 1


def test_flights_with_other_keys_are_others() -> None:
    flights = Flights()
    assert blocking.run(shared(flights, Call(lambda: 1), key=1)) == 1
    assert blocking.run(shared(flights, Call(lambda: 2), key=2)) == 2


@pytest.mark.parametrize(
    ("later", "within", "joins"),
    [(1e9, None, True), (2.0, 2.5, True), (2.5, 2.5, False), (0.0, 0.0, False), (-1.0, 2.5, False), (-1.0, None, True)],
)
def test_a_flight_that_began_too_long_ago_is_left_to_those_who_joined_it(later: float, within: float | None, joins: bool) -> None:
    """The new one takes its place, and each of the two lands for its own; a clock that was set back tells no age."""
    clock = Clock()
    flights = Flights(clock)
    first, leads = flights.join("key")
    assert leads
    clock.now += later
    second, leads = flights.join("key", within)
    assert (second is first, leads) == (joins, not joins)
    assert flights.join("key") == (second, False)
    flights.land("key", first, result="first")
    assert first.result(0) == "first"
    if not joins:
        assert flights.join("key") == (second, False)
        flights.land("key", second, result="second")
        assert (first.result(0), second.result(0)) == ("first", "second")
    assert (flights._open, flights._under_way) == ({}, set())


def test_the_flight_goes_on_when_whoever_leads_it_is_cancelled() -> None:
    flights, flown = Counted(3), []

    async def main() -> list[Any]:
        go = asyncio.Event()

        async def fetch() -> str:
            await go.wait()
            flown.append(1)
            return "fetched"

        leader, *followers = [asyncio.create_task(aio.run(shared(flights, Call(lambda: None, fetch)))) for _ in range(3)]
        await until(flights.complete.is_set)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        go.set()
        return await asyncio.gather(*followers)

    assert asyncio.run(main()) == ["fetched", "fetched"]
    assert len(flown) == 1


async def never() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("steps_first", [0, 3])
def test_a_flight_that_is_cancelled_itself_lands_even_before_its_first_step(steps_first: int) -> None:
    flights = Counted(2)

    async def main() -> list[Any]:
        callers = [asyncio.create_task(aio.run(shared(flights, Call(lambda: None, never)))) for _ in range(2)]
        await until(flights.complete.is_set)
        for _ in range(steps_first):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task(), *callers}:
            task.cancel()
        return await asyncio.gather(*callers, return_exceptions=True)

    outcomes = asyncio.run(main())
    assert [(type(one), one.code) for one in outcomes] == [(errors.Unavailable, "interrupted")] * 2
    assert flights._open == {}


def test_a_task_that_is_cancelled_before_its_flights_first_step_leaves_nothing_behind() -> None:
    flights = Flights()

    async def main() -> None:
        caller = asyncio.create_task(aio.run(shared(flights, Call(lambda: None, never))))
        await asyncio.sleep(0)
        [flight] = asyncio.all_tasks() - {asyncio.current_task(), caller}
        flight.cancel()
        caller.cancel()

    asyncio.run(main())
    assert flights._open == {}
    assert blocking.run(shared(flights, Call(lambda: "anew"))) == "anew"


def test_an_interrupted_thread_leaves_no_other_waiting() -> None:
    flights = Counted(2)
    outcomes: list[Any] = []

    def interrupted() -> None:
        flights.complete.wait()
        raise KeyboardInterrupt

    led = threading.Event()

    def follow() -> None:
        led.wait()
        try:
            blocking.run(shared(flights, Call(lambda: "never called")))
        except errors.Unavailable as fault:
            outcomes.append(fault.code)

    def lead() -> None:
        led.set()
        interrupted()

    follower = threading.Thread(target=follow)
    follower.start()
    with pytest.raises(KeyboardInterrupt):
        blocking.run(shared(flights, Call(lead)))
    follower.join()
    assert outcomes == ["interrupted"]


def test_whoever_waited_too_long_lets_the_next_one_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "PATIENCE", 0.001)
    monkeypatch.setattr(aio, "PATIENCE", 0.001)
    for run in (blocking.run, lambda steps: asyncio.run(aio.run(steps))):
        flights = Flights()
        flight, lead = flights.join("key")
        assert lead, "a leader who is gone: nobody lands this flight"
        with pytest.raises(errors.Unavailable, match="waited too long") as caught:
            run(shared(flights, Call(lambda: None)))
        assert caught.value.code == "timeout"
        flights.land("key", flight, result="too late")
        monkeypatch.setattr(aio, "PATIENCE", 30)
        assert run(shared(flights, Call(lambda: "anew"))) == "anew"
        monkeypatch.setattr(aio, "PATIENCE", 0.001)
