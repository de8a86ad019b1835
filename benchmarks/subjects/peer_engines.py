"""Decisions of engines that run in this process: cedarpy and pemba, with whatever they can prepare prepared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.drive import fresh_text
from benchmarks.subject import Cells, Kit, Outcomes, nothing_bare

__all__ = ["PEMBA_SCHEMA", "make"]

PEMBA_SCHEMA = """
definition user {}

definition group {
    relation member: user | group#member
}

definition project {
    relation reader: user | group#member
    permission read = reader
}
"""

_CEDAR_POLICY = 'permit(principal in Group::"Research", action == Action::"read", resource in Folder::"research");'
_CLAIMED = {"missing right": "refused", "good": "permitted"}


def make(kit: Kit, *, engine: str) -> Cells:
    ask = {"cedarpy": _cedarpy, "pemba": _pemba}[engine]()

    def outcomes() -> Outcomes:
        return {question: "permitted" if ask(name) else "refused" for question, name in (("missing right", "otto"), ("good", "olga"))}

    return {
        "a permission through a group": nothing_bare(ask, lambda: fresh_text("olga"), outcomes=outcomes, claimed=_CLAIMED),
    }


def _cedarpy() -> Callable[[str], Any]:
    from cedarpy import Entities, PolicySet, is_authorized

    policies = PolicySet.from_str(_CEDAR_POLICY)
    entities = Entities.from_json_str(
        json.dumps(
            [
                {"uid": {"type": "User", "id": "olga"}, "attrs": {}, "parents": [{"type": "Group", "id": "Research"}]},
                {"uid": {"type": "User", "id": "otto"}, "attrs": {}, "parents": []},
                {"uid": {"type": "Project", "id": "p1"}, "attrs": {}, "parents": [{"type": "Folder", "id": "research"}]},
            ]
        )
    )
    action, resource = {"type": "Action", "id": "read"}, {"type": "Project", "id": "p1"}

    def ask(name: str) -> Any:
        request = {"principal": {"type": "User", "id": name}, "action": action, "resource": resource, "context": {}}
        return is_authorized(request, policies, entities).allowed

    return ask


def _pemba() -> Callable[[str], Any]:
    from pemba import Engine

    engine = Engine.memory()
    engine.write_schema(PEMBA_SCHEMA)
    engine.write(touch=["group:research#member@user:olga", "project:p1#reader@group:research#member"])

    def ask(name: str) -> Any:
        return engine.check("project:p1", "read", f"user:{name}")

    return ask
