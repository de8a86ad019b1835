"""The semantics of facts once more, by brute force and without any code of the product.

Works on the table that ``LocalDirectory.from_dict`` reads and on callers with ``username``, ``subject``,
``issuer`` and ``groups``. Rights are sets of words. Everything is computed for everybody until nothing changes.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["admitted", "groups", "listing", "organizations", "permission"]

ALL = frozenset({"read", "write", "execute", "clone", "admin", "owner"})
ROLES = {
    "None": frozenset[str](),
    "Guest": frozenset({"read"}),
    "User": frozenset({"read", "execute"}),
    "Editor": frozenset({"read", "write", "execute"}),
    "Owner": ALL,
}


class Caller(Protocol):
    @property
    def username(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def groups(self) -> frozenset[str]: ...


def name(facts: dict[str, Any], caller: Caller) -> str | None:
    """The name by which facts know a caller; users are listed under their login names here."""
    user = facts.get("users", {}).get(caller.username)
    if user is None:
        return caller.username
    is_user = user.get("subject", caller.subject) == caller.subject and user.get("issuer", caller.issuer) == caller.issuer
    return caller.username if is_user else None


def groups(facts: dict[str, Any], caller: Caller) -> frozenset[str]:
    """Every group of a caller."""
    who = name(facts, caller)
    found = set(caller.groups)
    while True:
        more = {
            group
            for group, fact in facts.get("groups", {}).items()
            if who in fact.get("users", ()) or any(inner in found for inner in fact.get("groups", ()))
        }
        if more <= found:
            return frozenset(found)
        found |= more


def grants(resource: str, fact: dict[str, Any]) -> list[tuple[str, frozenset[str]]]:
    """The grants that count."""
    if resource.startswith("Secret:"):
        return []
    counted = []
    taken = "owner" in fact
    for grant in fact.get("grants", ()):
        words = ROLES[grant["role"]] if "role" in grant else frozenset(grant["permissions"])
        if "owner" in words:
            if taken:
                continue
            taken, words = True, ALL
        counted.append((grant["to"], words))
    return counted


def held(facts: dict[str, Any], caller: Caller) -> dict[str, frozenset[str]]:
    """What a caller holds on every known resource."""
    resources = facts.get("resources", {})
    who, within = name(facts, caller), groups(facts, caller)
    found: dict[str, frozenset[str]] = dict.fromkeys(resources, frozenset())
    while True:
        before = dict(found)
        for resource, fact in resources.items():
            if who is not None and fact.get("owner") == who:
                found[resource] = ALL
            for to, words in grants(resource, fact):
                kind, _, grantee = to.partition(":")
                if (kind == "user" and grantee == who) or (kind == "group" and grantee in within):
                    found[resource] |= words
                elif kind == "resource":
                    found[resource] |= words & found.get(grantee, frozenset())
        if found == before:
            return found


def permission(facts: dict[str, Any], caller: Caller, resource: str) -> frozenset[str]:
    """What a caller holds on one resource."""
    return held(facts, caller).get(resource, frozenset())


def listing(facts: dict[str, Any], caller: Caller, type: str) -> list[tuple[str, frozenset[str]]]:
    """The resources of a type on which a caller holds something."""
    return sorted((resource, words) for resource, words in held(facts, caller).items() if words and resource.startswith(type + ":"))


def organizations(facts: dict[str, Any], caller: Caller) -> frozenset[str]:
    """The organizations of a caller."""
    user = facts.get("users", {}).get(caller.username)
    return frozenset(user.get("organizations", ())) if user is not None and name(facts, caller) is not None else frozenset()


def admitted(facts: dict[str, Any], caller: Caller | None, resource: str) -> bool:
    """Whether a resource's restriction lets a caller pass (``None``: an anonymous one)."""
    fact = facts.get("resources", {}).get(resource)
    if fact is None:
        return False
    if "restricted" not in fact or fact["restricted"]["level"] == "public":
        return True
    if caller is None:
        return False
    level, allowed = fact["restricted"]["level"], fact["restricted"].get("allowed_users", "")
    listed = caller.username in [user.strip() for user in (allowed.split(",") if isinstance(allowed, str) else allowed)]
    belongs = organizations(facts, caller)
    return {
        "registered": True,
        "only_allowed_users": listed,
        "any_organization": listed or bool(belongs),
        "same_organization": listed or fact.get("organization") in belongs,
    }[level]
