"""Facts in memory: few bytes for each grant, and exact whatever was written."""

from __future__ import annotations

import gc
import tracemalloc

from benchmarks.facts import facts
from cartaguard.directories.graph import Grantee, Holders
from cartaguard.directories.local_memory import MemoryStore
from cartaguard.directories.local_store import Everything, Facts, Group, Stored, User
from cartaguard.model.names import Resource
from cartaguard.model.restriction import Restriction

P1, P2, F1 = Resource("Project", "p1"), Resource("Project", "p2"), Resource("File", "p1")
REGISTERED = Restriction("registered", organization="OrgA")


def fresh(text: str) -> str:
    """The same text, in an object of its own."""
    return "".join(list(text))


def told() -> Everything:
    return Everything(
        [User("olga", "olga"), User("adam", "a.adams", "s2", "i"), User("eve", None, organizations=frozenset({"OrgA"}))],
        [Group("OrgA:Team", ("olga", "adam"), ("OrgA:Inner",), ("olga",)), Group("OrgA:Inner", ("eve",))],
        [
            Stored(P1, Holders("olga", {"adam": 1, "eve": 5}, {"OrgA:Team": 7}, {"File:p1": 1})),
            Stored(P2, Holders(), "OrgA", REGISTERED),
            Stored(F1, Holders(users={"adam": 3}), "OrgA"),
        ],
    )


def read(store: MemoryStore) -> Facts:
    with store.everything() as everything:
        return Facts(list(everything.users), list(everything.groups), list(everything.resources))


def test_a_grant_takes_at_most_55_bytes() -> None:
    """With the users, groups and memberships there are in these proportions."""
    count = 20_000
    grants = sum(
        len(stored.holders.users) + len(stored.holders.groups) + len(stored.holders.resources) + 1 for stored in facts(count).resources
    )
    gc.collect()
    tracemalloc.start()
    store = MemoryStore(facts(count))
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / grants <= 55
    assert len(read(store).resources) == count // 20


def test_what_was_stored_is_told_again() -> None:
    """Every user, group, membership and resource, with what only some of them have."""
    everything = told()
    stored = read(MemoryStore(everything))
    assert stored == Facts(list(everything.users), list(everything.groups), list(everything.resources))


def test_what_is_written_later_is_no_part_of_a_state_that_is_read() -> None:
    """The copy is of one moment."""
    store = MemoryStore(told())
    with store.everything() as everything, store.writing() as draft:
        draft.put_grant(P1, Grantee("user", "olaf"), 1)
        draft.put_resource(Stored(Resource("Project", "p3")))
        draft.put_resource(Stored(Resource("Dataset", "d1")))
        assert list(everything.resources) == list(told().resources)
    assert store.holders(Resource("Dataset", "d1")) == Holders()


def test_a_name_that_is_told_often_is_one_object() -> None:
    """Each grant would else bring a text of its own."""
    store = MemoryStore(
        Facts(
            [User(fresh("olga"), fresh("olga"))],
            [Group("G", (fresh("olga"),))],
            [Stored(Resource("Project", fresh(each)), Holders(fresh("olga"), {fresh("olga"): 1, fresh("adam"): 1})) for each in ("a", "b")],
        )
    )
    facts = read(store)
    names = [*facts.groups[0].users, facts.users[0].name, facts.users[0].username]
    for stored in facts.resources:
        names += [stored.holders.owner, *stored.holders.users]
    assert len({id(name) for name in names}) == len({*names}) == 2


def test_what_is_granted_to_an_owner_adds_nothing() -> None:
    """Owners hold everything, whatever else was stored for them, at first or later."""
    lesser = Holders("olga", {"olga": 1, "adam": 1})
    store = MemoryStore(Facts(resources=[Stored(P1, lesser)]))
    with store.writing() as draft:
        draft.put_resource(Stored(P2, lesser, "OrgA"))
        assert [*store.granted_to(Grantee("user", "olga"))] == []
        draft.put_resource(Stored(P2, lesser, "OrgA", REGISTERED))
        draft.put_resource(Stored(F1, lesser))
    for resource in (P1, P2, F1):
        holders = store.holders(resource)
        assert holders == Holders("olga", {"adam": 1})
        assert holders.held("olga", ()) == 63
    assert [*store.owned_by("olga")] == [P1, P2, F1]
    assert [*store.granted_to(Grantee("user", "olga"))] == []


def test_a_login_name_leads_to_every_user_it_is_of() -> None:
    """Whether it is the name that one of them is listed under or not, and no longer to whom it was taken from."""
    store = MemoryStore(Facts([User("olga", "olga"), User("other", "olga", "s2"), User("away", "o"), User("o", None)]))

    def named(username: str) -> set[str]:
        return {user.name for user in store.users_named(username)}

    assert (named("olga"), named("o"), named("other"), named("away")) == ({"olga", "other"}, {"away"}, set(), set())
    with store.writing() as draft:
        draft.put_user(User("other", "other"))
        draft.put_user(User("olga", "o"))
        draft.put_user(User("away", None))
    assert (named("olga"), named("o"), named("other")) == (set(), {"olga"}, {"other"})
