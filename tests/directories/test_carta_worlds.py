"""A local directory and a Carta with the same facts give the same answers, through either generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any, Literal

import pytest
from hypothesis import given, settings

from cartaguard import LocalDirectory, Permission, Principal, Resource
from cartaguard.devserver.store import Tables
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.graph import Grantee
from cartaguard.drivers import blocking
from cartaguard.model.facts import Granted, GroupsNeed, ListingNeed, Need, OrganizationsNeed, PermissionNeed
from cartaguard.model.principal import Credential
from cartaguard.model.role import Role
from cartaguard.testing import EmbeddedCarta
from support.worlds import GROUPS, RESOURCES, TYPES, USERS, worlds

_numbers = count()

#: Who asks: more of them take longer and tell no more.
CALLERS = ("ada", "olga")

#: What each generation has no word for.
UNSAID = {"v1": Permission.OWNER, "v2": Permission.NONE}


@pytest.fixture(scope="module")
def carta() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta() as carta:
        carta.add_user("vera", groups=["Administrators"])
        yield carta


class Told:
    """One world told to a Carta and to a local directory, under names that no other world has.

    Of a random world that is kept which Carta has words for: one owner of each resource, one organization of each
    user, and no cloning where the second generation is to tell of it.
    """

    def __init__(self, carta: EmbeddedCarta, facts: Mapping[str, Any]) -> None:
        self._carta = carta
        self._mark = f"w{next(_numbers)}"
        # Carta knows a resource by its id alone.
        self.resources = [self._resource(Resource.parse(name)) for name in RESOURCES]
        self.subjects = {name: carta.add_user(self.own(name), organization=self._organization(facts, name)) for name in USERS}
        self.facts: dict[str, Any] = {"users": {}, "groups": {}, "resources": {}}
        for name in USERS:
            organization = self._organization(facts, name)
            self.facts["users"][self.own(name)] = {"organizations": [organization] if organization else []}
        for group in GROUPS:
            self._tell_group(group, facts["groups"].get(group, {}))
        for name, resource in zip(RESOURCES, self.resources, strict=True):
            if name in facts["resources"]:
                self._tell_resource(resource, facts["resources"][name])
        for name, resource in zip(RESOURCES, self.resources, strict=True):
            if name in facts["resources"] and resource.type != "Secret":
                self._tell_grants(resource, facts["resources"][name]["grants"])
        self.local = LocalDirectory.from_dict(self.facts)

    def own(self, name: str) -> str:
        return f"{self._mark}-{name}"

    def caller(self, name: str) -> Principal:
        token = Credential(self._carta.token(self.own(name)))
        return Principal(issuer=self._carta.issuer, subject=self.subjects[name], username=self.own(name), credential=token)

    def _resource(self, resource: Resource) -> Resource:
        return Resource(resource.type, self.own(resource.id))

    @staticmethod
    def _organization(facts: Mapping[str, Any], name: str) -> str:
        return next(iter(facts["users"].get(name, {}).get("organizations", ())), "")

    def _tell_group(self, group: str, told: Mapping[str, Any]) -> None:
        users, groups = map(self.own, told.get("users", ())), map(self.own, told.get("groups", ()))
        self.facts["groups"][self.own(group)] = made = {"users": list(users), "groups": list(groups)}
        for kind, names in made.items():
            for name in names:
                self._carta.add_member(self.own(group), name, kind=kind.removesuffix("s"))

    def _tell_resource(self, resource: Resource, told: Mapping[str, Any]) -> None:
        owner = self.own(told.get("owner", USERS[0]))
        self.facts["resources"][str(resource)] = {"owner": owner, "grants": []}
        self._carta.add_resource(resource, owner=owner)

    def _tell_grants(self, resource: Resource, grants: list[dict[str, Any]]) -> None:
        entry, held = self.facts["resources"][str(resource)], dict[Grantee, Permission]()
        for grant in grants:
            grantee = self._grantee(grant["to"])
            # Who owns it holds everything already, and a second owner is none.
            if grantee is not None and grantee != Grantee("user", entry["owner"]):
                held[grantee] = held.get(grantee, Permission.NONE) | _said(grant)
        for grantee, permission in held.items():
            entry["grants"].append({"to": str(grantee), "permissions": list(permission.words)})
            self._carta._carta.store.transact(partial(_grant, resource, grantee, permission))

    def _grantee(self, text: str) -> Grantee | None:
        """The grantee under its name here; ``None`` for a resource that there is not."""
        kind, _, name = text.partition(":")
        if kind != "resource":
            return Grantee(kind, self.own(name))
        resource = self.resources[RESOURCES.index(name)]
        return Grantee.of(resource) if str(resource) in self.facts["resources"] else None


def _grant(resource: Resource, grantee: Grantee, permission: Permission, tables: Tables) -> None:
    tables.permissions.grant(resource, grantee, permission)


def _said(grant: Mapping[str, Any]) -> Permission:
    words = Role(grant["role"]).permission.words if "role" in grant else grant["permissions"]
    return Permission.of(*(word for word in words if word not in ("owner", "clone")))


def ways(carta: EmbeddedCarta) -> Iterator[tuple[Literal["v1", "v2"], CartaDirectory]]:
    apis: tuple[Literal["v1", "v2"], ...] = ("v1", "v2")
    for api in apis:
        yield api, CartaDirectory(carta.url, api=api, groups="user")
        yield api, CartaDirectory(carta.url, api=api, groups="members", credential=carta.token("vera"))


def asked(directory: CartaDirectory, needs: list[Need]) -> list[Any]:
    """What is answered, without any doubt."""
    facts = blocking.run(directory.fetch(needs))
    assert not any(fact.doubt for fact in facts.values())
    return [facts[need] for need in needs]


@settings(max_examples=12, deadline=None)
@given(facts=worlds())
def test_a_carta_and_a_local_directory_give_the_same_answers(carta: EmbeddedCarta, facts: dict[str, Any]) -> None:
    """Permissions one by one and many at once, listings, groups and organizations."""
    told = Told(carta, facts)
    wanted = frozenset(map(told.own, GROUPS))
    for principal in map(told.caller, CALLERS):
        expected = {resource: told.local.permission(principal, resource).permission for resource in told.resources}
        groups, organizations = told.local.groups(principal), told.local.organizations(principal)
        for api, directory in ways(carta):
            said = {resource: permission & ~UNSAID[api] for resource, permission in expected.items()}
            permissions: list[Need] = [PermissionNeed(principal, resource) for resource in told.resources]
            listings: list[Need] = [ListingNeed(principal, type_) for type_ in TYPES]
            found = asked(directory, [*permissions, *listings])
            assert [fact.permission for fact in found[: len(permissions)]] == list(said.values())
            for type_, listed in zip(TYPES, found[len(permissions) :], strict=True):
                of_type = {resource: flags for resource, flags in said.items() if flags and resource.type == type_}
                # Services are listed by their ids.
                assert sorted(flags for _, flags in listed.resources) == sorted(of_type.values())
                assert type_ == "Service" or dict(listed.resources) == of_type
            for need, permission in zip(permissions, said.values(), strict=True):
                assert api == "v1" or asked(directory, [need]) == [Granted(permission)]
            named = wanted if directory.partial_groups else frozenset()
            assert asked(directory, [GroupsNeed(principal, named), OrganizationsNeed(principal)]) == [groups, organizations]
