"""What somebody holds, asked of either generation of Carta's API.

v1 asks about resources of a type (a service account's question leaves the type out), v2 about nodes, which are
known by id alone and whose labels are their types. v1 has no word for an owner, v2 none for cloning: through v1
nobody is seen to own anything, through v2 only owners clone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cartaguard.carta.calls import graph, permissions
from cartaguard.carta.paths import UnaskableError
from cartaguard.carta.reading import node, record, sound
from cartaguard.carta.records import Node, Record
from cartaguard.directories.carta_asking import Asking, login_name
from cartaguard.drivers.effects import Steps
from cartaguard.errors import CartaError
from cartaguard.events import emit
from cartaguard.model.facts import Listed
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal

__all__ = ["GENERATIONS", "V1", "V2", "Generation"]

#: v2's word for the node of whoever asks.
_SELF = "self"


class Generation(Protocol):
    """Two questions about a caller. Both raise what :meth:`Asking.ask` raises."""

    #: Whether a listing says what is held on each resource just as asking about it does.
    lists_all: bool

    def permission(self, principal: Principal, resource: Resource) -> Steps[Permission]:
        """What a caller holds on one resource, known by its id."""

    def listing(self, principal: Principal, type: str) -> Steps[Listed | None]:
        """The resources of a type on which a caller holds something; ``None`` for 403 and 404."""


class V1:
    """The first generation."""

    lists_all = False

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def permission(self, principal: Principal, resource: Resource) -> Steps[Permission]:
        if self._asking.service is None:
            item = yield from self._asking.ask(permissions.get(resource.type, resource.id), principal)
            return Permission.NONE if item is None else item.permission
        held = yield from self._asking.ask(permissions.held(resource.id, login_name(principal)), principal)
        return held or Permission.NONE

    def listing(self, principal: Principal, type: str) -> Steps[Listed | None]:
        asked = permissions.list_resources(type, user_id="" if self._asking.service is None else principal.subject)
        answer = yield from self._asking.ask(asked.reading(sound(record(type))), principal)
        return _listed(self._asking, type, answer)


class V2:
    """The second generation."""

    lists_all = True

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def permission(self, principal: Principal, resource: Resource) -> Steps[Permission]:
        if resource.id == _SELF:
            # Whoever asked would be asked about themselves, on whom they hold everything.
            raise UnaskableError("`self` is whoever asks, and no resource")
        held = yield from self._asking.ask(graph.held(self._caller(principal), resource.id), principal)
        if not held:
            return Permission.NONE
        # Users and groups are nodes too, and everybody holds everything on themselves: only labels tell types.
        found = yield from self._asking.ask(graph.get(resource.id), principal)
        if found is None or resource.type not in found.labels:
            return Permission.NONE
        if found.id != resource.id:
            raise CartaError("carta answered about another node than was asked for", code="carta_malformed")
        return held

    def listing(self, principal: Principal, type: str) -> Steps[Listed | None]:
        asked = graph.list_resources(self._caller(principal), type)
        answer = yield from self._asking.ask(asked.reading(sound(node)), principal)
        return _listed(self._asking, type, answer)

    def _caller(self, principal: Principal) -> str:
        if self._asking.service is None:
            return _SELF
        if principal.subject == _SELF:
            raise UnaskableError("`self` is the service account, and not a caller of that id")
        return principal.subject


GENERATIONS: Mapping[str, type[V1] | type[V2]] = {"v1": V1, "v2": V2}


def _listed(asking: Asking, type: str, answer: tuple[list[Record], bool] | tuple[list[Node], bool] | None) -> Listed | None:
    """What is sound of a listing is known, even where some of it is not."""
    if answer is None:
        return None
    items, all_sound = answer
    if not all_sound:
        emit("answer_malformed", source=asking.carta.host, reason=f"a listing of `{type}`")
    held = tuple((Resource(type, item.id), item.permission) for item in items if item.permission)
    return Listed(held, "" if all_sound else "carta_malformed")
