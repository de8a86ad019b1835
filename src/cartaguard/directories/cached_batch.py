"""What a cache asks at once, and what each need says of how old its answer may be."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, NamedTuple

from cartaguard.caches.entry import Entry, Key
from cartaguard.model.facts import GroupsNeed, ListingNeed, Need, PermissionNeed
from cartaguard.model.freshness import Freshness
from cartaguard.model.value import replace

__all__ = ["Batch", "end", "holds", "in_question", "stands", "too_old", "younger"]


class Batch(NamedTuple):
    """Needs that are fetched together, by what they are about, and how old their answer may be."""

    age: float | None
    needs: dict[Key, list[Need]]


def younger(batch: Batch, age: float) -> Batch:
    """The same needs, whose answer may be so old at most."""
    if batch.age is not None and batch.age <= age:
        return batch
    needs = {key: [no_older_than(need, age) for need in asked] for key, asked in batch.needs.items()}
    return Batch(age, needs)


def too_old(found: Mapping[Key, Entry], asked_at: float, batch: Batch) -> bool:
    """Whether something was asked for earlier than the batch allows that was asked for at a time."""
    sinces = (found[key].since for key in batch.needs)
    return batch.age is not None and any(since < asked_at and asked_at - since >= batch.age for since in sinces)


def no_older_than(need: Need, age: float) -> Need:
    return need if isinstance(need, ListingNeed) else replace(need, fresh=replace(need.fresh or Freshness(), max_age=age))


def end(need: Need) -> float:
    """When what is fetched for somebody ends: with the token."""
    expires_at = need.principal.expires_at
    return inf if expires_at is None else expires_at


def in_question(asked: tuple[Key, list[Need]]) -> tuple[Key, frozenset[object]]:
    """A fact, and what is asked about it."""
    key, needs = asked
    return key, frozenset(need.wanted if isinstance(need, GroupsNeed) else getattr(need, "flag", 0) for need in needs)


def holds(need: Need, fact: Any) -> bool:
    """Whether a fact holds what is asked, where something is asked by name."""
    match need:
        case GroupsNeed(_, wanted):
            return not wanted.isdisjoint(fact.groups)
        case PermissionNeed(_, _, flag):
            return flag != 0 and int.__and__(fact.permission, flag) == flag
    return False


def stands(need: Need, fact: Any) -> bool:
    """Whether a fact may stand in for one that cannot be had: one that does not hold what is asked would be a guess."""
    return holds(need, fact) or not isinstance(need, (GroupsNeed, PermissionNeed))
