"""Random worlds by the hundred: facts that every kind of source can be told, callers, demands, and what the reference says.

Kept to what Carta has words for: each resource has one owner, each user at most one organization, and nobody but an
owner clones. What only some sources know (pins, several issuers, malformed facts) is tested on its own elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from cartaguard import Principal, Requirement, all_of, any_of, groups, permission, restricted
from cartaguard.model.permission import ACTIONS
from support import reference

__all__ = ["ORGANIZATIONS", "PEOPLE", "Asked", "Person", "World"]

#: The users of every world, and their organizations: they are told once, and groups and resources for each world.
ORGANIZATIONS: Mapping[str, str] = {"ada": "OrgA", "bob": "OrgA", "cleo": "OrgB", "dan": "", "eve": "OrgB", "olga": "OrgA"}
PEOPLE = tuple(ORGANIZATIONS)

_GROUPS = ("OrgA:Team", "OrgA:Inner", "OrgB:Team", "Plain", "OrgC:ключ #1", "OrgC:z")
_TYPES = ("Project", "Workspace", "File", "Secret")
_ROLES = ("None", "Guest", "User", "Editor")
_WORDS = ("read", "write", "execute", "admin")
_LEVELS = ("public", "registered", "only_allowed_users", "any_organization", "same_organization")


@dataclass(frozen=True)
class Person:
    """A caller as the reference knows one."""

    username: str
    subject: str
    issuer: str
    groups: frozenset[str] = frozenset()


class Asked(NamedTuple):
    """A demand, and whether it is met. ``restricts``: it asks for a restriction, which Carta knows nothing of."""

    requirement: Requirement
    expected: bool
    restricts: bool = False


class World:
    """One world, its facts in the form of ``LocalDirectory.from_dict``.

    :param mark: stands in the name of each group and resource, so that no two worlds share one.
    """

    def __init__(self, random: Random, mark: str) -> None:
        self._random = random
        self._groups = [f"{name}-{mark}" for name in _GROUPS]
        self._resources = [f"{random.choice(_TYPES)}:{mark}-{number}" for number in range(10)]
        self.facts: dict[str, Any] = {
            "users": {name: {"organizations": [organization] if organization else []} for name, organization in ORGANIZATIONS.items()},
            "groups": {name: self._group() for name in self._groups[: random.randint(1, len(_GROUPS))]},
            "resources": {name: self._resource(name) for name in self._resources[: random.randint(3, len(self._resources))]},
        }

    def _some(self, names: Any, most: int) -> list[str]:
        return self._random.sample(names, self._random.randint(0, min(most, len(names))))

    def _group(self) -> dict[str, Any]:
        return {"users": self._some(PEOPLE, 3), "groups": self._some(self._groups, 2)}

    def _resource(self, name: str) -> dict[str, Any]:
        owner = self._random.choice(PEOPLE)
        held: dict[str, set[str]] = {}
        for _ in range(0 if name.startswith("Secret:") else self._random.randint(0, 5)):
            kind, names = self._random.choice((("user", PEOPLE), ("group", self._groups), ("resource", self._resources)))
            to = f"{kind}:{self._random.choice(names)}"
            # Carta knows of no grant of a thing to itself, to its owner, or to a secret.
            if to not in (f"user:{owner}", f"resource:{name}") and not to.startswith("resource:Secret:"):
                held.setdefault(to, set()).update(self._words())
        resource: dict[str, Any] = {"owner": owner, "grants": [{"to": to, "permissions": sorted(words)} for to, words in held.items()]}
        if self._random.random() < 0.5:
            resource["organization"] = self._random.choice(("OrgA", "OrgB"))
        if self._random.random() < 0.5:
            resource["restricted"] = {"level": self._random.choice(_LEVELS), "allowed_users": ", ".join(self._some(PEOPLE, 2))}
        return resource

    def _words(self) -> set[str]:
        if self._random.random() < 0.5:
            return set(reference.ROLES[self._random.choice(_ROLES)])
        return set(self._some(_WORDS, 3))

    def asked(self, principal: Principal, *, mixed: int = 20) -> list[Asked]:
        """Everything that can be asked about a caller, and some combinations, with what the reference says."""
        caller = Person(principal.username, principal.subject, principal.issuer, principal.groups)
        held, member = reference.held(self.facts, caller), reference.groups(self.facts, caller)
        leaves = [Asked(groups(name), name in member) for name in self._groups]
        for name in self._resources:
            leaves += [Asked(permission(action, name), action in held.get(name, ())) for action in ACTIONS]
            leaves.append(Asked(restricted(name), reference.admitted(self.facts, caller, name), restricts=True))
        return leaves + [self._mixed(leaves) for _ in range(mixed)]

    def _mixed(self, leaves: list[Asked]) -> Asked:
        parts = self._random.sample(leaves, self._random.randint(2, 4))
        combine, settle = self._random.choice(((any_of, any), (all_of, all)))
        return Asked(
            combine(*(part.requirement for part in parts)),
            settle(part.expected for part in parts),
            restricts=any(part.restricts for part in parts),
        )
