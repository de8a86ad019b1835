"""What was permitted is remembered with the caller, and never for a moment longer than the facts stand."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Guard, LocalDirectory, Permission, Policy, Principal, Resource, groups, permission, restricted
from cartaguard.directories.base import Directory
from cartaguard.directories.local_memory import MemoryStore
from cartaguard.directories.local_read import read_facts
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.errors import FactsUnavailable, RequirementError
from cartaguard.guard.gate import Gate, Refused
from cartaguard.guard.settled import MOST, remember
from cartaguard.model.facts import Granted
from cartaguard.model.freshness import Freshness
from support.tokens import bearer, token_for, verifier_for

P1 = Resource("Project", "p1")
READ = permission("read", P1)
ANY = permission("read", "Project:{id}")


def facts() -> dict[str, Any]:
    return {
        "users": {"olga": {}, "adam": {}},
        "groups": {"OrgA:Team": {"users": ["olga"]}},
        "resources": {f"Project:p{n}": {"owner": "adam", "grants": [{"to": "user:olga", "role": "Guest"}]} for n in range(1, 4)},
    }


def caller(name: str = "olga") -> Principal:
    return Principal(issuer="i", subject=f"sub-{name}", username=name)


@pytest.fixture(params=["memory", "sqlite"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalDirectory]:
    made = LocalDirectory.from_dict({}) if request.param == "memory" else LocalDirectory.open(tmp_path / "facts.sqlite")
    made.include(facts())
    yield made
    made.close()


def test_a_permit_ends_with_the_write_that_takes_it_away_and_comes_back_with_the_next(directory: LocalDirectory) -> None:
    guard, olga = Guard(directory=directory), caller()
    for requirement, params in ((READ, {}), (ANY, {"id": "p1"}), (READ & groups("OrgA:Team"), {})):
        seen = []
        for role in ("Guest", "None", "Editor"):
            directory.grant(by=DEPLOYER, to="user:olga", on=P1, role=role)
            seen += [guard.check(olga, requirement, params).permitted for _ in range(2)]
        assert seen == [True, True, False, False, True, True]


def test_membership_ends_at_once_too(directory: LocalDirectory) -> None:
    guard, olga = Guard(directory=directory), caller()
    assert guard.check(olga, groups("OrgA:Team"))
    directory.remove_member(by=DEPLOYER, group="OrgA:Team", user="olga")
    assert not guard.check(olga, groups("OrgA:Team"))


def test_what_another_process_writes_counts_too(tmp_path: Path) -> None:
    ours, theirs = (LocalDirectory.open(tmp_path / "facts.sqlite") for _ in range(2))
    ours.include(facts())
    guard, olga = Guard(directory=ours), caller()
    assert guard.check(olga, READ)
    theirs.revoke(by=DEPLOYER, to="user:olga", on=P1)
    assert not guard.check(olga, READ)
    ours.close()
    theirs.close()


def test_who_is_remembered_for_one_resource_is_not_for_another() -> None:
    directory = LocalDirectory.from_dict(facts())
    guard, olga = Guard(directory=directory), caller()
    assert guard.check(olga, ANY, {"id": "p1"})
    assert not guard.check(olga, ANY, {"id": "p9"})
    assert not guard.check(olga, permission("write", "Project:{id}"), {"id": "p1"})
    assert not guard.check(olga, ANY, {"id": ""})


def test_a_parameter_that_is_a_number_is_not_the_text_that_looks_like_it() -> None:
    directory = LocalDirectory.from_dict({"resources": {"Project:8": {"owner": "olga"}}})
    guard, olga = Guard(directory=directory), caller()
    assert [guard.check(olga, ANY, {"id": text}).permitted for text in ("8", "08", "8")] == [True, False, True]
    assert [guard.check(olga, ANY, {"id": number}).permitted for number in (8, 9, 8)] == [True, False, True]


def test_what_one_guard_permits_another_has_to_find_out_itself() -> None:
    olga = caller()
    knowing, ignorant = Guard(directory=LocalDirectory.from_dict(facts())), Guard(directory=LocalDirectory.from_dict({}))
    for _ in range(2):
        assert knowing.check(olga, READ)
        assert not ignorant.check(olga, READ)


def test_nobody_gets_what_somebody_else_is_remembered_for() -> None:
    guard = Guard(directory=LocalDirectory.from_dict(facts()))
    assert guard.check(caller(), READ)
    assert not guard.check(caller("eve"), READ)
    assert not guard.check(Principal.anonymous, READ)


def test_a_restriction_that_gets_stricter_counts_at_once() -> None:
    directory = LocalDirectory.from_dict({"resources": {"DataSet:d": {}}})
    guard, olga = Guard(directory=directory), caller()
    assert guard.check(olga, restricted("DataSet:d"))
    directory.include({"resources": {"DataSet:d": {"restricted": {"level": "only_allowed_users", "allowed_users": "adam"}}}})
    assert not guard.check(olga, restricted("DataSet:d"))


@pytest.mark.remembers
def test_of_endless_resources_only_some_are_remembered() -> None:
    guard = Guard(directory=LocalDirectory.from_dict({"resources": {f"Project:{n}": {"owner": "olga"} for n in range(3 * MOST)}}))
    olga = caller()
    for n in range(3 * MOST):
        assert guard.check(olga, ANY, {"id": str(n)})
        assert len(olga.settled[1]) <= MOST
    assert guard.check(olga, permission("read", "Project:{a}/{b}"), {"a": "x", "b": "y"}).denied
    assert (READ & ANY).number != 0


@pytest.mark.remembers
@pytest.mark.parametrize(("length", "remembered"), [(512, 1), (513, 0)])
def test_a_permit_is_remembered_by_no_longer_text_than_512_characters(length: int, remembered: int) -> None:
    name = "x" * length
    guard, olga = Guard(directory=LocalDirectory.from_dict({"resources": {f"Project:{name}": {"owner": "olga"}}})), caller()
    assert guard.check(olga, ANY, {"id": name})
    assert len(olga.settled[1]) == remembered


@pytest.mark.remembers
@pytest.mark.parametrize(("length", "remembered"), [(512, 2), (513, 0)])
def test_what_a_gate_let_through_is_remembered_by_no_longer_path_than_512_characters(length: int, remembered: int) -> None:
    """With GET by the path alone, and by protocol, method and path with others."""
    path, standing, olga = "/" + "x" * (length - 1), object(), caller()
    for key in (path, ("http", "POST", path)):
        remember(olga, standing, key, "a pass")
    assert len(olga.settled[1]) == remembered


def test_a_directory_that_cannot_tell_has_nothing_remembered() -> None:
    class Fickle(Directory):
        held = Permission.READ

        def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
            return Granted(self.held)

    directory = Fickle()
    guard, olga = Guard(directory=directory), caller()
    assert guard.check(olga, READ)
    directory.held = Permission.NONE
    assert not guard.check(olga, READ)


def test_what_two_parameters_fill_is_decided_each_time() -> None:
    """A permit for one resource is none for another, nor for something that is no requirement at all."""
    directory, olga = LocalDirectory.from_dict(facts()), caller()
    directory.include({"resources": {"Project:a/1": {"owner": "olga"}, "Project:a/2": {"owner": "adam"}}})
    guard, both = Guard(directory=directory), permission("read", "Project:{kind}/{id}")
    for _ in range(3):
        assert guard.check(olga, both, {"kind": "a", "id": "1"})
        assert not guard.check(olga, both, {"kind": "a", "id": "2"})
        assert guard.check(olga, READ)
        with pytest.raises(RequirementError, match="is not a requirement"):
            guard.check(olga, "read")  # type: ignore[arg-type] # as a caller without types may


class Changing(LocalDirectory):
    """One with a rule of its own, of which the store knows nothing."""

    closed = False

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted:
        return Granted() if self.closed else super().permission(principal, resource, flag, fresh)


def test_a_kind_of_local_directory_with_rules_of_its_own_is_asked_each_time() -> None:
    """Only it can tell for how long what it says stands."""
    directory = Changing(MemoryStore(read_facts(facts())))
    guard, olga = Guard(directory=directory), caller()
    assert guard.check(olga, READ)
    assert guard.check(olga, READ)
    directory.closed = True
    assert not guard.check(olga, READ)


def test_a_directory_that_fails_answers_nothing_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = LocalDirectory.from_dict(facts())
    guard, olga = Guard(directory=directory), caller()
    assert guard.check(olga, READ)

    def fail(_: Any) -> object:
        raise FactsUnavailable("a test")

    monkeypatch.setattr(MemoryStore, "state", property(fail), raising=False)
    assert guard.check(olga, READ).indeterminate


def test_what_is_remembered_is_no_part_of_the_caller() -> None:
    guard, olga = Guard(directory=LocalDirectory.from_dict(facts())), caller()
    assert guard.check(olga, READ)
    restored, wider = pickle.loads(pickle.dumps(olga)), olga.including(frozenset({"More"}))
    assert restored == olga == caller()
    assert not restored.settled[1]
    assert not wider.settled[1]


def test_behind_the_gate_a_right_ends_with_the_write_that_takes_it_away(directory: LocalDirectory) -> None:
    table = {"permission": "read", "on": "Project:{id}"}
    guard = Guard(
        verifier=verifier_for(), directory=directory, policy=Policy.from_dict({"routes": [{"path": "/p/{id}", "require": table}]})
    )
    gate, values = Gate(guard), bearer(token_for("olga"))
    for _ in range(3):
        held = gate.admit("http", "GET", "/p/p1", values)
        assert held is not None
        assert held.principal.username == "olga"
        with pytest.raises(Refused):
            gate.admit("http", "GET", "/p/p9", values)
        with pytest.raises(Refused):
            gate.admit("http", "GET", "/p/p1", bearer(token_for("eve")))
    directory.revoke(by=DEPLOYER, to="user:olga", on=P1)
    with pytest.raises(Refused, match="lacks permission"):
        gate.admit("http", "GET", "/p/p1", values)
    assert gate.admit("http", "GET", "/p/p2", values) is not None
