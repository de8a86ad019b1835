"""A snapshot file is used only when it is the deployer's own and undamaged."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cartaguard.directories.snapshot_file import Writing, open_snapshot, writing
from cartaguard.directories.snapshot_layout import BLOCK, FORMAT, MAGIC, Header
from cartaguard.directories.snapshot_seal import seal_of
from cartaguard.errors import ConfigurationError, DirectoryError, SnapshotError
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal
from support.clock import Clock
from support.heard import hearing
from support.snapshots import AGE, KEY, NOW, opened, snapshot

if TYPE_CHECKING:
    from typing_extensions import Buffer

P1 = Resource("Project", "p1")
OLGA = Principal(issuer="https://a.example", subject="s-olga", username="olga")
FACTS: dict[str, Any] = {
    "users": {"olga": {"organizations": ["OrgA"]}},
    "groups": {"OrgA:Team": {"users": ["adam"]}},
    "resources": {
        "Project:p1": {"owner": "olga", "grants": [{"to": "group:OrgA:Team", "role": "Guest"}]},
        "Project:p2": {"owner": "eve", "restricted": {"level": "registered"}, "grants": [{"to": "resource:Project:p1", "role": "User"}]},
    },
}
#: Several blocks.
LARGE: dict[str, Any] = {"resources": {f"Project:p{number}": {"owner": f"user{number}"} for number in range(4000)}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "facts.snapshot"
    snapshot(file, FACTS)
    return file


def refusal(path: Path, **options: Any) -> str:
    """Why a snapshot is not used; empty if it is."""
    try:
        opened(path, **options)
    except SnapshotError as fault:
        return fault.code if f"`{path}`" in str(fault) else "a message that does not name the file"
    return ""


def test_what_was_written_is_used(path: Path) -> None:
    """And nothing else is left in its folder."""
    directory = opened(path)
    held = directory.permission(OLGA, P1)
    assert held is not None
    assert held.permission.owner
    assert directory.header is not None
    assert (directory.header.created_at, directory.header.left_out, directory.source) == (NOW, (), str(path))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("check", ["whole", "as_read"])
def test_every_changed_byte_is_found(path: Path, check: str) -> None:
    """Wherever it is: the file is refused, or what rests on that block is in doubt and never another answer."""
    sound, random = path.read_bytes(), Random(3)
    expected = _answers(path, check)
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        code = refusal(path, check=check)
        if check == "whole":
            assert code, position
        elif not code:
            assert _answers(path, check) != expected, position
            assert all(answer in ("snapshot_damaged", right) for answer, right in zip(_answers(path, check), expected, strict=True))


def _answers(path: Path, check: str) -> list[object]:
    directory = opened(path, check=check)
    facts = [directory.groups(OLGA), directory.permission(OLGA, P1), directory.permission(OLGA, Resource("Project", "p2"))]
    return [fact.doubt or fact for fact in facts if fact is not None]


def test_a_cut_off_or_extended_file_is_refused(path: Path) -> None:
    """At any length."""
    sound = path.read_bytes()
    for length in (*range(0, len(sound), 7), len(sound) - 1):
        path.write_bytes(sound[:length])
        assert refusal(path) == "snapshot_damaged", length
    for more in (b"\x00", MAGIC, sound):
        path.write_bytes(sound + more)
        assert refusal(path), more


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": b"another secret of enough bytes..."}, "snapshot_foreign"),
        ({"namespace": "staging"}, "snapshot_foreign"),
        ({"clock": Clock(NOW + AGE)}, ""),
        ({"clock": Clock(NOW + AGE + 1)}, "snapshot_too_old"),
        ({"clock": Clock(NOW - 30)}, ""),
        ({"clock": Clock(NOW - 31)}, "snapshot_from_the_future"),
        ({"issuers": ["https://a.example"]}, ""),
    ],
)
def test_another_key_namespace_or_age_is_refused(path: Path, changes: dict[str, Any], code: str) -> None:
    """Each with a code of its own."""
    assert refusal(path, **changes) == code


def test_a_snapshot_about_other_issuers_is_refused(path: Path) -> None:
    """If it says whose callers it is about, it has to be those that are trusted, and no other set."""
    snapshot(path, FACTS, issuers=["https://b.example", "https://a.example"], namespace="live")
    given = {"namespace": "live"}
    assert refusal(path, issuers=["https://a.example", "https://b.example"], **given) == ""
    assert refusal(path, **given) == ""
    assert refusal(path, issuers=["https://a.example"], **given) == "snapshot_foreign"
    assert refusal(path, issuers=["https://a.example", "https://b.example"]) == "snapshot_foreign"


def test_a_file_that_is_not_there_or_none_of_ours_is_refused(tmp_path: Path) -> None:
    """The message names it."""
    assert refusal(tmp_path / "missing") == "snapshot_unreadable"
    assert refusal(tmp_path) == "snapshot_unreadable"
    (tmp_path / "text").write_text("no snapshot at all, but long enough to look at" * 10)
    assert refusal(tmp_path / "text") == "snapshot_damaged"


def plain(header: Header) -> dict[str, Any]:
    """A header as it stands in a file."""
    read: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(header))
    return read


def resigned(path: Path, **changes: Any) -> None:
    """Change the header, and sign it as the deployer would."""
    seal, whole = seal_of(KEY), path.read_bytes()
    header = open_snapshot(path, seal).header
    text = msgspec.msgpack.encode({**plain(header), **changes})
    assert seal.sign is not None
    signature = seal.sign(b"cartaguard snapshot header\n" + text)
    lengths = len(text).to_bytes(4, "little") + len(signature).to_bytes(2, "little")
    path.write_bytes(whole[: header.body] + text + signature + lengths + changes.get("format", FORMAT).to_bytes(2, "little") + MAGIC)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"format": FORMAT + 1}, "snapshot_version"),
        ({"more": True}, "snapshot_version"),
        ({"created_at": "now"}, "snapshot_version"),
        ({"created_at": float("nan")}, "snapshot_damaged"),
        ({"seal": "ed25519"}, "snapshot_damaged"),
        ({"body": 5}, "snapshot_damaged"),
        ({"digests": b""}, "snapshot_damaged"),
    ],
)
def test_a_header_that_cannot_be_is_refused_whoever_signed_it(path: Path, changes: dict[str, Any], code: str) -> None:
    """A newer version may say more than this one understands."""
    resigned(path, **changes)
    assert refusal(path) == code


def test_a_header_that_leads_out_of_the_file_is_refused(path: Path) -> None:
    """Before anything is read there."""
    parts = plain(open_snapshot(path, seal_of(KEY)).header)["parts"]
    parts[0]["table"]["postings"] = (16, 10**9)
    resigned(path, parts=parts)
    assert refusal(path) == "snapshot_damaged"


def test_a_version_of_another_file_is_named(path: Path) -> None:
    """The tail says it, so that a later version may sign in another way."""
    whole = bytearray(path.read_bytes())
    whole[-len(MAGIC) - 2] = 9
    path.write_bytes(whole)
    with pytest.raises(SnapshotError, match=f"has version 9, and this reads {FORMAT}"):
        opened(path)


def test_damage_that_is_found_later_puts_everything_in_doubt(tmp_path: Path) -> None:
    """As soon as a damaged block is read, nothing is told any more; it is reported once."""
    path = tmp_path / "large"
    snapshot(path, LARGE)
    expected = [opened(path).permission(person(number), Resource("Project", f"p{number}")) for number in range(200)]
    damaged = bytearray(path.read_bytes())
    damaged[BLOCK + 5000] ^= 1
    path.write_bytes(damaged)
    assert refusal(path) == "snapshot_damaged"
    directory = opened(path, check="as_read")
    with hearing() as heard:
        told = [directory.permission(person(number), Resource("Project", f"p{number}")) for number in range(200)]
    first = next(index for index, fact in enumerate(told) if fact is not None and fact.doubt)
    assert told[:first] == expected[:first]
    assert {fact.doubt for fact in told[first:] if fact is not None} == {"snapshot_damaged"}
    assert not any(fact.permission for fact in told[first:] if fact is not None)
    assert [event for event, _ in heard] == ["snapshot_refused"]


def person(number: int) -> Principal:
    return Principal(issuer="https://a.example", subject=f"s-{number}", username=f"user{number}")


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    """Whatever goes wrong, what was there stays whole and alone."""
    before = path.read_bytes()
    with pytest.raises(DirectoryError):
        snapshot(path, {"resources": {"Project:\ud800": {}}})
    with pytest.raises(ConfigurationError), writing(path) as sink:
        sink.finish(Header(FORMAT, "", NOW, "", (), (), (), 0, b""), seal_of(KEY)._replace(sign=None))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_snapshot_is_for_its_owner_alone_unless_the_former_one_was_not(path: Path) -> None:
    """It tells who may do what; whoever lets a group read it need not do so again."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    snapshot(path, FACTS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_takes_the_place_of_the_old_one_at_once(path: Path) -> None:
    """Whoever has the old one open keeps reading that."""
    old = opened(path)
    before = path.stat().st_ino
    snapshot(path, {"resources": {}})
    assert path.stat().st_ino != before
    held = old.permission(OLGA, P1)
    assert held is not None
    assert held.permission.owner


def test_two_snapshots_of_the_same_facts_share_nothing_that_could_be_compared(tmp_path: Path) -> None:
    """Each is hashed with a key of its own."""
    for name in "ab":
        snapshot(tmp_path / name, FACTS)
    tables = [plain(open_snapshot(tmp_path / name, seal_of(KEY)).header)["parts"][0]["table"] for name in "ab"]
    assert tables[0]["key"] != tables[1]["key"]


@pytest.mark.parametrize("options", [{"max_age": 0}, {"max_age": float("nan")}, {"check": "never"}, {"key": b"short"}])
def test_options_that_cannot_be_meant_are_refused(path: Path, options: dict[str, Any]) -> None:
    """Before the file is looked at."""
    with pytest.raises(ConfigurationError):
        opened(path, **options)


def test_a_file_may_have_exactly_whole_blocks(tmp_path: Path) -> None:
    """The last digest is not one of nothing."""
    path = tmp_path / "blocks"
    empty = Header(FORMAT, "", NOW, "", (), (), (), 0, b"")
    for length in (BLOCK - len(MAGIC), BLOCK, 3 * BLOCK):
        with writing(path) as sink:
            sink.write(os.urandom(length))
            header = sink.finish(empty, seal_of(KEY))
        assert len(header.digests) == 32 * -(-header.body // BLOCK)
        assert open_snapshot(path, seal_of(KEY)).header == header


HUGE = 2 * 1024 * 1024


class _Noted(io.BytesIO):
    """A file that notes from where to where each write goes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[int, int]] = []

    def write(self, data: Buffer) -> int:
        start = self.tell()
        written = super().write(data)
        self.writes.append((start, start + written))
        return written


@pytest.mark.parametrize("pieces", [[5 * HUGE], [HUGE - len(MAGIC)], [1] * 100, [700_000] * 9, [HUGE - 1, HUGE, HUGE + 1, 3]])
def test_what_is_written_goes_to_the_file_in_huge_pages(pieces: list[int]) -> None:
    """However it comes, so that the system may keep each in one page; nothing of it is lost or moved."""
    file, chance = _Noted(), Random(1)
    sink, text = Writing(file), MAGIC
    for length in pieces:
        assert sink.tell() == len(text)
        piece = chance.randbytes(length)
        sink.write(piece)
        text += piece
    header = sink.finish(Header(FORMAT, "", NOW, "", (), (), (), 0, b""), seal_of(KEY))
    assert file.getvalue()[: len(text)] == text
    assert header.body == len(text)
    assert header.digests == b"".join(hashlib.sha256(text[start : start + BLOCK]).digest() for start in range(0, len(text), BLOCK))
    whole = [(start, start + HUGE) for start in range(0, len(text) - HUGE + 1, HUGE)]
    assert [write for write in file.writes if write[1] <= len(text) and write[1] % HUGE == 0 and write[0] != write[1]] == whole


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").is_dir(), reason="this system has no huge pages")
def test_a_snapshot_is_mapped_for_huge_pages(path: Path) -> None:
    """Where the system has them: the map carries the flag `hg`."""
    opened_ = open_snapshot(path, seal_of(KEY))
    maps = Path("/proc/self/smaps").read_text(encoding="ascii", errors="replace")
    [flags] = [part.split("VmFlags:")[1].splitlines()[0].split() for part in maps.split(str(path))[1:]]
    assert "hg" in flags
    assert len(opened_.buffer.map) == path.stat().st_size
