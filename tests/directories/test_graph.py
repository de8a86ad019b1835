"""The rules by which permissions follow from facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from cartaguard.directories.graph import NOBODY, Grantee, Holders, closure, listing, permission_on
from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.role import Role

READ, WRITE, ALL = int(Permission.READ), int(Permission.WRITE), int(Permission.ALL)


class Facts:
    """A world of a few grants that counts how often it is asked."""

    def __init__(
        self,
        grants: Mapping[str, Mapping[str, int]],
        owners: Mapping[str, str] | None = None,
        nested: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.asked = 0
        self._nested = nested or {}
        owners = owners or {}
        self._holders = {
            name: Holders.settle(
                Resource.parse(name), owners.get(name), [(Grantee.parse(to), flags) for to, flags in grants.get(name, {}).items()]
            )
            for name in {*grants, *owners}
        }
        self._index: dict[Grantee, list[Resource]] = {}
        for name, holders in self._holders.items():
            self._index.setdefault(Grantee("owner", holders.owner or NOBODY), []).append(Resource.parse(name))
            for kind in ("user", "group", "resource"):
                for grantee in holders.granted(kind):
                    self._index.setdefault(Grantee(kind, grantee), []).append(Resource.parse(name))

    def parents(self, group: str) -> Iterable[str]:
        return self._nested.get(group, ())

    def holders(self, resource: Resource) -> Holders | None:
        self.asked += 1
        return self._holders.get(str(resource))

    def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
        return self._index.get(grantee, ())

    def owned_by(self, user: str) -> Iterable[Resource]:
        return self._index.get(Grantee("owner", user), ())


def held(world: Facts, user: str | None, resource: str, *groups: str) -> Permission:
    return permission_on(world, user, frozenset(groups), Resource.parse(resource))


@pytest.mark.parametrize(
    ("text", "grantee"),
    [
        ("user:olga", Grantee("user", "olga")),
        ("group:OrgA:Team", Grantee("group", "OrgA:Team")),
        ("group:Plain", Grantee("group", "Plain")),
        ("resource:Service:ns/a:b", Grantee("resource", "Service:ns/a:b")),
    ],
)
def test_a_grantee_is_read_and_written_as_the_same_text(text: str, grantee: Grantee) -> None:
    """``parse`` and ``str`` undo each other."""
    assert Grantee.parse(text) == grantee
    assert str(grantee) == text


@pytest.mark.parametrize("text", ["", "olga", "user:", "group:", "resource:", "resource:Project", "resource::x", "User:olga", "org:a"])
def test_anything_else_is_no_grantee(text: str) -> None:
    """The error names the text and says what is expected."""
    with pytest.raises(DirectoryError, match="is not a grantee; use") as fault:
        Grantee.parse(text)
    assert f"`{text}`" in str(fault.value)
    assert fault.value.code == "bad_grantee"


def test_a_resource_is_a_grantee() -> None:
    """``of`` names it as ``parse`` does."""
    assert Grantee.of(Resource("Project", "p1")) == Grantee.parse("resource:Project:p1")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("to", ["user:olga", "group:OrgA:Team"])
def test_a_role_gives_its_flags(role: Role, to: str) -> None:
    """To a user and to a group alike; and nothing to others."""
    world = Facts({"Project:p1": {to: int(role.permission)}})
    assert held(world, "olga", "Project:p1", "OrgA:Team") == role.permission
    assert held(world, "adam", "Project:p1", "OrgA:team") == Permission.NONE


def test_admin_implies_no_data_permission() -> None:
    """Whoever may grant does not thereby read."""
    assert held(Facts({"Project:p1": {"user:olga": int(Permission.ADMIN)}}), "olga", "Project:p1") == Permission.ADMIN


def test_the_owner_holds_everything_and_a_second_one_nothing() -> None:
    """A stored Owner besides the owner is ignored as a whole, for users, groups and resources."""
    grants = {"user:adam": ALL, "group:OrgA:Team": ALL, "resource:Project:p2": ALL, "user:eve": READ}
    world = Facts({"Project:p1": grants}, {"Project:p1": "olga", "Project:p2": "adam"})
    assert held(world, "olga", "Project:p1") == Permission.ALL
    assert held(world, "adam", "Project:p1", "OrgA:Team") == Permission.NONE
    assert held(world, "eve", "Project:p1") == Permission.READ


def test_where_no_owner_is_stored_the_first_grant_of_owner_makes_one() -> None:
    """The next one is the second owner."""
    world = Facts({"Project:p1": {"user:olga": ALL, "user:adam": ALL}})
    assert held(world, "olga", "Project:p1") == Permission.ALL
    assert held(world, "adam", "Project:p1") == Permission.NONE


def test_nobody_is_the_owner_whose_name_could_not_be_read() -> None:
    """The place is taken: neither a nameless caller nor a grant of Owner fills it."""
    world = Facts({"Project:p1": {"user:adam": ALL}}, {"Project:p1": NOBODY})
    assert held(world, NOBODY, "Project:p1", "G") == Permission.NONE
    assert held(world, "adam", "Project:p1") == Permission.NONE


def test_a_secret_is_its_owners_alone() -> None:
    """Grants on it give nothing, with or without an owner, in the answer and in the listing."""
    grants = {"user:adam": READ, "group:G": ALL}
    world = Facts({"Secret:k1": grants, "Secret:k2": grants}, {"Secret:k1": "olga"})
    assert held(world, "olga", "Secret:k1") == Permission.ALL
    for name in ("Secret:k1", "Secret:k2"):
        assert held(world, "adam", name, "G") == Permission.NONE
    assert listing(world, "adam", frozenset({"G"}), "Secret") == []
    assert listing(world, "olga", frozenset(), "Secret") == [(Resource("Secret", "k1"), Permission.ALL)]


def test_settling_tells_what_is_ignored() -> None:
    """Each ignored grant is reported with its reason."""
    told: list[tuple[str, str]] = []

    def ignored(grantee: Grantee, reason: str) -> None:
        told.append((str(grantee), reason))

    Holders.settle(Resource("Project", "p1"), "olga", [(Grantee("user", "adam"), ALL), (Grantee("user", "eve"), READ)], ignored)
    Holders.settle(Resource("Secret", "k1"), "olga", [(Grantee("user", "adam"), READ)], ignored)
    assert told == [("user:adam", "second_owner"), ("user:adam", "secret")]


def test_a_resource_passes_on_only_what_it_holds_itself() -> None:
    """Whoever holds that same permission on A holds it on B; nothing else crosses."""
    world = Facts({"Project:a": {"user:olga": READ | WRITE}, "Project:b": {"resource:Project:a": READ | int(Permission.CLONE)}})
    assert held(world, "olga", "Project:b") == Permission.READ


def test_a_grant_to_an_unknown_resource_gives_nothing() -> None:
    """Nobody holds anything on what is not known."""
    assert held(Facts({"Project:b": {"resource:Project:ghost": READ}}), "olga", "Project:b") == Permission.NONE


def test_flags_take_different_paths() -> None:
    """Read comes one way, write another, through a cycle."""
    world = Facts(
        {
            "P:target": {"resource:P:left": READ, "resource:P:right": WRITE},
            "P:left": {"resource:P:top": READ | WRITE, "resource:P:target": ALL & ~32},
            "P:right": {"resource:P:top": WRITE},
            "P:top": {"user:olga": READ | WRITE, "resource:P:target": READ},
        }
    )
    assert held(world, "olga", "P:target") == Permission.READ | Permission.WRITE
    assert listing(world, "olga", frozenset(), "P")[2] == (Resource("P", "target"), Permission.READ | Permission.WRITE)


def test_depth_is_no_limit() -> None:
    """Ten thousand resources and groups in a row, closed to a ring, resolve both ways."""
    depth = 10_000
    grants = {f"P:{index}": {f"resource:P:{index - 1}": READ} for index in range(1, depth)}
    grants["P:0"] = {"user:olga": READ, f"resource:P:{depth - 1}": WRITE}
    world = Facts(grants)
    assert held(world, "olga", f"P:{depth - 1}") == Permission.READ
    assert len(listing(world, "olga", frozenset(), "P")) == depth
    ring = {str(index): (str((index + 1) % depth),) for index in range(depth)}
    assert len(closure(["0"], lambda group: ring[group])) == depth


def test_a_closure_holds_the_groups_themselves() -> None:
    """Even such that no store knows."""
    assert closure(["unknown"], lambda _: ()) == {"unknown"}
    nested: dict[str, tuple[str, ...]] = {"G": ("H",), "H": ("G", "I")}
    assert closure(["G"], lambda group: nested.get(group, ())) == {"G", "H", "I"}


def test_listing_asks_only_for_what_can_be_reached() -> None:
    """Ten thousand other resources are never looked at."""
    grants = {f"P:{index}": {"user:adam": READ} for index in range(10_000)}
    grants |= {"P:mine": {"user:olga": READ}, "P:next": {"resource:P:mine": READ}, "P:none": {"user:olga": 0}}
    world = Facts(grants)
    assert [str(resource) for resource, _ in listing(world, "olga", frozenset(), "P")] == ["P:mine", "P:next"]
    assert world.asked < 10


def test_what_an_index_still_names_and_is_no_longer_there_is_not_listed() -> None:
    """An index may say more than is so."""

    class Late(Facts):
        def granted_to(self, grantee: Grantee) -> Iterable[Resource]:
            return [*super().granted_to(grantee), Resource("P", "gone"), Resource("P", "other")]

    world = Late({"P:a": {"user:olga": READ}, "P:other": {"user:adam": READ}})
    assert listing(world, "olga", frozenset({"G"}), "P") == [(Resource("P", "a"), Permission.READ)]


def test_a_listing_is_in_the_order_of_ids_and_of_one_type() -> None:
    """Whatever the order of the grants."""
    world = Facts({name: {"group:G": READ} for name in ("P:b", "Q:a", "P:a")}, {"P:c": "olga"})
    assert listing(world, "olga", frozenset({"G"}), "P") == [
        (Resource("P", "a"), Permission.READ),
        (Resource("P", "b"), Permission.READ),
        (Resource("P", "c"), Permission.ALL),
    ]


def test_who_is_nobody_costs_nothing() -> None:
    """Without a name and without groups the store is not asked."""
    world = Facts({"P:a": {"user:olga": READ}})
    assert held(world, None, "P:a") == Permission.NONE
    assert world.asked == 0


def test_the_one_owner_is_told_from_the_others() -> None:
    """``owns`` knows the stored owner, or else the grantee who was granted Owner."""
    owned = Facts({"P:a": {"user:adam": READ}}, {"P:a": "olga"}).holders(Resource("P", "a"))
    granted = Facts({"P:a": {"group:G": ALL}}).holders(Resource("P", "a"))
    assert owned is not None
    assert granted is not None
    assert [owned.owns(Grantee("user", name)) for name in ("olga", "adam")] == [True, False]
    assert [granted.owns(Grantee("group", name)) for name in ("G", "H")] == [True, False]


@pytest.mark.parametrize(
    "other",
    [Holders("adam", {"a": 1}, {"G": 3}, {"P:b": 5}), Holders("olga", {"a": 3}, {"G": 3}, {"P:b": 5}), Holders("olga", {"a": 1}), {"a": 1}],
)
def test_holders_are_equal_where_all_of_them_hold_the_same(other: object) -> None:
    """Not only the users, whose mapping they are."""
    some = Holders("olga", {"a": 1}, {"G": 3}, {"P:b": 5})
    assert some == Holders("olga", {"a": 1}, {"G": 3}, {"P:b": 5})
    assert some != other
    assert not some == other  # noqa: SIM201
    assert Holders("olga")
    assert Holders()
    assert repr(some) == "Holders('olga', {'a': 1}, {'G': 3}, {'P:b': 5})"


@pytest.mark.parametrize("kind", ["user", "group", "resource"])
def test_what_one_kind_is_granted_is_replaced_as_a_whole(kind: str) -> None:
    some = Holders("olga", {"a": 1}, {"G": 3}, {"P:b": 5})
    other = some.granting(kind, {"x": 7})
    assert {each: dict(other.granted(each)) for each in ("user", "group", "resource")} == {
        **{each: dict(some.granted(each)) for each in ("user", "group", "resource")},
        kind: {"x": 7},
    }
    assert (other.owner, some.granted(kind)) != (None, {"x": 7})
