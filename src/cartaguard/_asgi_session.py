"""A WebSocket that ends with the token it was opened with, and how one is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from cartaguard.http.refusal import Refusal

__all__ = ["POLICY_VIOLATION", "ASGIApp", "Message", "Receive", "Scope", "Send", "Session", "deny_websocket", "header_list"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

#: The close code of a WebSocket that may not be, or no longer be, used (RFC 6455 section 7.4.1: policy violation).
POLICY_VIOLATION = 1008

_ENDS = frozenset({"websocket.close", "websocket.http.response.start"})


class Session:
    """What an application receives and sends on a guarded WebSocket.

    When the token expires, the client is sent a close frame, ``receive`` answers a disconnect, and whatever the
    application sends later is dropped: a session must not outlive the right to it.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._accepted = False
        #: A close or a refusal was sent, or the client is gone: nothing is left to close.
        self._over = False
        self._expired: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = False
        self._pending: asyncio.Future[Message] | None = None
        self._tasks: list[asyncio.Future[Any]] = []

    def expire_in(self, seconds: float) -> None:
        """End the session after that time; at once if it has passed (a token is taken for a moment longer, a session is not)."""
        loop = asyncio.get_running_loop()
        self._expired = loop.create_future()
        self._timer = loop.call_later(max(0.0, seconds), self._expire, self._expired)

    def _expire(self, expired: asyncio.Future[None]) -> None:
        expired.set_result(None)
        if not self._over:
            self._over = True
            close = {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "expired"}
            self._tasks.append(asyncio.ensure_future(self._send(close)))
        if self._pending is not None and not self._waiting and not self._pending.done():
            # The application gave up waiting earlier; what comes from now on comes too late.
            self._drop(self._pending)

    def _drop(self, pending: asyncio.Future[Message]) -> None:
        pending.cancel()
        self._tasks.append(pending)
        self._pending = None

    async def receive(self) -> Message:
        if self._expired is None:
            return await self._receive()
        if self._pending is None:
            if self._expired.done():
                return _disconnect()
            self._pending = asyncio.ensure_future(self._receive())
        pending = self._pending
        self._waiting = True
        try:
            # An application that gives up waiting leaves the message to its next call: it is not lost.
            await asyncio.wait((pending, self._expired), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting = False
            if self._expired.done() and not pending.done():
                # Also for one who gives up at that very moment: what comes from now on comes too late.
                self._drop(pending)
        if self._pending is None:
            return _disconnect()
        self._pending = None
        message = pending.result()
        if message["type"] == "websocket.disconnect":
            self._over = True
        return message

    async def send(self, message: Message) -> None:
        if self._expired is not None and self._expired.done():
            return
        if message["type"] == "websocket.accept":
            self._accepted = True
        elif message["type"] in _ENDS:
            self._over = True
        await self._send(message)

    async def refuse(self, scope: Scope, refusal: Refusal) -> bool:
        """End the session with a refusal; false when it has ended already."""
        if self._over:
            return False
        self._over = True
        if self._accepted:
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.reason})
        else:
            await deny_websocket(scope, self._send, refusal)
        return True

    async def end(self) -> None:
        """The application is done: leave no timer and no task behind."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._pending is not None:
            self._pending.cancel()
            self._tasks.append(self._pending)
        # Their failures say that the client is gone, which is no news any more.
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _disconnect() -> Message:
    return {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": "expired"}


async def deny_websocket(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Refuse a WebSocket before it is accepted: with a response where the server can, else by closing."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.reason})
        return
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": header_list(refusal)})
    await send({"type": "websocket.http.response.body", "body": refusal.body})


def header_list(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers of a refusal, as ASGI takes them."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in refusal.headers]
    headers.append((b"content-length", str(len(refusal.body)).encode("ascii")))
    return headers
