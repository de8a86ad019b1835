"""Several directories as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard.directories.base import Directory, in_doubt, nothing
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.local import LocalDirectory
from cartaguard.drivers import blocking
from cartaguard.errors import ConfigurationError, FactsUnavailable
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.restriction import Restriction
from support import reference
from support.worlds import GROUPS, USERS, Caller, callers, resources, worlds

P1, P2 = Resource("Project", "p1"), Resource("Project", "p2")
OLGA = Principal(issuer="https://a.example", subject="s-1", username="olga", groups=["Token"])


def needs(principal: Principal = OLGA) -> list[Need]:
    return [
        GroupsNeed(principal),
        PermissionNeed(principal, P1),
        OrganizationsNeed(principal),
        RestrictionNeed(principal, P1),
        ListingNeed(principal, "Project"),
    ]


class Remote(Directory):
    """A directory that answers from a function, and counts what it is asked."""

    remote = True

    def __init__(self, answer: Callable[[Need], Fact] = nothing, *, uses_groups: bool = False) -> None:
        self._answer = answer
        self.uses_groups = uses_groups
        self.asked: list[Sequence[Need]] = []
        self.forgotten: list[Any] = []

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        self.asked.append(needs)
        return {need: self._answer(need) for need in needs}

    def invalidate(self, **named: Any) -> None:
        self.forgotten.append(named)

    def qualify(self) -> None:
        self.forgotten.append("qualified")

    def close(self) -> None:
        self.forgotten.append("closed")


def telling(*facts: Fact) -> Callable[[Need], Fact]:
    """Answers each kind of need with the fact of its kind."""

    def answer(need: Need) -> Fact:
        empty = nothing(need)
        return next((fact for fact in facts if type(fact) is type(empty)), empty)

    return answer


def ask(directory: Directory, *asked: Need) -> list[Any]:
    facts = blocking.run(directory.fetch(asked))
    return [facts[need] for need in asked]


def local(**facts: Any) -> LocalDirectory:
    return LocalDirectory.from_dict(facts)


def test_everything_adds_up() -> None:
    """Groups, permissions, organizations, restrictions and listings of a local and a remote directory."""
    level = Restriction("registered")
    remote = Remote(
        telling(
            Memberships(frozenset({"Remote"})),
            Granted(Permission.WRITE),
            Organizations(frozenset({"OrgB"})),
            Known(True, (level,)),
            Listed(((P2, Permission.READ), (P1, Permission.CLONE))),
        )
    )
    chain = ChainDirectory(
        [
            local(
                users={"olga": {"organizations": ["OrgA"]}},
                groups={"Local": {"users": ["olga"]}},
                resources={"Project:p1": {"restricted": {"level": "public"}, "grants": [{"to": "group:Local", "role": "Guest"}]}},
            ),
            remote,
        ]
    )
    groups, granted, organizations, known, listed = ask(chain, *needs())
    assert groups == Memberships(frozenset({"Token", "Local", "Remote"}))
    assert granted == Granted(Permission.READ | Permission.WRITE)
    assert organizations == Organizations(frozenset({"OrgA", "OrgB"}))
    assert known == Known(True, (Restriction("public"), level))
    assert listed == Listed(((P1, Permission.READ | Permission.CLONE), (P2, Permission.READ)))


def test_groups_that_one_source_knows_are_given_to_the_others_until_nothing_is_added() -> None:
    """A remote membership is nested locally, and back."""

    def answer(need: Need) -> Fact:
        match need:
            case GroupsNeed(principal):
                return Memberships(frozenset({"R:deep"} if "L:mid" in principal.groups else {"R:start"}) | principal.groups)
            case PermissionNeed(principal):
                return Granted(Permission.WRITE if "L:top" in principal.groups else Permission.NONE)
        return nothing(need)

    nesting = local(
        groups={"L:mid": {"groups": ["R:start"]}, "L:top": {"groups": ["R:deep"]}},
        resources={"Project:p1": {"grants": [{"to": "group:L:top", "role": "Guest"}]}},
    )
    chain = ChainDirectory([nesting, Remote(answer, uses_groups=True)])
    groups, granted = ask(chain, GroupsNeed(OLGA), PermissionNeed(OLGA, P1))
    assert groups.groups == {"Token", "R:start", "L:mid", "R:deep", "L:top"}
    assert granted == Granted(Permission.READ | Permission.WRITE)


def test_sources_that_always_find_another_group_leave_the_whole_in_doubt() -> None:
    """Rather than going on for ever."""

    def endless(name: str) -> Remote:
        return Remote(lambda need: Memberships(need.principal.groups | {f"{name}{len(need.principal.groups)}"}), uses_groups=True)

    [groups] = ask(ChainDirectory([endless("A"), endless("B")]), GroupsNeed(OLGA))
    assert groups.doubt == "endless_groups"
    assert groups.groups > OLGA.groups


def test_the_doubt_of_one_is_the_doubt_of_the_whole_which_keeps_what_is_known() -> None:
    """For every kind of fact, whether the doubt is told or raised."""

    class Failing(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            raise FactsUnavailable(code="down")

    knowing = local(
        users={"olga": {"organizations": ["OrgA"]}},
        groups={"Local": {"users": ["olga"]}},
        resources={"Project:p1": {"owner": "olga"}},
    )
    for failing in (Failing(), Remote(lambda need: in_doubt(need, "down"))):
        groups, granted, organizations, known, listed = ask(ChainDirectory([knowing, failing]), *needs())
        assert groups == Memberships(frozenset({"Token", "Local"}), "down")
        assert granted == Granted(Permission.ALL, "down")
        assert organizations == Organizations(frozenset({"OrgA"}), "down")
        assert known == Known(True, (), "down")
        assert listed == Listed(((P1, Permission.ALL),), "down")


def test_groups_in_doubt_leave_the_permission_in_doubt_that_depends_on_them() -> None:
    """Even where every source answers about the permission."""

    class HalfDown(Remote):
        def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
            return Granted()

        def listing(self, principal: Principal, type: str) -> Listed:
            return Listed()

    half = HalfDown(lambda need: in_doubt(need, "down"))
    granted, listed = ask(ChainDirectory([local(), half]), PermissionNeed(OLGA, P1), ListingNeed(OLGA, "Project"))
    assert [granted.doubt, listed.doubt] == ["down", "down"]
    [granted] = ask(ChainDirectory([half]), PermissionNeed(OLGA, P1))
    assert granted.doubt == ""


def test_an_answer_that_is_missing_is_in_doubt() -> None:
    """A source that leaves a need out has not said no."""

    class Silent(Directory):
        def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
            return {}

    [granted] = ask(ChainDirectory([Silent()]), PermissionNeed(OLGA, P1))
    assert granted == Granted(doubt="no_answer")


def test_everything_is_at_hand_when_every_member_has_it_at_hand() -> None:
    """Local directories in a row need no fetch; one remote among them does."""
    first = local(groups={"A": {"users": ["olga"]}}, users={"olga": {"organizations": ["OrgA"]}})
    second = local(groups={"B": {"groups": ["A"]}}, resources={"Project:p1": {"grants": [{"to": "group:B", "role": "Guest"}]}})
    chain = ChainDirectory([second, first])
    assert chain.groups(OLGA) == Memberships(frozenset({"Token", "A", "B"}))
    assert chain.permission(OLGA, P1) == Granted(Permission.READ)
    assert chain.organizations(OLGA) == Organizations(frozenset({"OrgA"}))
    assert chain.restriction(OLGA, P1) == Known(True)
    assert chain.listing(OLGA, "Project") == Listed(((P1, Permission.READ),))
    remote = Remote()
    mixed = ChainDirectory([chain, remote])
    assert [mixed.groups(OLGA), mixed.permission(OLGA, P1), mixed.listing(OLGA, "Project")] == [None] * 3
    assert [mixed.organizations(OLGA), mixed.restriction(OLGA, P1)] == [None] * 2
    assert remote.asked == []


def test_where_no_member_uses_groups_none_is_asked_for_them() -> None:
    """A permission then costs one question to each."""
    remotes = [Remote(telling(Granted(Permission.READ))), Remote()]
    [granted] = ask(ChainDirectory(remotes), PermissionNeed(OLGA, P1, 1))
    assert granted == Granted(Permission.READ)
    assert [[type(need) for asked in remote.asked for need in asked] for remote in remotes] == [[PermissionNeed]] * 2


def test_a_member_is_asked_for_all_that_is_missing_at_once() -> None:
    """Many needs, one fetch, and each need once."""
    remote = Remote()
    ask(ChainDirectory([local(), remote]), *needs(), PermissionNeed(OLGA, P2))
    [first, *others] = remote.asked
    assert len(set(first)) == len(first)
    assert {type(need) for asked in remote.asked for need in asked} == {type(need) for need in needs()}
    assert len(others) <= 1


def test_a_chain_in_a_chain_is_taken_apart() -> None:
    """So that every member is asked together."""
    one, two, three = local(), local(), local()
    assert ChainDirectory([one, ChainDirectory([two, three])]).members == (one, two, three)


@pytest.mark.parametrize("members", [[], [ChainDirectory], ["local"]])
def test_a_chain_of_nothing_is_a_mistake(members: Any) -> None:
    """As is one of something else."""
    with pytest.raises(ConfigurationError, match="no director"):
        ChainDirectory(members)


def test_what_is_said_to_the_chain_is_said_to_its_members() -> None:
    """Invalidation, qualification and the end."""
    members = [Remote(), Remote()]
    chain = ChainDirectory(members)
    chain.invalidate(group="G")
    chain.qualify()
    chain.close()
    assert [member.forgotten for member in members] == [[{"principal": None, "group": "G", "resource": None}, "qualified", "closed"]] * 2


@settings(max_examples=60, deadline=None)
@given(facts=worlds(), caller=callers(), divide=st.frozensets(st.sampled_from(GROUPS)))
def test_facts_that_are_divided_between_sources_mean_the_same(facts: dict[str, Any], caller: Caller, divide: frozenset[str]) -> None:
    """Groups may be nested across sources in cycles; resources are all in one."""
    users = {"users": facts["users"]}
    here = {name: group for name, group in facts["groups"].items() if name in divide}
    there = {name: group for name, group in facts["groups"].items() if name not in divide}
    chain = ChainDirectory([local(**users, groups=here), local(**users, groups=there, resources=facts["resources"])])
    memberships = chain.groups(caller.principal)
    assert memberships is not None
    assert memberships.groups == reference.groups(facts, caller)
    for resource in resources():
        granted = chain.permission(caller.principal, resource)
        assert granted is not None
        assert set(granted.permission.words) == reference.permission(facts, caller, str(resource))
    assert caller.username in USERS
