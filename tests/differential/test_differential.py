"""Every source gives the answers of a brute-force reference on very many random decisions.

``CARTAGUARD_DECISIONS`` says on how many (``make differential`` on a million), ``CARTAGUARD_SEED`` which ones: a failure
names the seed and the world.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from random import Random, SystemRandom
from typing import TypeAlias

import pytest

from cartaguard import Guard, Principal
from cartaguard.model.decision import Decision
from differential.subjects import Carta, Many, Memory, Snapshot, Sqlite, Subject
from support.colours import close_client
from support.randomly import PEOPLE, Asked, World
from support.spicedb import spicedb

pytestmark = pytest.mark.server

DECISIONS = int(os.environ.get("CARTAGUARD_DECISIONS", "100000"))
Way: TypeAlias = Callable[[Guard, Principal, list[Asked]], list[Decision]]
SEED = os.environ.get("CARTAGUARD_SEED") or str(SystemRandom().getrandbits(64))


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Subject]]:
    """Each source, running."""
    folder = tmp_path_factory.mktemp("differential")
    with ExitStack() as stack:
        many = stack.enter_context(closing(Many(stack.enter_context(spicedb()))))
        yield {
            "memory": Memory(),
            "sqlite": Sqlite(),
            "snapshot": Snapshot(folder),
            "spicedb": many,
            "carta": stack.enter_context(closing(Carta())),
        }


@pytest.fixture(scope="module")
def ways() -> Iterator[tuple[Way, ...]]:
    """How a guard is asked: together by a thread, together by a task, or one by one."""

    def by_thread(guard: Guard, principal: Principal, asked: list[Asked]) -> list[Decision]:
        return guard.check_many(principal, [one.requirement for one in asked])

    def by_task(guard: Guard, principal: Principal, asked: list[Asked]) -> list[Decision]:
        return runner.run(guard.acheck_many(principal, [one.requirement for one in asked]))

    def one_by_one(guard: Guard, principal: Principal, asked: list[Asked]) -> list[Decision]:
        return [guard.check(principal, one.requirement) for one in asked]

    # One loop for all: a client belongs to its loop.
    with asyncio.Runner() as runner:
        yield by_thread, by_task, one_by_one
        runner.run(close_client())


def test_every_source_decides_as_the_reference_does(
    subjects: dict[str, Subject], ways: tuple[Way, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """Each decision is asked of each source: by a thread, by a task, or one by one."""
    random, decided, number, told_of = Random(SEED), 0, 0, 0
    while decided < DECISIONS:
        if decided >= told_of + 50_000:
            told_of = decided
            with capfd.disabled():
                print(f"{decided:,} of {DECISIONS:,} decisions: all agree (seed {SEED})", flush=True)  # noqa: T201 (it takes long)
        number += 1
        world = World(random, f"w{number}")
        way = ways[number % len(ways)]
        asked = {name: world.asked(Memory().caller(name)) for name in PEOPLE}
        for label, subject in subjects.items():
            with subject.told(world.facts) as guard:
                for name, all_asked in asked.items():
                    told = [one for one in all_asked if subject.restricts or not one.restricts]
                    found = way(guard, subject.caller(name), told)
                    wrong = [
                        f"{one.requirement!r} for {name}: {decision!r}, expected {one.expected}"
                        for one, decision in zip(told, found, strict=True)
                        if decision.permitted is not one.expected or decision.indeterminate
                    ]
                    assert not wrong, f"{label}, seed {SEED}, world {number}, {way.__name__}: {wrong[:3]}\n{world.facts}"
        # What every source was asked.
        decided += sum(not one.restricts for all_asked in asked.values() for one in all_asked)
    assert decided >= DECISIONS
