"""A stand-in for SpiceDB in this process: it stores, follows groups and owners, and tells of changes. No more.

What is about cartaguard's own side of the wire (the command line, the stream of changes) so runs without a server too; what
is about answers runs on the real one.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from authzed.api.v1 import (
    CheckBulkPermissionsPair,
    CheckBulkPermissionsRequest,
    CheckBulkPermissionsResponse,
    CheckPermissionResponse,
    LookupResourcesRequest,
    LookupResourcesResponse,
    ReadRelationshipsRequest,
    ReadRelationshipsResponse,
    ReadSchemaRequest,
    ReadSchemaResponse,
    Relationship,
    RelationshipUpdate,
    WatchRequest,
    WatchResponse,
    WriteRelationshipsRequest,
    WriteRelationshipsResponse,
    WriteSchemaRequest,
    WriteSchemaResponse,
    ZedToken,
)
from authzed.api.v1.permission_service_pb2 import LOOKUP_PERMISSIONSHIP_HAS_PERMISSION

from support.spicedb import SpiceDB

__all__ = ["stand_in"]

_REQUESTS: dict[str, Any] = {
    "CheckBulkPermissions": CheckBulkPermissionsRequest,
    "WriteRelationships": WriteRelationshipsRequest,
    "ReadSchema": ReadSchemaRequest,
    "WriteSchema": WriteSchemaRequest,
    "LookupResources": LookupResourcesRequest,
    "ReadRelationships": ReadRelationshipsRequest,
    "Watch": WatchRequest,
}
_STREAMS = ("LookupResources", "ReadRelationships", "Watch")


def _key(row: Relationship) -> tuple[str, ...]:
    subject = row.subject
    return (
        *(row.resource.object_type, row.resource.object_id, row.relation),
        *(subject.object.object_type, subject.object.object_id, subject.optional_relation),
    )


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc] # gRPC tells no types
    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}"
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, ...], Relationship] = {}
        self._moment = 0
        self._watches: list[queue.SimpleQueue[WatchResponse | None]] = []
        self._schema = ""

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2]
        if dict(details.invocation_metadata).get("authorization") != self._authorization:
            return grpc.unary_unary_rpc_method_handler(self._refuse)
        kind = grpc.unary_stream_rpc_method_handler if name in _STREAMS else grpc.unary_unary_rpc_method_handler
        return kind(getattr(self, name), _REQUESTS[name].FromString, lambda answer: answer.SerializeToString())

    @staticmethod
    def _refuse(request: bytes, context: Any) -> None:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "invalid preshared key")

    def _now(self) -> ZedToken:
        return ZedToken(token=f"moment-{self._moment}")

    # -- the calls ---------------------------------------------------------------------------------------

    def ReadSchema(self, request: ReadSchemaRequest, context: Any) -> ReadSchemaResponse:
        if not self._schema:
            context.abort(grpc.StatusCode.NOT_FOUND, "no schema")
        return ReadSchemaResponse(schema_text=self._schema)

    def WriteSchema(self, request: WriteSchemaRequest, context: Any) -> WriteSchemaResponse:
        self._schema = request.schema
        return WriteSchemaResponse(written_at=self._now())

    def WriteRelationships(self, request: WriteRelationshipsRequest, context: Any) -> WriteRelationshipsResponse:
        with self._lock:
            self._moment += 1
            for update in request.updates:
                if update.operation == RelationshipUpdate.OPERATION_DELETE:
                    self._rows.pop(_key(update.relationship), None)
                else:
                    self._rows[_key(update.relationship)] = update.relationship
            told = WatchResponse(updates=request.updates, changes_through=self._now())
            for watch in self._watches:
                watch.put(told)
            return WriteRelationshipsResponse(written_at=self._now())

    def CheckBulkPermissions(self, request: CheckBulkPermissionsRequest, context: Any) -> CheckBulkPermissionsResponse:
        answer = CheckBulkPermissionsResponse(checked_at=self._now())
        for item in request.items:
            subject = (item.subject.object.object_type, item.subject.object.object_id, item.subject.optional_relation)
            held = self._holds(item.resource.object_type, item.resource.object_id, item.permission, subject)
            pair = CheckBulkPermissionsPair(request=item)
            has, no = CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION, CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION
            pair.item.permissionship = has if held else no
            answer.pairs.append(pair)
        return answer

    def LookupResources(self, request: LookupResourcesRequest, context: Any) -> Iterator[LookupResourcesResponse]:
        subject = (request.subject.object.object_type, request.subject.object.object_id, request.subject.optional_relation)
        kind = request.resource_object_type
        for id_ in sorted({key[1] for key in self._rows if key[0] == kind}):
            if self._holds(kind, id_, request.permission, subject):
                yield LookupResourcesResponse(resource_object_id=id_, permissionship=LOOKUP_PERMISSIONSHIP_HAS_PERMISSION)

    def ReadRelationships(self, request: ReadRelationshipsRequest, context: Any) -> Iterator[ReadRelationshipsResponse]:
        wanted = request.relationship_filter
        subject = wanted.optional_subject_filter
        found = sorted(
            key
            for key in list(self._rows)
            if key[0] == wanted.resource_type
            and wanted.optional_resource_id in ("", key[1])
            and wanted.optional_relation in ("", key[2])
            and subject.subject_type in ("", key[3])
            and subject.optional_subject_id in ("", key[4])
        )
        start = int(request.optional_cursor.token or 0)
        for number in range(start, min(len(found), start + (request.optional_limit or len(found)))):
            answer = ReadRelationshipsResponse(relationship=self._rows[found[number]], read_at=self._now())
            answer.after_result_cursor.token = str(number + 1)
            yield answer

    def Watch(self, request: WatchRequest, context: Any) -> Iterator[WatchResponse]:
        came: queue.SimpleQueue[WatchResponse | None] = queue.SimpleQueue()
        self._watches.append(came)
        context.add_callback(lambda: came.put(None))
        while (told := came.get()) is not None:
            yield told
        self._watches.remove(came)

    # -- what follows from what is stored ------------------------------------------------------------------

    def _holds(self, kind: str, id_: str, permission: str, subject: tuple[str, ...]) -> bool:
        if subject in ((kind, id_, permission), (kind, id_, "direct")):
            return True
        own = ("granted_owner", f"granted_{permission}", permission)
        relations = {"membership": ("member",), "direct": ("member",)}.get(permission, own)
        for key in list(self._rows):
            if key[:2] != (kind, id_):
                continue
            if key[2] in relations and (key[3:] == subject or (key[5] and self._holds(key[3], key[4], key[5], subject))):
                return True
            if key[2] == "inner" and permission == "membership" and self._holds("group", key[4], permission, subject):
                return True
        return False


class _StandIn(SpiceDB):
    """In place of the real one, with the same key."""

    def __init__(self) -> None:
        self._prepare()
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((_Handler(self.token),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def kill(self) -> None:
        self._server.stop(None).wait()
        self._let_go()


@contextmanager
def stand_in() -> Iterator[SpiceDB]:
    """Start one."""
    running = _StandIn()
    try:
        yield running
    finally:
        running.kill()
