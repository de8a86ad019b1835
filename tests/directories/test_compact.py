"""A compact table gives the answers of the facts that it was made of, in few bytes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.facts import Scale, build_table, facts, principal, resource
from cartaguard.directories import compact_hash, compact_table
from cartaguard.directories.compact_build import RESTRICTED, USERS, build
from cartaguard.directories.compact_hash import Buffer, Partitions, finder, write_sorted
from cartaguard.directories.compact_keys import GRANTS, RECORDS, keys
from cartaguard.directories.compact_layout import Kinds, Shared, pack
from cartaguard.directories.compact_table import CompactStore, CompactTable
from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.local_memory import MemoryStore
from cartaguard.directories.local_store import Everything, Facts
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.errors import ConfigurationError, DirectoryError, FactsUnavailable
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from support.worlds import TYPES, Caller, callers, resources, worlds

WORDS = ["read", "write", "execute", "clone", "admin"]


def compact(source: LocalDirectory, folder: Path) -> LocalDirectory:
    """The same facts as a compact table that begins somewhere in a buffer."""
    sink = BytesIO(b"something else")
    sink.seek(0, 2)
    with source.everything() as everything:
        layout = build(sink, everything, folder)
    return LocalDirectory(CompactStore(CompactTable(Buffer(sink.getvalue()), layout)))


def agree(one: LocalDirectory, other: LocalDirectory, caller: Principal) -> None:
    """Every answer about a caller is the same."""
    assert one.groups(caller) == other.groups(caller)
    assert one.organizations(caller) == other.organizations(caller)
    for what in resources():
        assert one.permission(caller, what) == other.permission(caller, what), what
        assert one.restriction(caller, what) == other.restriction(caller, what), what
    for type_ in TYPES:
        assert one.listing(caller, type_) == other.listing(caller, type_)


@settings(max_examples=150, deadline=None)
@given(world=worlds(), people=st.lists(callers(), min_size=1, max_size=3))
def test_a_compact_table_answers_as_its_facts_do(
    tmp_path_factory: pytest.TempPathFactory, world: dict[str, Any], people: list[Caller]
) -> None:
    """Groups, permissions, organizations, restrictions and listings, for known and unknown callers."""
    source = LocalDirectory.from_dict(world)
    table = compact(source, tmp_path_factory.getbasetemp())
    for caller in people:
        agree(source, table, caller.principal)
    agree(source, table, Principal.anonymous)


@settings(max_examples=30, deadline=None)
@given(world=worlds(), caller=callers())
def test_a_table_made_of_sqlite_is_one_of_its_facts(
    tmp_path_factory: pytest.TempPathFactory, world: dict[str, Any], caller: Caller
) -> None:
    """It is read through once, in one transaction."""
    folder = tmp_path_factory.mktemp("sqlite")
    source = LocalDirectory.open(folder / "facts.db")
    source.include(world)
    agree(source, compact(source, folder), caller.principal)
    source.close()


@settings(max_examples=60, deadline=None)
@given(world=worlds(), caller=callers())
def test_several_issuers_are_told_apart_in_a_table(tmp_path_factory: pytest.TempPathFactory, world: dict[str, Any], caller: Caller) -> None:
    """A listed user without an issuer is refused as in a file, and with one is known by it alone."""
    source = LocalDirectory.from_dict(world)
    table = compact(source, tmp_path_factory.getbasetemp())
    refused = [_refusal(directory) for directory in (source, table)]
    assert refused[0] == refused[1]
    if not refused[0]:
        agree(source, table, caller.principal)


def _refusal(directory: LocalDirectory) -> str:
    try:
        directory.qualify()
    except ConfigurationError as fault:
        return f"{fault.code}: {fault}"
    return ""


def test_malformed_facts_grant_nothing_in_a_table_either(tmp_path: Path) -> None:
    """A user who cannot be told, an owner nobody is, and the strictest restriction keep their meaning."""
    world = {
        "users": {"ada": {"subject": 5}},
        "resources": {"Project:p1": {"owner": 7, "restricted": {"level": "open"}, "grants": [{"to": "user:ada", "role": "Owner"}]}},
    }
    source = LocalDirectory.from_dict(world, strict=False)
    for name in ("ada", ""):
        agree(source, compact(source, tmp_path), Principal(issuer="i", subject="s", username=name))


def test_a_table_takes_no_writes_and_is_not_copied(tmp_path: Path) -> None:
    """The error says what to do instead."""
    table = compact(LocalDirectory.from_dict({"groups": {"A:T": {}}}), tmp_path)
    with pytest.raises(DirectoryError, match="make it anew") as fault:
        table.add_member(by=DEPLOYER, group="A:T", user="eve")
    assert fault.value.code == "read_only"
    with pytest.raises(DirectoryError), table.everything():
        pass
    table.close()


def test_facts_that_are_streamed_make_the_table_of_the_same_facts_in_memory(tmp_path: Path) -> None:
    """With partitions that went to disk: the described set of facts, some thousand grants."""
    count = 4000
    told = facts(count)
    source = LocalDirectory(MemoryStore(Facts(list(told.users), list(told.groups), list(told.resources))))
    table = compact(source, tmp_path)
    random, scale = Random(5), Scale.of(count)
    for _ in range(300):
        who, what = principal(random.randrange(scale.users + 2)), resource(random.randrange(scale.resources + 2))
        assert source.permission(who, what) == table.permission(who, what)
        assert source.restriction(who, what) == table.restriction(who, what)
    for number in range(0, scale.users, 7):
        assert source.listing(principal(number), "Project") == table.listing(principal(number), "Project")


def test_a_grant_takes_at_most_32_bytes(tmp_path: Path) -> None:
    """All bytes of the file are counted, for facts in the proportions of the described set."""
    built = build_table(tmp_path / "facts.snapshot", 100_000)
    assert built.grants > 90_000
    assert built.bytes_per_grant <= 32
    assert [file.name for file in tmp_path.iterdir()] == ["facts.snapshot"]


@pytest.mark.parametrize(
    "told",
    [
        Everything(resources=[*facts(300).resources, *facts(300).resources]),
        Everything(users=[*facts(300).users, *facts(300).users]),
    ],
    ids=["resources", "users"],
)
def test_what_is_told_twice_is_refused(tmp_path: Path, told: Everything) -> None:
    """One of the two would be lost."""
    with pytest.raises(DirectoryError, match="twice") as fault:
        build(BytesIO(), told, tmp_path)
    assert fault.value.code == "duplicate"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "world",
    [
        {"resources": {"Project:\ud800": {}}},
        {"users": {"\udfff": {}}},
        {"groups": {"A:\udfff": {"users": ["ada"]}}},
        {"users": {"ada": {"organizations": ["\udfff"]}}},
    ],
)
def test_a_name_that_cannot_be_stored_is_refused(tmp_path: Path, world: dict[str, Any]) -> None:
    """Rather than left out."""
    with pytest.raises(DirectoryError, match="lone surrogate"):
        compact(LocalDirectory.from_dict(world), tmp_path)


def test_a_name_that_cannot_be_stored_is_unknown_in_a_table(tmp_path: Path) -> None:
    """Asking for it is no error."""
    table = compact(LocalDirectory.from_dict({"resources": {"Project:p1": {"owner": "ada"}}}), tmp_path)
    odd = Principal(issuer="i", subject="s", username="\ud800", groups=["\udfff"])
    agree(LocalDirectory.from_dict({"resources": {"Project:p1": {"owner": "ada"}}}), table, odd)
    assert not table.restriction(odd, Resource("Project", "\ud800")).known


@pytest.mark.parametrize("damage", ["no second record", "other records", "no level"])
def test_a_table_that_contradicts_itself_is_in_doubt(tmp_path: Path, damage: str) -> None:
    """Whoever wrote it: what a record should say is not guessed."""
    shared = {"grants": [{"to": "resource:Project:p2", "role": "Editor"}]}
    world = {"resources": {"Project:p1": {"restricted": {"level": "registered"}, **shared}, "Project:p2": {"owner": "ada"}}}
    asked = "p1"
    sink = BytesIO(b"..")
    sink.seek(2)
    with LocalDirectory.from_dict(world).everything() as everything:
        layout = build(sink, everything, tmp_path)
    match damage:
        case "no second record":
            # The first of the other resource says that there is one.
            sink = BytesIO(sink.getvalue().replace(_stored(Kinds(USERS, {})), _stored(Kinds(RESTRICTED, {}))))
            asked = "p2"
        case "other records":
            layout = replace(layout, texts=(layout.texts[0] + 1, layout.texts[1]))
        case _:
            whole = sink.getvalue()
            # No level, and something of its length in place of it.
            record = pack(Shared("registered", (), None, {"Project:p2": 7}))
            other = pack(Shared(None, ("x" * 9,), None, {"Project:p2": 7}))
            assert len(record) == len(other)
            sink = BytesIO(whole.replace(record, other))
    directory = LocalDirectory(CompactStore(CompactTable(Buffer(sink.getvalue()), layout)))
    assert directory.restriction(principal(0), Resource("Project", asked)).doubt == "directory_unavailable"


def _stored(record: object) -> bytes:
    """A record as it stands among the others."""
    text = pack(record)
    return len(text).to_bytes(4, "little") + text


def test_many_groups_of_a_resource_and_many_of_a_caller_are_told_alike(tmp_path: Path) -> None:
    """Whether the groups stand in the resource's record or are looked up one by one."""
    groups = [f"A:G{number}" for number in range(20)]
    world: dict[str, Any] = {"groups": {"A:G0": {"groups": ["A:G19"]}}, "resources": {}}
    for count in (1, 7, 8, 9, 20):
        grants = [{"to": f"group:{name}", "permissions": [word]} for name, word in zip(groups[:count], WORDS * 4, strict=False)]
        world["resources"][f"Project:p{count}"] = {"owner": "ada", "grants": grants}
    source = LocalDirectory.from_dict(world)
    table = compact(source, tmp_path)
    told = set()
    for number in range(21):
        caller = Principal(issuer="i", subject=str(number), username="eve", groups=groups[number:])
        for what in world["resources"]:
            held = source.permission(caller, Resource.parse(what))
            assert table.permission(caller, Resource.parse(what)) == held
            told.add(held.permission)
        assert source.listing(caller, "Project") == table.listing(caller, "Project")
    assert len(told) > 5


def test_the_nesting_of_groups_is_kept_within_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And told alike before and after it was pushed out."""
    monkeypatch.setattr(compact_table, "_GROUPS", 2)
    source = LocalDirectory.from_dict({"groups": {f"A:G{number}": {"groups": [f"A:G{number + 1}"]} for number in range(6)}})
    table = compact(source, tmp_path)
    for number in (0, 6, 3, 6, 5):
        caller = Principal(issuer="i", subject=str(number), username="eve", groups=[f"A:G{number}"])
        assert source.groups(caller) == table.groups(caller)


def test_what_is_kept_is_no_longer_told_once_there_is_damage(tmp_path: Path) -> None:
    """The person asked for last and the nesting of groups, too."""
    source = LocalDirectory.from_dict({"groups": {"A:T": {"users": ["eve"]}, "A:U": {"groups": ["A:T"]}}})
    sink = BytesIO()
    sink.write(b".")
    with source.everything() as everything:
        layout = build(sink, everything, tmp_path)
    damaged = False

    def check(start: int, end: int) -> None:
        if damaged:
            raise FactsUnavailable("it is damaged", code="snapshot_damaged")

    table = LocalDirectory(CompactStore(CompactTable(Buffer(sink.getvalue(), check), layout)))
    callers = [Principal(issuer="i", subject=f"s{number}", username=name) for number, name in enumerate(["eve", "eve", "", "eve"])]
    member, again = (Principal(issuer="i", subject=subject, username="", groups=["A:T"]) for subject in "ab")
    assert [table.groups(caller).groups for caller in callers[:3]] == [{"A:T", "A:U"}, {"A:T", "A:U"}, set()]
    assert table.groups(member).groups == {"A:T", "A:U"}
    damaged = True
    assert [table.groups(caller).doubt for caller in (callers[3], again)] == ["snapshot_damaged"] * 2


names, types = st.text(st.sampled_from("ab:1u\x000é"), max_size=6), st.text(st.sampled_from("ab1u0"), max_size=3)
questions = st.tuples(st.sampled_from("ugrx"), names, types, names)


@settings(max_examples=500)
@given(one=questions, other=questions)
def test_no_two_questions_have_the_same_key(one: tuple[str, str, str, str], other: tuple[str, str, str, str]) -> None:
    """However names are put together: a colon or a digit in one cannot pass for the border between two."""
    key = keys(b"k" * 32, GRANTS)
    assert (key(*one) == key(*other)) is (one == other)


def test_keys_are_16_bytes_and_each_table_has_its_own() -> None:
    """And those of grants are none of records."""
    made = {keys(secret * 32, purpose)("u", "x", "T", "1") for secret in (b"a", b"b") for purpose in (GRANTS, RECORDS)}
    assert len(made) == 4
    assert {len(key) for key in made} == {16}


def as_it_is(kind: str, name: str, type: str = "", id: str = "", /) -> bytes:
    """A key that a test writes down."""
    return bytes.fromhex(name)


@pytest.fixture
def spilling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions go to disk all the time."""
    monkeypatch.setattr(compact_hash, "_KEPT", 64)


@pytest.mark.usefixtures("spilling")
@settings(max_examples=60, deadline=None)
@given(told=st.sets(st.binary(min_size=16, max_size=16), max_size=200), absent=st.binary(min_size=16, max_size=16))
def test_every_key_is_found_and_no_other(tmp_path_factory: pytest.TempPathFactory, told: set[bytes], absent: bytes) -> None:
    """Each with its payload, in a run of any size."""
    entries = Partitions(tmp_path_factory.mktemp("run"), "run", 17)
    for key in told:
        entries.add(key + key[5:6])
    sink = BytesIO(b"..")
    sink.seek(2)
    run = write_sorted(sink, entries, lambda done: None)
    buffer = Buffer(sink.getvalue())
    found = finder(buffer, run, 1, as_it_is)
    assert all(buffer.map[found("u", key.hex())] == key[5] for key in told)
    assert (found("u", absent.hex()) > 0) is (absent in told)


def test_a_match_across_two_entries_is_none(tmp_path: Path) -> None:
    """A key whose bytes stand at the border of two others is not there."""
    entries = Partitions(tmp_path, "run", 17)
    first, second = bytes(range(16)), bytes(range(100, 116))
    for key in (first, second):
        entries.add(key + b"\x00")
    sink = BytesIO(b".")
    sink.seek(1)
    run = write_sorted(sink, entries, lambda done: None)
    found = finder(Buffer(sink.getvalue()), run, 1, as_it_is)
    assert found("u", first.hex())
    assert found("u", second.hex())
    across = (first + b"\x00" + second)[5:21]
    assert across not in (first, second)
    assert not found("u", across.hex())


def test_more_entries_than_are_safe_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chance of a false allow stays below 2**-100."""
    monkeypatch.setattr(compact_hash, "MOST", 10)
    with pytest.raises(DirectoryError, match="divide it") as fault:
        build(BytesIO(), Everything(resources=facts(300).resources), tmp_path)
    assert fault.value.code == "too_many_facts"
    assert 2**28 * 2**-128 <= 2**-100


def test_progress_is_told(tmp_path: Path) -> None:
    """By stage, up to all of it."""
    told: list[tuple[str, int, int | None]] = []
    build(BytesIO(), facts(3000), tmp_path, lambda *step: told.append(step))
    stages = dict.fromkeys(what for what, _, _ in told)
    assert list(stages) == ["reading resources", "sorting postings", "sorting grants", "sorting records"]
    for stage in list(stages)[:3]:
        *_, (_, done, total) = [step for step in told if step[0] == stage]
        assert done == total
