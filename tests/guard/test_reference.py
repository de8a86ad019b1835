"""Decisions on random worlds are those of a brute-force reference, whatever way they are asked for."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings

from cartaguard import Guard, LocalDirectory, Resource, groups, permission, restricted
from cartaguard.model.permission import ACTIONS
from support import reference
from support.worlds import GROUPS, RESOURCES, Caller, callers, worlds


@settings(max_examples=100, deadline=None)
@given(worlds(), callers())
def test_decisions_are_those_of_the_reference(world: dict[str, Any], caller: Caller) -> None:
    guard = Guard(directory=LocalDirectory.from_dict(world, strict=False))
    principal = caller.principal
    member, held = reference.groups(world, caller), {name: reference.permission(world, caller, name) for name in RESOURCES}
    checks = [
        *((groups(name), name in member) for name in GROUPS),
        *((permission(action, name), action in held[name]) for name in RESOURCES for action in ACTIONS),
        *((restricted(name), reference.admitted(world, caller, name)) for name in RESOURCES),
    ]
    expected = [verdict for _, verdict in checks]
    assert [guard.check(principal, requirement).permitted for requirement, _ in checks] == expected
    assert [decision.permitted for decision in guard.check_many(principal, [requirement for requirement, _ in checks])] == expected

    async def main() -> list[bool]:
        return [(await guard.acheck(principal, requirement)).permitted for requirement, _ in checks]

    assert asyncio.run(main()) == expected
    for name in RESOURCES:
        assert set(guard.permissions(principal, name).words) == held[name]
    for action in ACTIONS:
        readable = [name for name in RESOURCES if action in held[name]]
        assert list(map(str, guard.filter(principal, action, map(Resource.parse, RESOURCES)))) == readable
