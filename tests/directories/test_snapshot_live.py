"""A snapshot stands in for a live directory while that does not answer, and never beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Guard, LocalDirectory, Requirement, groups, permission, restricted
from cartaguard.directories.base import Directory
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.directories.snapshot import SnapshotDirectory
from cartaguard.directories.snapshot_file import open_snapshot
from cartaguard.directories.snapshot_layout import Answers
from cartaguard.directories.snapshot_seal import seal_of
from cartaguard.drivers.effects import Steps
from cartaguard.errors import FactsUnavailable, SnapshotError
from cartaguard.model.facts import (
    Fact,
    Granted,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Credential, Principal
from cartaguard.model.restriction import Restriction
from support.canary import CANARY
from support.clock import Clock
from support.colours import COLOURS, Run
from support.facts import FactTable, person
from support.heard import hearing
from support.snapshots import AGE, KEY, NOW

P1, P2 = Resource("Project", "p1"), Resource("Project", "p2")
OLGA, EVE = person(), person("eve")
READ, WRITE = permission("read", "Project:p1"), permission("write", "Project:p1")

#: What the live directory says of whoever asks.
TOLD: dict[Any, Fact] = {
    P1: Granted(Permission.READ),
    (RestrictionNeed, P1): Known(True, (Restriction("any_organization"),)),
    "groups": Memberships(frozenset({"A:T"})),
    "A:T": Memberships(frozenset({"A:T"})),
    "organizations": Organizations(frozenset({"OrgA"})),
    "Project": Listed(((P1, Permission.READ),)),
}


class Live(FactTable):
    """A remote directory that can be down."""

    remote = True

    def __init__(self, facts: Mapping[Any, Fact] = TOLD, name: str = "live") -> None:
        super().__init__(facts, later=True)
        self.name = name
        self.down = False

    @property
    def source(self) -> str:
        return self.name

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        if self.down:
            raise FactsUnavailable("it is down", code="live_down")
        return (yield from super().fetch(needs))


class Service:
    """A service that restarts: a live directory, a guard in front of it, and a snapshot."""

    def __init__(self, path: Path, live: Directory) -> None:
        self.path = path
        self.live = live
        self.clock = Clock(NOW)
        self.start()

    def start(self, **options: Any) -> None:
        """Forget everything that is in memory, and begin anew."""
        given = {"key": KEY, "max_age": AGE, "clock": self.clock, "ticks": lambda: 0.0, "live": self.live, **options}
        self.directory = SnapshotDirectory(self.path, **given)
        self.guard = Guard(directory=self.directory, clock=self.clock)

    def keep(self) -> None:
        """Write a snapshot."""
        self.guard.snapshot(self.path, key=KEY)

    def asked(self, *checks: Requirement, who: Principal = OLGA) -> list[str]:
        return [self.word(check, who) for check in checks]

    def word(self, check: Requirement, who: Principal) -> str:
        decision = self.guard.check(who, check)
        return "503" if decision.indeterminate else "yes" if decision.permitted else "no"


@pytest.fixture
def live() -> Live:
    return Live()


@pytest.fixture
def service(tmp_path: Path, live: Live) -> Service:
    return Service(tmp_path / "facts.snapshot", live)


ALL = (READ, WRITE, groups("A:T"), groups("A:X"), restricted("Project:p1"))


@pytest.mark.remembers
def test_a_service_starts_while_its_source_is_down(service: Service, live: Live) -> None:
    """For callers who were seen, by what was remembered of them; a remembered no, and everything else, is 503."""
    assert service.asked(*ALL) == ["yes", "no", "yes", "no", "yes"]
    service.keep()
    live.down = True
    service.start()
    with hearing() as heard:
        assert service.asked(*ALL) == ["yes", "503", "yes", "503", "yes"]
    assert "snapshot_in_use" in {event for event, _ in heard}
    assert service.asked(READ, who=EVE) == ["503"]
    assert "stopped answering" in service.guard.check(OLGA, READ).detail
    live.down = False
    service.clock.now += 1
    assert service.asked(*ALL) == ["yes", "no", "yes", "no", "yes"]
    assert service.guard.check(OLGA, READ).detail == ""


@pytest.mark.remembers
@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
def test_threads_and_tasks_are_served_alike(service: Service, live: Live, run: Run) -> None:
    """Facts that stand in are marked as stale; a listing stands in too."""
    service.guard.check_many(OLGA, ALL)
    service.guard.list_resources(OLGA, "read", "Project")
    service.keep()
    live.down = True
    service.start()
    needs: list[Need] = [PermissionNeed(OLGA, P1, 1), ListingNeed(OLGA, "Project")]
    told = run(service.directory.fetch(needs))
    assert [told[need] for need in needs] == [Granted(Permission.READ, stale=True), Listed(((P1, Permission.READ),), stale=True)]


def test_what_the_live_directory_answers_counts_alone(service: Service, live: Live) -> None:
    """A right that was taken away is gone, however fresh the snapshot that still has it."""
    assert service.asked(READ) == ["yes"]
    service.keep()
    live.facts[P1] = Granted()
    live.facts["A:T"] = Memberships()
    service.start()
    assert service.asked(READ, groups("A:T")) == ["no", "no"]


@pytest.mark.remembers
def test_what_a_live_directory_could_tell_counts_with_the_snapshot(service: Service, live: Live) -> None:
    """Its answer is in doubt as a whole: what it knows still permits, and every restriction holds."""
    live.facts["A:X"] = Memberships()
    assert service.asked(*ALL) == ["yes", "no", "yes", "no", "yes"]
    service.keep()
    live.facts[P1] = Granted(Permission.WRITE, "part_of_it")
    live.facts["A:T"] = live.facts["A:X"] = Memberships(frozenset({"A:Z"}), "part_of_it")
    live.facts[RestrictionNeed, P1] = Known(True, (Restriction("only_allowed_users"),), "part_of_it")
    service.start()
    assert service.asked(READ, WRITE, groups("A:T"), groups("A:Z"), restricted("Project:p1")) == ["yes", "yes", "yes", "503", "no"]


def test_remembered_answers_keep_their_own_age(service: Service, live: Live) -> None:
    """However young the snapshot that they are in."""
    assert service.asked(READ) == ["yes"]
    service.clock.now += AGE - 10
    service.keep()
    live.down = True
    service.start()
    assert service.asked(READ, permission("read", "Project:p1", max_age=60, max_stale=60)) == ["yes", "503"]
    service.clock.now += 11
    assert service.asked(READ) == ["503"]


def test_nothing_outlives_the_token_that_it_was_asked_with(service: Service, live: Live) -> None:
    """Nor does a new token bring it back."""
    brief = person(claims={"exp": NOW + 100})
    assert service.asked(READ, who=brief) == ["yes"]
    service.keep()
    live.down = True
    service.start()
    assert service.asked(READ, who=brief) == ["yes"]
    service.clock.now += 100
    assert service.asked(READ, who=person(claims={"exp": NOW + 1000})) == ["503"]


@pytest.mark.parametrize("what", [{"principal": OLGA}, {}, {"group": "A:T"}, {"principal": OLGA, "resource": P1}])
def test_what_was_invalidated_does_not_come_back_from_a_snapshot(service: Service, live: Live, what: dict[str, Any]) -> None:
    """Only a newer snapshot counts again."""
    assert service.asked(READ) == ["yes"]
    assert service.asked(READ, who=EVE) == ["yes"]
    service.keep()
    live.down = True
    service.start()
    service.guard.invalidate(**what)
    assert service.asked(READ) == ["503"]
    assert service.asked(READ, who=EVE) == ["yes" if what == {"principal": OLGA} else "503"]
    service.keep()
    live.down = False
    service.clock.now += 1
    assert service.asked(READ) == ["yes"]
    service.keep()
    live.down = True
    service.directory.reload()
    service.guard.directory.invalidate(principal=person("somebody"))
    service.clock.now += 120
    assert service.asked(READ) == ["yes"]


@pytest.mark.remembers
def test_a_restart_in_an_outage_loses_nothing_of_the_former_snapshot(service: Service, live: Live) -> None:
    """What still stands of it goes into the next one, with its own age; what is known better now takes its place."""
    assert service.asked(READ, WRITE, groups("A:T")) == ["yes", "no", "yes"]
    service.keep()
    live.down = True
    for _ in range(3):
        service.clock.now += 60
        service.start()
        service.keep()
    [part] = open_snapshot(service.path, seal_of(KEY)).header.parts
    assert isinstance(part, Answers)
    assert part.count == 2
    service.start()
    assert service.asked(READ, groups("A:T")) == ["yes", "yes"]
    live.down = False
    live.facts[P1] = Granted(Permission.WRITE)
    service.clock.now += 1
    assert service.asked(READ) == ["no"]
    service.keep()
    live.down = True
    service.clock.now += 100
    service.start()
    assert service.asked(READ, WRITE) == ["503", "yes"]


def test_a_service_starts_without_a_snapshot_while_its_source_is_up(service: Service, live: Live) -> None:
    """The first start has none, and one that was down for long has one that is too old; both are reported."""
    assert service.directory.header is None
    assert service.directory.keys == ()
    assert [condition.state for condition in service.directory.health()] == ["unknown", "missing"]
    assert service.asked(READ) == ["yes"]
    service.keep()
    service.clock.now += AGE + 1
    with hearing() as heard:
        service.start()
    assert [event for event, _ in heard] == ["snapshot_refused"]
    assert service.asked(READ) == ["yes"]
    live.down = True
    service.clock.now += 100
    assert service.asked(READ) == ["503"]
    assert [condition.level for condition in service.directory.health()][-1] == "degraded"


def test_a_damaged_or_foreign_snapshot_stops_the_start_even_so(service: Service) -> None:
    """Somebody has to look at it."""
    service.keep()
    sound = service.path.read_bytes()
    service.path.write_bytes(sound[:-1])
    with pytest.raises(SnapshotError) as fault:
        service.start()
    assert fault.value.code == "snapshot_damaged"
    service.path.write_bytes(sound)
    service.live = Live(name="another")
    with pytest.raises(SnapshotError, match=r"is of the directories `live`, and the live ones are `another`") as fault:
        service.start()
    assert fault.value.code == "snapshot_foreign"


def test_each_member_of_a_chain_has_its_own_part(tmp_path: Path) -> None:
    """A no of the member that answers is no doubt of another one: its old yes does not come back."""
    one, other = (
        Live({P1: Granted(held), "groups": Memberships()}, name) for held, name in ((Permission.READ, "one"), (Permission.WRITE, "other"))
    )
    local = LocalDirectory.from_dict({"resources": {"Project:p1": {"grants": [{"to": "user:olga", "permissions": ["execute"]}]}}})
    service = Service(tmp_path / "s", ChainDirectory([one, local, other]))
    checks = [permission(word, "Project:p1") for word in ("read", "write", "execute")]
    assert service.asked(*checks) == ["yes", "yes", "yes"]
    service.keep()
    one.facts[P1] = Granted()
    other.down = True
    service.start()
    assert service.asked(*checks) == ["503", "yes", "yes"]
    assert [type(member) for member in service.directory.live] == [CachedDirectory, LocalDirectory, CachedDirectory]
    other.down = False
    service.clock.now += 1
    assert service.asked(*checks) == ["no", "yes", "yes"]


def test_a_local_database_that_cannot_be_read_has_a_stand_in_too(tmp_path: Path) -> None:
    """All of its facts are in the snapshot."""
    database = LocalDirectory.open(tmp_path / "facts.db")
    database.include({"groups": {"A:T": {"users": ["olga"]}}, "resources": {"Project:p1": {"owner": "olga"}}})
    service = Service(tmp_path / "s", database)
    service.keep()
    service.start()
    database.close()
    assert service.asked(READ, groups("A:T"), restricted("Project:p1")) == ["yes", "yes", "yes"]
    assert service.asked(READ, who=EVE) == ["no"]
    assert [str(resource) for resource in service.guard.list_resources(OLGA, "read", "Project")] == ["Project:p1"]
    with pytest.raises(FactsUnavailable):
        service.keep()
    service.start()
    assert service.asked(READ) == ["yes"]


@pytest.mark.remembers
def test_a_snapshot_alone_serves_what_was_remembered(service: Service, live: Live) -> None:
    """Without the live directory; whoever was not seen is in doubt."""
    assert service.asked(*ALL) == ["yes", "no", "yes", "no", "yes"]
    service.keep()
    service.start(live=None)
    assert service.asked(*ALL) == ["yes", "503", "yes", "503", "yes"]
    assert service.asked(READ, who=EVE) == ["503"]


def test_a_caller_with_an_odd_name_is_neither_stored_nor_found(service: Service, live: Live) -> None:
    """A lone surrogate is no text that can be stored; the others' answers are."""
    odd = person("\ud800", subject="sub-odd")
    assert service.asked(READ, who=odd) == ["yes"]
    assert service.asked(READ) == ["yes"]
    service.keep()
    live.down = True
    service.start()
    assert service.asked(READ, who=odd) == ["503"]
    assert service.asked(READ) == ["yes"]


def test_no_credential_claim_or_key_is_in_the_file(service: Service) -> None:
    """Nor anything else that a token holds beside the caller's name, subject and issuer."""
    who = person(claims={"email": f"{CANARY}@example.org", "exp": NOW + 500}, scopes=[CANARY], credential=Credential(CANARY))
    assert service.asked(*ALL, who=who) == ["yes", "no", "yes", "no", "yes"]
    service.keep()
    stored = service.path.read_bytes()
    assert b"sub-olga" in stored
    assert CANARY.encode() not in stored
    assert KEY not in stored
    assert CANARY not in repr(service.directory)


def test_the_live_directory_is_qualified_probed_and_closed(service: Service, live: Live) -> None:
    """And told what to forget."""
    service.directory.qualify()
    service.keep()
    service.directory.reload()
    service.guard.invalidate(principal=OLGA)
    assert live.forgotten
    assert [type(member) for member in service.directory.live] == [CachedDirectory]
    assert list(service.directory.probe()) == []
    assert [list(member.probe()) for member in service.directory.members] == [[]]
    assert [len(member.health()) for member in service.directory.members] == [1]
    service.guard.close()
    assert live.closed
    for member in service.directory.members:
        member.invalidate()
        member.qualify()
        member.close()
