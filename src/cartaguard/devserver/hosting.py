"""Services that connect to Carta by themselves, from wherever they are, and get their requests over a WebSocket.

A request becomes a JSON message ``{"taskId", "event": {headers, httpMethod, path, queryStringParameters, body}}``,
and its answer another: ``{"taskId", "event": {status_code, reason, headers, body}}``. Only the caller's
credential is among the headers; bodies are text.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.proxying import answered_headers

__all__ = ["Hosted", "Hosting", "event_of"]

#: Seconds until an answer has to be there.
PATIENCE = 60.0

#: Told anew by whoever sends the body.
_ABOUT_BODY = frozenset({b"content-length", b"content-encoding"})

#: What may stand in a header (RFC 9110 section 5), so that no other begins within it.
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


class Hosted:
    """One connected service, and the requests that it has not answered yet.

    :ivar subject: who connected it.
    """

    def __init__(self, socket: WebSocket, subject: str) -> None:
        self.subject = subject
        self._socket = socket
        self._waiting: dict[str, asyncio.Future[Response]] = {}

    async def ask(self, event: Mapping[str, Any]) -> Response:
        """Have a request answered. :raises ApiError: 502 when the service goes away, 504 when it takes too long."""
        task = uuid.uuid4().hex
        self._waiting[task] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._socket.send_text(json.dumps({"taskId": task, "event": event}))
                return await self._waiting[task]
        except TimeoutError:
            raise ApiError(504, "the service took too long") from None
        except (RuntimeError, WebSocketDisconnect):
            raise ApiError(502, "the service does not answer") from None
        finally:
            del self._waiting[task]

    async def listen(self) -> None:
        """Take answers until the service goes away."""
        try:
            while True:
                self._take(await self._socket.receive_text())
        except (WebSocketDisconnect, KeyError):
            # The latter: a message that is no text.
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ApiError(502, "the service does not answer"))

    def _take(self, message: str) -> None:
        """Hand an answer to whoever waits for it. What answers nothing is dropped: a service repeats itself after a fault."""
        try:
            sent = json.loads(message)
            waiting = self._waiting.get(sent["taskId"])
            answer = _response(sent["event"])
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            return
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


class Hosting:
    """The services that are connected, by the ids of their resources. The last to connect is asked."""

    def __init__(self) -> None:
        self._connected: dict[str, Hosted] = {}

    def of(self, id: str) -> Hosted | None:
        return self._connected.get(id)

    async def serve(self, id: str, hosted: Hosted) -> None:
        """Have a service answer until it goes away."""
        self._connected[id] = hosted
        try:
            await hosted.listen()
        finally:
            if self._connected.get(id) is hosted:
                del self._connected[id]


def event_of(request: Request, body: bytes) -> Mapping[str, Any]:
    """A request as a connected service gets it. :raises ApiError: 400 for a body that is no text."""
    try:
        text = body.decode() or None
    except UnicodeDecodeError:
        raise ApiError(400, "a connected service takes bodies of text only") from None
    sent = request.query_params
    query = {name: sent.getlist(name) for name in sent}
    credential = request.headers["authorization"]
    return {
        "headers": {"Authorization": credential, "X_CARTA_TOKEN": credential},
        "httpMethod": request.method,
        "path": request.scope["path"].removeprefix("/service"),
        "queryStringParameters": {name: values if len(values) > 1 else values[0] for name, values in query.items()},
        "body": text,
    }


def _response(event: Mapping[str, Any]) -> Response:
    status, body = event["status_code"], event.get("body")
    if not isinstance(status, int) or not 200 <= status <= 599 or not (body is None or isinstance(body, str)):
        raise ValueError("no answer")
    # These have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    answer = Response(b"" if status in (204, 205, 304) else (body or "").encode(errors="replace"), status)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in event["headers"].items()]
    passed = [(name, value) for name, value in answered_headers(headers) if name not in _ABOUT_BODY]
    answer.raw_headers += [(name, value) for name, value in passed if _NAME.fullmatch(name) and _VALUE.fullmatch(value)]
    return answer
