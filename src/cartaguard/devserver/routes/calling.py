"""Calling a service through Carta, in the caller's name: any method, to where it is registered, or to itself if it is connected.

The caller must hold `read` on the service, which is what Carta's own hosted services ask for; who connects one must
hold `write` on it, as long as it is connected.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from cartaguard.devserver.caller import Caller, verified_subject
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.hosting import Hosted, Hosting, event_of
from cartaguard.devserver.proxying import Via, answered_headers, checked_base, checked_endpoint, forwarded_headers, target
from cartaguard.devserver.routes.endpoint import Call, body_of, said, signed_in
from cartaguard.devserver.routes.services import wanted
from cartaguard.devserver.store import Tables
from cartaguard.drivers.transport import library

__all__ = ["METHODS", "Relay", "routes"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

#: Seconds until a service has to be connected, and between two pieces of what is sent.
CONNECT, READ = 5.0, 60.0

#: The longest body of a request and of an answer, in bytes.
LARGEST_REQUEST, LARGEST_ANSWER = 16 * 1024 * 1024, 64 * 1024 * 1024

#: The longest body for a connected service: it travels in one message.
LARGEST_HOSTED = 1024 * 1024

#: Where services connect.
_SOCKET = "/websocket"


class Relay:
    """Passes requests on. It belongs to one event loop, in which it makes its client at first use."""

    def __init__(self, carta: DevCarta) -> None:
        self._carta = carta
        self._hosting = Hosting()
        self._via = Via()
        self._client: Any = None

    async def __call__(self, request: Request) -> Response:
        """Ask a registered service, in the caller's name; its answer is passed on as it is."""
        base, hosted = await run_in_threadpool(self._admitted, request)
        endpoint = checked_endpoint(request.path_params.get("endpoint", ""))
        if hosted is not None:
            return await hosted.ask(event_of(request, await body_of(request, LARGEST_HOSTED)))
        headers = self._via.added(forwarded_headers(request.headers.raw))
        url = target(checked_base(base, self._carta.service_hosts), endpoint, request.scope["query_string"])
        http = library()
        try:
            # Not the client's own way to build it, which would ask for encodings that the caller cannot read.
            asked = http.Request(request.method, url, headers=headers, content=_body(request))
            answer = await self._http().send(asked, stream=True)
        except http.TimeoutException:
            raise ApiError(504, "the service took too long") from None
        except (http.TransportError, http.InvalidURL):
            raise ApiError(502, "the service does not answer") from None
        passed = StreamingResponse(_answered(answer), answer.status_code)
        passed.raw_headers = answered_headers(answer.headers.raw)
        return passed

    async def connect(self, socket: WebSocket) -> None:
        """Let a service answer for itself over this connection."""
        try:
            service, subject = await run_in_threadpool(self._connecting, socket)
        except ApiError as fault:
            await socket.send_denial_response(JSONResponse({"error": fault.text}, fault.status))
            return
        await socket.accept()
        await self._hosting.serve(service, Hosted(socket, subject))

    def _connecting(self, socket: WebSocket) -> tuple[str, str]:
        """The id of the service in the query, and who connects it, if they may."""
        subject = verified_subject(self._carta, socket)
        names = [socket.query_params.get(name, "") for name in ("namespace", "service")]

        def look(tables: Tables) -> str:
            person = Caller.of(subject, tables).person
            stored = tables.services.found(*names) if all(names) else None
            if stored is None:
                raise ApiError(404, "not found")
            if not tables.permissions.of_user(person.name, stored.resource).write:
                raise ApiError(403, "forbidden")
            return stored.resource.id

        return self._carta.store.transact(look), subject

    def _admitted(self, request: Request) -> tuple[str, Hosted | None]:
        """Where the service is, and its connection, if the caller may use it."""
        subject = verified_subject(self._carta, request)

        def look(tables: Tables) -> tuple[str, Hosted | None]:
            caller = Caller.of(subject, tables)
            _, stored = wanted(request, caller)
            if not tables.permissions.of_user(caller.person.name, stored.resource).read:
                raise ApiError(403, "forbidden")
            hosted = self._hosting.of(stored.resource.id)
            if hosted is not None:
                # Who connected it may have lost what it takes since then.
                host = tables.people.with_id(hosted.subject)
                hosted = hosted if host is not None and tables.permissions.of_user(host.name, stored.resource).write else None
            return stored.fields.get("baseUrl", ""), hosted

        return self._carta.store.transact(look)

    def _http(self) -> Any:
        if self._client is None:
            http = library()
            # No connection outlives its request, so that there is none to close when the server ends.
            self._client = http.AsyncClient(
                follow_redirects=False,
                trust_env=False,
                timeout=http.Timeout(READ, connect=CONNECT),
                limits=http.Limits(max_keepalive_connections=0),
            )
        return self._client


def _body(request: Request) -> AsyncIterator[bytes] | None:
    """The body piece by piece, if there is one."""
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        return None
    return _limited(request)


async def _limited(request: Request) -> AsyncIterator[bytes]:
    left = LARGEST_REQUEST
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            raise ApiError(413, f"the body is longer than {LARGEST_REQUEST} bytes")
        yield piece


async def _answered(answer: Any) -> AsyncIterator[bytes]:
    left = LARGEST_ANSWER
    try:
        async for piece in answer.aiter_raw():
            left -= len(piece)
            if left < 0:
                # The status is sent already: only breaking off says that this is not all.
                raise ApiError(502, f"the service's answer is longer than {LARGEST_ANSWER} bytes")
            yield piece
    finally:
        await answer.aclose()


def routes(carta: DevCarta) -> list[BaseRoute]:
    relay = Relay(carta)

    async def call(request: Request) -> Response:
        """Call a service, in the caller's name."""
        return await relay(request)

    def address(_: Request, __: Caller) -> object:
        """Where a service connects, so that it is called over that connection."""
        return f"ws{carta.url.removeprefix('http')}{_SOCKET}"

    base = "/service/{namespace}/{service}"
    calls = [Call(path, call, METHODS, said(call)) for path in (base, f"{base}/{{endpoint:path}}")]
    return [signed_in(carta, "GET", "/service/carta/websocket", address), *calls, WebSocketRoute(_SOCKET, relay.connect)]
