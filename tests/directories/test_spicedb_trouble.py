"""SpiceDB under trouble: whatever is no usable answer is a doubt, and it works again by itself."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from authzed.api.v1 import (
    CheckBulkPermissionsPair,
    CheckBulkPermissionsRequest,
    CheckBulkPermissionsResponse,
    CheckPermissionResponse,
    LookupResourcesResponse,
    ReadRelationshipsResponse,
    ZedToken,
)

from cartaguard.directories.spicedb import SpiceDBDirectory
from cartaguard.directories.spicedb_calls import row_message
from cartaguard.directories.spicedb_names import Object, Row, Subject
from cartaguard.drivers import blocking
from cartaguard.errors import FactsUnavailable
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    ListingNeed,
    Need,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from support.clock import Clock
from support.colours import COLOURS, Run
from support.facts import OLGA
from support.heard import hearing
from support.relay import Relay
from support.spicedb import SpiceDB, spicedb

P1 = Resource("Project", "p1")
READ = PermissionNeed(OLGA, P1, 1)
NEEDS: list[Need] = [READ, GroupsNeed(OLGA), OrganizationsNeed(OLGA), RestrictionNeed(OLGA, P1), ListingNeed(OLGA, "Project")]
FACTS = {"resources": {"Project:p1": {"owner": "olga"}}}

both_colours = pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)


@pytest.fixture
def server() -> Iterator[SpiceDB]:
    with spicedb() as running:
        running.write_schema()
        running.load(FACTS)
        yield running


def directory_at(port: int, **options: Any) -> SpiceDBDirectory:
    return SpiceDBDirectory(f"127.0.0.1:{port}", **{"token": SpiceDB.token, "tls": False, "timeout": 5.0, **options})


def doubts(run: Run, directory: SpiceDBDirectory, needs: list[Need] = NEEDS) -> set[str]:
    """The doubts about all that is asked; every fact has to carry one, and nothing else."""
    answers = run(directory.fetch(needs))
    assert set(answers) == set(needs)
    for need, fact in answers.items():
        assert fact == type(fact)(doubt=fact.doubt), need
    return {fact.doubt for fact in answers.values()}


@pytest.mark.server
@both_colours
def test_a_server_that_is_killed_is_in_doubt_and_counts_again_once_it_is_back(server: SpiceDB, run: Run) -> None:
    """Nothing is guessed while it is away; nothing has to be started anew here."""
    clock = Clock()
    directory = directory_at(server.port, clock=clock)
    assert run(directory.fetch([READ])) == {READ: Granted(Permission.ALL)}
    server.kill()
    assert doubts(run, directory) == {"spicedb_unavailable"}
    server.start()
    assert doubts(run, directory) == {"spicedb_unavailable"}, "it is left alone for now"
    server.write_schema()
    server.load(FACTS)
    directory.invalidate()

    def back() -> bool:
        clock.now += 31
        return bool(run(directory.fetch([READ])) == {READ: Granted(Permission.ALL)})

    # The channel tries to connect again at most once a second.
    deadline = threading.Event()
    assert any(back() or deadline.wait(0.1) for _ in range(300))
    directory.close()


@pytest.mark.server
@both_colours
def test_a_wrong_key_is_in_doubt_and_is_not_told(server: SpiceDB, run: Run) -> None:
    """Neither the wrong key nor the right one is in what is reported."""
    directory = directory_at(server.port, token="canary-of-another-place")
    with hearing() as heard:
        assert doubts(run, directory) == {"spicedb_unauthorized"}
    assert heard
    assert "canary" not in repr((heard, directory))
    directory.close()


@pytest.mark.server
@both_colours
@pytest.mark.parametrize("key", ["", "two words", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_in_doubt(server: SpiceDB, run: Run, key: str) -> None:
    """One that a function gives is looked at each time; a file that is gone counts too."""
    directory = directory_at(server.port, token=lambda: key)
    assert doubts(run, directory) == {"spicedb_unauthorized"}

    def gone() -> str:
        raise FileNotFoundError(2, "no such file")

    assert doubts(run, directory_at(server.port, token=gone)) == {"spicedb_unauthorized"}


@pytest.mark.server
@both_colours
def test_a_server_without_the_schema_is_in_doubt(run: Run) -> None:
    """Nothing stored is not the same as nothing known."""
    with spicedb() as empty:
        directory = directory_at(empty.port)
        assert doubts(run, directory) == {"spicedb_schema"}
        directory.close()


@pytest.mark.server
@both_colours
def test_a_socket_that_stalls_is_in_doubt_within_the_time(server: SpiceDB, run: Run) -> None:
    """The deadline is over all calls of a fetch; once the wire is well again, it is used again."""
    clock = Clock()
    with Relay(server.port) as relay:
        directory = directory_at(relay.port, timeout=0.5, clock=clock)
        assert run(directory.fetch([READ])) == {READ: Granted(Permission.ALL)}
        relay.trouble = "stall"
        # A task has a channel of its own, which does not even come to be.
        assert doubts(run, directory, [READ]) <= {"spicedb_timeout", "spicedb_unavailable"}
        assert doubts(run, directory, [READ]) == {"spicedb_unavailable"}, "it is left alone for now"
        relay.trouble = ""
        waiting = threading.Event()

        def back() -> bool:
            clock.now += 31
            return bool(run(directory.fetch([READ])) == {READ: Granted(Permission.ALL)})

        assert any(back() or waiting.wait(0.1) for _ in range(300))
        directory.close()


@pytest.mark.server
@both_colours
@pytest.mark.parametrize("trouble", ["garbage", "cut", "reset", "closed"])
def test_a_wire_that_is_broken_is_in_doubt(server: SpiceDB, run: Run, trouble: Any) -> None:
    """Random bytes, half an answer, a reset, and nobody there."""
    with Relay(server.port) as relay:
        relay.trouble = trouble
        directory = directory_at(relay.port, timeout=2.0)
        assert doubts(run, directory, [READ]) <= {"spicedb_unavailable", "spicedb_malformed", "spicedb_timeout"}
        directory.close()


# -- answers that cannot be --------------------------------------------------------------------------------


class Liar(grpc.GenericRpcHandler):  # type: ignore[misc] # gRPC tells no types
    """Answers each call as it is told to, in SpiceDB's messages or in other bytes."""

    def __init__(self) -> None:
        self.check: Any = None
        self.read: Any = None
        self.lookup: Any = None

    def service(self, details: Any) -> Any:
        call = details.method.rpartition("/")[2]
        if call == "CheckBulkPermissions":
            return grpc.unary_unary_rpc_method_handler(
                lambda request, _: self.check(request), CheckBulkPermissionsRequest.FromString, _bytes
            )
        answers = self.read if call == "ReadRelationships" else self.lookup
        return grpc.unary_stream_rpc_method_handler(lambda request, _: iter(answers), _bytes, _bytes)


def _bytes(message: Any) -> bytes:
    return message if isinstance(message, bytes) else bytes(message.SerializeToString())


@contextmanager
def lying() -> Iterator[tuple[Liar, int]]:
    liar = Liar()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((liar,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield liar, port
    finally:
        server.stop(None).wait()


def answering(permissionship: int, **changes: Any) -> Any:
    """An answer to every check, with a change to the first one."""

    def answer(request: CheckBulkPermissionsRequest) -> CheckBulkPermissionsResponse:
        pairs = [CheckBulkPermissionsPair(request=item) for item in request.items]
        for pair in pairs:
            pair.item.permissionship = permissionship  # type: ignore[assignment] # some are none of its values
        response = CheckBulkPermissionsResponse(checked_at=ZedToken(token="t"), pairs=pairs)
        for name, change in changes.items():
            change(response) if callable(change) else setattr(response, name, change)
        return response

    return answer


def failed(response: CheckBulkPermissionsResponse) -> None:
    for pair in response.pairs:
        pair.error.code = 13


NO = CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION
YES = CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION


@both_colours
@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (answering(CheckPermissionResponse.PERMISSIONSHIP_UNSPECIFIED), "spicedb_malformed"),
        (answering(CheckPermissionResponse.PERMISSIONSHIP_CONDITIONAL_PERMISSION), "spicedb_malformed"),
        (answering(77), "spicedb_malformed"),
        (answering(YES, fewer=lambda response: response.pairs.pop()), "spicedb_malformed"),
        (answering(YES, other=lambda response: response.pairs[0].request.subject.object.MergeFrom(_other())), "spicedb_malformed"),
        (answering(YES, no_token=lambda response: response.checked_at.Clear()), "spicedb_malformed"),
        (answering(YES, error=failed), "spicedb_unexpected"),
        (lambda request: b"\xff\xff\xff", "spicedb_malformed"),
    ],
)
def test_an_answer_to_checks_that_cannot_be_is_in_doubt(run: Run, answer: Any, doubt: str) -> None:
    """A yes counts only as the answer to what was asked."""
    with lying() as (liar, port):
        liar.check = answer
        directory = directory_at(port)
        assert doubts(run, directory, [READ]) == {doubt}
        directory.close()


def _other() -> Any:
    from authzed.api.v1 import ObjectReference

    return ObjectReference(object_id="b3RoZXI")


RECORD = Object("record", "UHJvamVjdA/cDE")


def row(relation: str, subject: Object, known: Object = RECORD) -> ReadRelationshipsResponse:
    return ReadRelationshipsResponse(relationship=row_message(Row(known, relation, Subject(subject))))


PUBLIC = row("level", Object("level", "public"))
CONDITIONAL = row("level", Object("level", "public"))
CONDITIONAL.relationship.optional_caveat.caveat_name = "on_tuesdays"


@both_colours
@pytest.mark.parametrize(
    "answers",
    [
        [PUBLIC, row("level", Object("level", "public"), Object("record", "b3RoZXI"))],
        [CONDITIONAL],
        [row("level", Object("level", "any_organization")), row("allowed", Object("name", "not base64"))],
        [row("level", Object("level", "any_organization")), row("organization", Object("organization", "QQ/QQ"))],
        [b"\xff\xff\xff"],
    ],
)
def test_relationships_that_cannot_be_are_in_doubt(run: Run, answers: list[Any]) -> None:
    """Of another object, under a condition, or with names that nobody has."""
    with lying() as (liar, port):
        liar.read = answers
        directory = directory_at(port)
        assert doubts(run, directory, [RestrictionNeed(OLGA, P1)]) == {"spicedb_malformed"}
        directory.close()


@pytest.mark.parametrize(
    "levels",
    [("public", "registered"), ("open",), ("unrestricted", "public")],
)
def test_a_record_with_levels_that_contradict_each_other_is_as_strict_as_can_be(levels: tuple[str, ...]) -> None:
    """Two levels, or a word that is none, admit nobody."""
    with lying() as (liar, port):
        liar.read = [row("level", Object("level", level)) for level in levels]
        directory = directory_at(port)
        need = RestrictionNeed(OLGA, P1)
        fact: Fact = blocking.run(directory.fetch([need]))[need]
        assert isinstance(fact, Known)
        [restriction] = fact.restrictions
        assert not restriction.admits(authenticated=True, names=["olga"], organizations=frozenset({"OrgA"}))
        directory.close()


@both_colours
@pytest.mark.parametrize(
    "answer",
    [
        LookupResourcesResponse(resource_object_id="UHJvamVjdA/cDE"),
        LookupResourcesResponse(resource_object_id="UHJvamVjdA/cDE", permissionship=2),  # type: ignore[arg-type] # its number
        LookupResourcesResponse(resource_object_id="p1", permissionship=1),  # type: ignore[arg-type]
        LookupResourcesResponse(resource_object_id="U2VjcmV0/azE", permissionship=1),  # type: ignore[arg-type] # a secret
        b"\xff\xff\xff",
    ],
)
def test_a_listing_that_cannot_be_is_in_doubt(run: Run, answer: Any) -> None:
    """Without a yes, with a condition, or with a name that nobody has: nothing of it counts."""
    with lying() as (liar, port):
        liar.check, liar.lookup = answering(NO), [answer]
        directory = directory_at(port)
        assert doubts(run, directory, [ListingNeed(OLGA, "Project")]) == {"spicedb_malformed"}
        directory.close()


@both_colours
def test_more_than_is_read_is_in_doubt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream without an end is given up, and of a part nothing is told."""
    monkeypatch.setattr("cartaguard.directories.spicedb_channel.MOST", 5)
    with lying() as (liar, port):
        liar.read = [PUBLIC] * 6
        directory = directory_at(port)
        assert doubts(run, directory, [RestrictionNeed(OLGA, P1)]) == {"spicedb_exhausted"}
        directory.close()


@both_colours
def test_a_message_that_is_too_large_is_in_doubt(run: Run) -> None:
    """The bound counts the bytes of one message."""
    with lying() as (liar, port):
        liar.read = [row("level", Object("level", "x" * (5 << 20)))]
        directory = directory_at(port)
        assert doubts(run, directory, [RestrictionNeed(OLGA, P1)]) == {"spicedb_exhausted"}
        directory.close()


@pytest.mark.server
def test_one_question_that_fails_is_left_alone_and_no_other(server: SpiceDB) -> None:
    """Whoever finds a name that SpiceDB cannot cope with does not turn it off for everybody."""
    with lying() as (liar, port):
        liar.read = [b"\xff\xff\xff"]
        directory = directory_at(port)
        need = RestrictionNeed(OLGA, P1)
        assert doubts(blocking.run, directory, [need]) == {"spicedb_malformed"}
        assert doubts(blocking.run, directory, [need]) == {"spicedb_unavailable"}
        liar.read = []
        other = RestrictionNeed(OLGA, Resource("Project", "p2"))
        assert blocking.run(directory.fetch([other])) == {other: Known()}
        directory.close()


# -- how new -----------------------------------------------------------------------------------------------


@pytest.mark.server
@both_colours
def test_a_need_that_is_to_be_new_sees_a_revocation_at_once(server: SpiceDB, run: Run) -> None:
    """`max_age=0` asks as of now, and so does the first question after an invalidation."""
    directory = directory_at(server.port)
    now = PermissionNeed(OLGA, P1, 1, Freshness(max_age=0))
    assert run(directory.fetch([now])) == {now: Granted(Permission.ALL)}
    server.load({"resources": {"Project:p1": {}}})
    assert run(directory.fetch([now])) == {now: Granted()}
    server.load(FACTS)
    server.load({"resources": {"Project:p1": {}}})
    directory.invalidate()
    assert run(directory.fetch([READ])) == {READ: Granted()}
    directory.close()


@pytest.mark.parametrize(
    ("fresh", "expected"),
    [
        (None, "least"),
        (Freshness(max_stale=60), "least"),
        (Freshness(max_age=60), "full"),
        (Freshness(max_age=0), "full"),
    ],
)
def test_the_first_answer_is_as_of_now_and_later_ones_no_older(fresh: Freshness | None, expected: str) -> None:
    """SpiceDB is never left to choose the moment; what is asked next about a caller is of the same moment as who it is."""
    asked: list[str] = []

    def answer(request: CheckBulkPermissionsRequest) -> CheckBulkPermissionsResponse:
        kind = {"fully_consistent": "full", "at_least_as_fresh": "least", "at_exact_snapshot": "exactly"}
        chosen = request.consistency.WhichOneof("requirement")
        asked.append(kind[str(chosen)])
        return answering(NO)(request)  # type: ignore[no-any-return]

    with lying() as (liar, port):
        liar.check = answer
        directory = directory_at(port)
        need = PermissionNeed(OLGA, P1, 1, fresh)
        blocking.run(directory.fetch([READ]))
        blocking.run(directory.fetch([need]))
        directory.invalidate()
        blocking.run(directory.fetch([need]))
        assert asked == ["full", "exactly", expected, "exactly", "full", "exactly"]
        directory.close()


@pytest.mark.server
def test_a_child_of_a_fork_has_connections_of_its_own(server: SpiceDB) -> None:
    """What the parent used is left to it, and both go on."""
    directory = directory_at(server.port)
    blocking.run(directory.fetch([READ]))
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            theirs.sendall(b"y" if blocking.run(directory.fetch([READ])) == {READ: Granted(Permission.ALL)} else b"n")
        finally:
            os._exit(0)
    theirs.close()
    assert ours.recv(1) == b"y"
    os.waitpid(pid, 0)
    ours.close()
    assert blocking.run(directory.fetch([READ])) == {READ: Granted(Permission.ALL)}
    directory.close()


@pytest.mark.server
def test_health_tells_whether_it_answers(server: SpiceDB) -> None:
    """A probe finds out, and raises nothing for an outage."""
    directory = directory_at(server.port)
    assert [condition.state for condition in directory.health()] == ["unknown"]
    blocking.run(directory.probe())
    assert [condition.state for condition in directory.health()] == ["ok"]
    server.kill()
    blocking.run(directory.probe())
    assert [condition.state for condition in directory.health()] == ["left_alone"]
    directory.close()
    with pytest.raises(FactsUnavailable):
        directory._spicedb.caution.check("anything")
