"""The current caller: bound by a door or a block, gone afterwards, and each context's own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from cartaguard import Guard, Principal, errors
from cartaguard.guard import current
from support.facts import OLGA, person


def test_nobody_is_calling_at_first() -> None:
    with pytest.raises(
        errors.NoPrincipal, match=r"^nobody is calling: this runs outside a guarded request; use `with guard\.acting_as\(principal\):`$"
    ):
        current.caller()


def test_a_block_acts_as_a_principal_and_blocks_nest() -> None:
    outer, inner = Guard(), Guard()
    with outer.acting_as(OLGA) as olga:
        assert olga is OLGA
        assert current.caller() == (outer, OLGA)
        with inner.acting_as(Principal.anonymous):
            assert current.caller() == (inner, Principal.anonymous)
        assert current.caller() == (outer, OLGA)
    with pytest.raises(errors.NoPrincipal):
        current.caller()


def test_a_block_that_fails_ends_too() -> None:
    with pytest.raises(LookupError), Guard().acting_as(OLGA):
        raise LookupError
    with pytest.raises(errors.NoPrincipal):
        current.caller()


def test_threads_and_tasks_have_callers_of_their_own() -> None:
    guard = Guard()
    seen: list[object] = []

    def other_thread() -> None:
        try:
            seen.append(current.caller())
        except errors.NoPrincipal as fault:
            seen.append(fault.code)

    async def task(name: str) -> str:
        with guard.acting_as(person(name)):
            await asyncio.sleep(0)
            return current.caller()[1].username

    async def main() -> list[str]:
        return list(await asyncio.gather(task("ada"), task("bob")))

    with guard.acting_as(OLGA):
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
        assert asyncio.run(main()) == ["ada", "bob"]
        assert current.caller()[1] is OLGA
    assert seen == ["no_principal"]


def test_doors_bind_the_caller_only_once_functions_are_in_use() -> None:
    code = (
        "from cartaguard.guard import current\n"
        "assert not current.used\n"
        "import cartaguard\n"
        "assert not current.used\n"
        "cartaguard.authorize\n"
        "assert current.used\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_where_nobody_is_bound_others_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard()
    monkeypatch.setattr(current, "_elsewhere", [])
    current.look_in(lambda: None)
    with pytest.raises(errors.NoPrincipal):
        current.caller()
    current.look_in(lambda: (guard, OLGA))
    assert current.caller() == (guard, OLGA)
    with guard.acting_as(Principal.anonymous):
        assert current.caller() == (guard, Principal.anonymous)
