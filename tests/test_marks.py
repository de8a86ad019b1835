"""Marks: whose confirmation a route with a requirement relies on."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import Any

import pytest

from cartaguard import Principal, Requirement, authenticated, groups
from cartaguard._marks import confirmed, requires
from cartaguard.errors import ConfigurationError
from cartaguard.guard.gate import Gate, Pass
from cartaguard.guard.guard import Guard
from cartaguard.guard.plan import Plan
from cartaguard.http.routes import Entry

TEAM = groups("OrgA:Team")


def held() -> Pass:
    return Pass(Gate(Guard()), Principal(issuer="i", subject="s"), Plan(None))


def entry(requirement: Requirement) -> Entry:
    return Entry("/", ("",), requirement=requirement, matcher=lambda segments, path: {}, marks=(requirement,))


def test_what_a_guard_further_out_has_confirmed_says_nothing_to_one_further_in() -> None:
    scope: dict[str, Any] = {"cartaguard": held().confirming((entry(TEAM),))}
    assert confirmed(scope, TEAM)
    scope["cartaguard"] = held().confirming((entry(authenticated),))
    assert [confirmed(scope, requirement) for requirement in (authenticated, TEAM)] == [True, False]


def test_what_is_confirmed_one_after_the_other_holds_together() -> None:
    scope = {"cartaguard": held().confirming((entry(TEAM),)).confirming((entry(authenticated),))}
    assert [confirmed(scope, requirement) for requirement in (TEAM, authenticated, groups("OrgA:Other"))] == [True, True, False]


def test_what_is_confirmed_for_one_request_is_not_for_another_with_the_same_pass() -> None:
    shared = held()
    for requirement in (TEAM, authenticated, TEAM):
        after = shared.confirming((entry(requirement),))
        assert [confirmed({"cartaguard": after}, other) for other in (TEAM, authenticated)] == [requirement == TEAM, requirement != TEAM]
        assert not confirmed({"cartaguard": shared}, requirement)


@pytest.mark.parametrize("scope", [{}, {"cartaguard": None}, {"cartaguard": held()}])
def test_without_a_pass_that_says_so_nothing_is_confirmed(scope: dict[str, Any]) -> None:
    assert not confirmed(scope, TEAM)


def test_a_coroutine_function_with_a_requirement_is_awaited_and_refuses_alone() -> None:
    """It is known as one by asyncio's word, by which Starlette tells; nothing of it runs unless its requirement was confirmed."""
    ran: list[str] = []

    class Asked:
        def __init__(self, scope: dict[str, Any]) -> None:
            self.scope = scope

    async def view(request: Asked) -> str:
        ran.append("view")
        return "answer"

    guarded: Any = requires(TEAM)(view)
    # Since 3.12 the word is that of `inspect`.
    assert (inspect if sys.version_info >= (3, 12) else asyncio).iscoroutinefunction(guarded)
    scope: dict[str, Any] = {"cartaguard": held()}
    with pytest.raises(ConfigurationError, match="nothing has decided"):
        guarded(Asked(scope))
    assert ran == []
    scope["cartaguard"] = scope["cartaguard"].confirming((entry(TEAM),))
    assert asyncio.run(guarded(Asked(scope))) == "answer"
