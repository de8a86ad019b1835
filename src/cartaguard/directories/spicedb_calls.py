"""SpiceDB's calls as steps: requests are built and answers read here, strictly, and nothing else knows its messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from cartaguard.directories.caution import Caution
from cartaguard.directories.spicedb_channel import Channels, too_deep
from cartaguard.directories.spicedb_names import Object, Row, Subject
from cartaguard.drivers.effects import Steps
from cartaguard.errors import FactsUnavailable

__all__ = ["BULK", "Check", "Checked", "Seen", "SpiceDB", "row_message"]

T = TypeVar("T")

_PERMISSIONS, _SCHEMA = "/authzed.api.v1.PermissionsService/", "/authzed.api.v1.SchemaService/"

#: How many checks are asked in one call.
BULK = 1000

#: How many relationships are read in one call where all are read.
PAGE = 1000

#: gRPC's number for it, as it stands in the answer to one of many checks.
_FAILED_PRECONDITION = 9

#: Doubts that are about SpiceDB as a whole, and about one question. Following everything may take long, a check may not.
_WHOLE = frozenset({"spicedb_unavailable", "spicedb_timeout"})
_QUESTION = frozenset({"spicedb_malformed", "spicedb_exhausted", "spicedb_unexpected", "spicedb_timeout"})


@dataclass(frozen=True, slots=True)
class Seen:
    """How new the facts have to be.

    Without a token: as new as there are, wherever they were written. With one: no older than its moment, or with
    ``exactly`` those of that very moment.
    """

    token: str = ""
    exactly: bool = False


class Check(NamedTuple):
    """Whether a subject has a permission, or stands in a relation."""

    object: Object
    permission: str
    subject: Subject


class Checked(NamedTuple):
    """What was answered to each check (``True``, ``False`` or the code of a doubt), and at which moment."""

    answers: tuple[bool | str, ...]
    token: str


class SpiceDB:
    """One SpiceDB and its calls.

    :param clock: seconds that only grow.
    """

    def __init__(self, channels: Channels, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.channels = channels
        self.source = channels.endpoint
        self.clock = clock
        self.caution = Caution(channels.endpoint, clock, doubt="spicedb_unavailable")

    # -- reading -----------------------------------------------------------------------------------------

    def check(self, checks: Sequence[Check], seen: Seen, question: Hashable, deadline: float) -> Steps[Checked]:
        """Answer many checks, all of them at one moment.

        :param question: whom or what it is about, so that a failure is not one of everything else.
        :param deadline: when it has to be over, on this object's clock.
        :raises cartaguard.errors.FactsUnavailable: there is no usable answer.
        """
        found: list[bool | str] = []
        for start in range(0, len(checks), BULK):
            some = checks[start : start + BULK]
            checked = yield from self._ask(self._check(some, seen, deadline), question, _WHOLE)
            found += checked.answers
            # What comes after is asked of the same moment.
            seen = Seen(checked.token, exactly=True)
        return Checked(tuple(found), seen.token)

    def _check(self, checks: Sequence[Check], seen: Seen, deadline: float) -> Steps[Checked]:
        from authzed.api.v1 import CheckBulkPermissionsRequest, CheckBulkPermissionsRequestItem, CheckBulkPermissionsResponse

        items = [
            CheckBulkPermissionsRequestItem(
                resource=_object(check.object), permission=check.permission, subject=_subject_message(check.subject)
            )
            for check in checks
        ]
        request = CheckBulkPermissionsRequest(consistency=_consistency(seen), items=items)
        answer = yield from self._single(_PERMISSIONS + "CheckBulkPermissions", request, CheckBulkPermissionsResponse, deadline)
        if len(answer.pairs) != len(items) or any(pair.request != item for pair, item in zip(answer.pairs, items, strict=True)):
            raise _malformed("other checks than it was asked")
        return Checked(tuple(map(_answer, answer.pairs)), _token(answer.checked_at))

    def lookup(self, type: str, permission: str, subject: Subject, seen: Seen, question: Hashable, deadline: float) -> Steps[list[Object]]:
        """The objects of a type on which a subject has a permission. Raises as :meth:`check`."""
        from authzed.api.v1 import LookupResourcesRequest, LookupResourcesResponse
        from authzed.api.v1.permission_service_pb2 import LOOKUP_PERMISSIONSHIP_HAS_PERMISSION

        request = LookupResourcesRequest(
            consistency=_consistency(seen), resource_object_type=type, permission=permission, subject=_subject_message(subject)
        )
        steps = self._stream(_PERMISSIONS + "LookupResources", request, LookupResourcesResponse, deadline)
        answers = yield from self._ask(steps, question, _WHOLE - _QUESTION)
        if any(answer.permissionship != LOOKUP_PERMISSIONSHIP_HAS_PERMISSION for answer in answers):
            raise _malformed("conditions, and the schema has none")
        return [Object(type, answer.resource_object_id) for answer in answers]

    def read(
        self, type: str, seen: Seen, question: Hashable, deadline: float, *, id: str = "", relation: str = "", subject: Object | None = None
    ) -> Steps[list[Row]]:
        """The stored relationships of objects of a type. Raises as :meth:`check`."""
        from authzed.api.v1 import ReadRelationshipsRequest, ReadRelationshipsResponse, RelationshipFilter, SubjectFilter

        wanted = RelationshipFilter(resource_type=type, optional_resource_id=id, optional_relation=relation)
        if subject is not None:
            wanted.optional_subject_filter.CopyFrom(SubjectFilter(subject_type=subject.type, optional_subject_id=subject.id))
        request = ReadRelationshipsRequest(consistency=_consistency(seen), relationship_filter=wanted)
        steps = self._stream(_PERMISSIONS + "ReadRelationships", request, ReadRelationshipsResponse, deadline)
        answers = yield from self._ask(steps, question, _WHOLE - _QUESTION)
        rows = [_row(answer.relationship) for answer in answers]
        for row in rows:
            right = row.object.type == type and id in ("", row.object.id) and relation in ("", row.relation)
            if not right or subject not in (None, row.subject.object):
                raise _malformed("other relationships than it was asked for")
        return rows

    def read_all(self, type: str, deadline: float) -> Steps[list[Row]]:
        """Every stored relationship of objects of a type, as of now, page by page."""
        from authzed.api.v1 import ReadRelationshipsRequest, ReadRelationshipsResponse, RelationshipFilter

        rows: list[Row] = []
        request = ReadRelationshipsRequest(
            consistency=_consistency(Seen()), relationship_filter=RelationshipFilter(resource_type=type), optional_limit=PAGE
        )
        while True:
            answers = yield from self._stream(_PERMISSIONS + "ReadRelationships", request, ReadRelationshipsResponse, deadline)
            rows += [_row(answer.relationship) for answer in answers]
            if len(answers) < PAGE:
                return rows
            # The cursor keeps to the moment of the first page.
            request.optional_cursor.CopyFrom(answers[-1].after_result_cursor)

    # -- writing -----------------------------------------------------------------------------------------

    def write(self, updates: Sequence[tuple[Row, bool]], deadline: float) -> Steps[str]:
        """Write relationships (``True``), or delete them, all or none; the token of that moment.

        It is no fault when that is so already.
        """
        from authzed.api.v1 import RelationshipUpdate, WriteRelationshipsRequest, WriteRelationshipsResponse

        operations = {True: RelationshipUpdate.OPERATION_TOUCH, False: RelationshipUpdate.OPERATION_DELETE}
        request = WriteRelationshipsRequest(
            updates=[RelationshipUpdate(operation=operations[present], relationship=row_message(row)) for row, present in updates]
        )
        answer = yield from self._single(_PERMISSIONS + "WriteRelationships", request, WriteRelationshipsResponse, deadline)
        return _token(answer.written_at)

    def read_schema(self, deadline: float) -> Steps[str]:
        """The schema that is stored; empty when there is none."""
        from authzed.api.v1 import ReadSchemaRequest, ReadSchemaResponse

        try:
            answer = yield from self._single(_SCHEMA + "ReadSchema", ReadSchemaRequest(), ReadSchemaResponse, deadline)
        except FactsUnavailable as fault:
            if fault.code == "spicedb_not_found":
                return ""
            raise
        text: str = answer.schema_text
        return text

    def write_schema(self, text: str, deadline: float) -> Steps[str]:
        """Store a schema in place of the one that there is; the token of the moment."""
        from authzed.api.v1 import WriteSchemaRequest, WriteSchemaResponse

        request = WriteSchemaRequest(schema=text)
        answer = yield from self._single(_SCHEMA + "WriteSchema", request, WriteSchemaResponse, deadline)
        return _token(answer.written_at)

    # -- asking ------------------------------------------------------------------------------------------

    def _single(self, method: str, request: Any, answer: Any, deadline: float) -> Steps[Any]:
        return (yield from self.channels.single(method, request, answer, deadline - self.clock()))

    def _stream(self, method: str, request: Any, answer: Any, deadline: float) -> Steps[list[Any]]:
        return (yield from self.channels.stream(method, request, answer, deadline - self.clock()))

    def _ask(self, steps: Steps[T], question: Hashable, whole: frozenset[str]) -> Steps[T]:
        """Ask, unless it is too early to ask again, and keep in mind how it went."""
        self.caution.check(question)
        try:
            answer = yield from steps
        except FactsUnavailable as fault:
            if fault.code in whole:
                self.caution.unreachable()
            elif fault.code in _QUESTION:
                self.caution.failed(question)
            else:
                self.caution.answered(question)
            raise
        self.caution.answered(question)
        return answer


def _consistency(seen: Seen) -> Any:
    from authzed.api.v1 import Consistency, ZedToken

    if not seen.token:
        return Consistency(fully_consistent=True)
    token = ZedToken(token=seen.token)
    return Consistency(at_exact_snapshot=token) if seen.exactly else Consistency(at_least_as_fresh=token)


def _object(object: Object) -> Any:
    from authzed.api.v1 import ObjectReference

    return ObjectReference(object_type=object.type, object_id=object.id)


def _subject_message(subject: Subject) -> Any:
    from authzed.api.v1 import SubjectReference

    return SubjectReference(object=_object(subject.object), optional_relation=subject.relation)


def row_message(row: Row) -> Any:
    """A relationship as SpiceDB's message."""
    from authzed.api.v1 import Relationship

    return Relationship(resource=_object(row.object), relation=row.relation, subject=_subject_message(row.subject))


def _row(message: Any) -> Row:
    resource, subject = message.resource, message.subject
    if message.HasField("optional_caveat") or message.HasField("optional_expires_at"):
        raise _malformed("a relationship with a condition or an end, and the schema has none")
    return Row(
        Object(resource.object_type, resource.object_id),
        message.relation,
        Subject(Object(subject.object.object_type, subject.object.object_id), subject.optional_relation),
    )


def _answer(pair: Any) -> bool | str:
    from authzed.api.v1 import CheckPermissionResponse

    if pair.WhichOneof("response") == "error":
        if pair.error.code == _FAILED_PRECONDITION:
            return "spicedb_too_deep" if too_deep(pair.error.message) else "spicedb_schema"
        return "spicedb_unexpected"
    answer = pair.item.permissionship
    if answer == CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION:
        return True
    # What depends on a condition is neither, and the schema has none.
    return False if answer == CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION else "spicedb_malformed"


def _token(token: Any) -> str:
    text: str = token.token
    if not text:
        raise _malformed("no token")
    return text


def _malformed(what: str) -> FactsUnavailable:
    return FactsUnavailable(f"spicedb answered with {what}", code="spicedb_malformed")
