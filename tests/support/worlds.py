"""Random small worlds of users, groups and resources, and the callers who meet them.

A world is the table that ``LocalDirectory.from_dict`` reads. Names are few, so that facts meet: groups and
resources nest in cycles, users are pinned to somebody else, second owners and shared secrets are common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal

__all__ = ["GROUPS", "ISSUERS", "RESOURCES", "TYPES", "USERS", "Caller", "callers", "worlds"]

USERS = ("ada", "bob", "eve", "olga")
ISSUERS = ("https://a.example", "https://b.example")
SUBJECTS = ("s-1", "s-2", "s-3")
GROUPS = ("OrgA:Team", "OrgA:Inner", "OrgB:Team", "Plain", "Org C:ключ #1")
TYPES = ("Project", "Service", "Secret")
RESOURCES = ("Project:p1", "Project:p2", "Service:ns/one", "Service:ns/two:x", "Secret:k1", "Secret:k2")
ORGANIZATIONS = ("OrgA", "OrgB")
WORDS = ("read", "write", "execute", "clone", "admin", "owner")
LEVELS = ("public", "registered", "only_allowed_users", "any_organization", "same_organization")


@dataclass(frozen=True)
class Caller:
    """A verified caller as a token tells of it."""

    username: str
    subject: str
    issuer: str
    groups: frozenset[str]

    @property
    def principal(self) -> Principal:
        return Principal(issuer=self.issuer, subject=self.subject, username=self.username, groups=self.groups)


def _some(names: tuple[str, ...], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=most, unique=True)


def callers() -> st.SearchStrategy[Caller]:
    """A caller who may be one of the listed users, or share a name with one."""
    return st.builds(Caller, st.sampled_from(USERS), st.sampled_from(SUBJECTS), st.sampled_from(ISSUERS), _some(GROUPS, 2).map(frozenset))


@st.composite
def _user(draw: st.DrawFn) -> dict[str, Any]:
    user: dict[str, Any] = {}
    if draw(st.booleans()):
        user["subject"] = draw(st.sampled_from(SUBJECTS))
    if draw(st.integers(0, 3)) == 0:
        user["issuer"] = draw(st.sampled_from(ISSUERS))
    if draw(st.booleans()):
        user["organizations"] = draw(_some(ORGANIZATIONS))
    return user


def _group() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={"users": _some(USERS), "groups": _some(GROUPS), "admins": _some(USERS, 1)})


@st.composite
def _grant(draw: st.DrawFn) -> dict[str, Any]:
    kind, names = draw(st.sampled_from((("user", USERS), ("group", GROUPS), ("resource", RESOURCES), ("resource", RESOURCES))))
    grant: dict[str, Any] = {"to": f"{kind}:{draw(st.sampled_from(names))}"}
    if draw(st.booleans()):
        grant["role"] = draw(st.sampled_from(("None", "Guest", "User", "Editor", "Owner")))
    else:
        grant["permissions"] = draw(_some(WORDS))
    return grant


@st.composite
def _resource(draw: st.DrawFn) -> dict[str, Any]:
    resource: dict[str, Any] = {"grants": draw(st.lists(_grant(), max_size=5))}
    if draw(st.booleans()):
        resource["owner"] = draw(st.sampled_from(USERS))
    if draw(st.booleans()):
        resource["organization"] = draw(st.sampled_from(ORGANIZATIONS))
    if draw(st.booleans()):
        names = draw(_some(USERS))
        allowed = draw(st.sampled_from((names, " , ".join(names))))
        resource["restricted"] = {"level": draw(st.sampled_from(LEVELS)), "allowed_users": allowed}
    return resource


def worlds() -> st.SearchStrategy[dict[str, Any]]:
    """The facts of a world, all well-formed."""
    return st.fixed_dictionaries(
        {
            "users": st.dictionaries(st.sampled_from(USERS), _user(), max_size=3),
            "groups": st.dictionaries(st.sampled_from(GROUPS), _group(), max_size=4),
            "resources": st.dictionaries(st.sampled_from(RESOURCES), _resource(), max_size=6),
        }
    )


def resources() -> list[Resource]:
    """Every resource that a world may know, and one that none does."""
    return [Resource.parse(text) for text in (*RESOURCES, "Project:unknown")]
