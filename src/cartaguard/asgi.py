"""The door for any ASGI application: ``app = GuardMiddleware(app, guard=guard)``.

The entries of the guard's policy say who may use which path; a path without an entry is refused. The caller is
then ``scope["cartaguard"].principal`` (and ``scope["user"]``, as a courtesy that is never read back).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from cartaguard.drivers import aio
from cartaguard.errors import CartaGuardError, ConfigurationError
from cartaguard.guard import current
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.http.paths import below_root
from cartaguard.http.refusal import Refusal
from cartaguard.model.principal import Principal

__all__ = ["GuardMiddleware", "principal"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("cartaguard")

#: The close code of a WebSocket that may not be, or no longer be, used (RFC 6455 section 7.4.1: policy violation).
POLICY_VIOLATION = 1008


class GuardMiddleware:
    """Guards an ASGI application.

    :param app: the application.
    :param guard: decides; its policy is the table of paths.
    :param allow_preflight: let CORS preflights through undecided, for an application that answers them itself.
        A CORS middleware outside of this one needs nothing of the kind.
    """

    def __init__(self, app: ASGIApp, *, guard: Guard, allow_preflight: bool = False) -> None:
        self.app = app
        self.guard = guard
        self.allow_preflight = allow_preflight
        self._gate: Gate | None = None
        self._fault: ConfigurationError | None = None

    def make_gate(self, scope: Scope) -> Gate:
        """The gate, made in lifespan or at the first request; a subclass looks at the application first."""
        return Gate(self.guard)

    def _ready(self, scope: Scope) -> Gate:
        if self._fault is not None:
            raise self._fault
        if self._gate is None:
            try:
                self._gate = self.make_gate(scope)
            except ConfigurationError as fault:
                # Half an inventory is none: from here on every request is refused.
                self._fault = fault
                raise
        return self._gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            raise ConfigurationError(f"the ASGI scope type `{kind}` is not known, and so not let through", code="unknown_scope")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            gate = self._gate or self._ready(scope)
            path = below_root(scope["path"], scope.get("root_path", ""))
            values = [value for name, value in scope["headers"] if name == b"authorization"]
            undecided = self.allow_preflight and _is_preflight(scope)
            held = gate.preflight(path) if undecided else gate.admit("http", scope["method"], path, values)
            if held is None:
                held = await aio.run(gate.admit_steps("http", scope["method"], path, values))
        except Refused as refused:
            await self._refuse(refused, scope, receive, send)
            return
        except ConfigurationError as fault:
            await self._closed(fault, scope, send)
            return
        scope["cartaguard"] = held
        scope["user"] = held.principal
        if current.in_use():
            await self._bound(held, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _bound(self, held: Pass, scope: Scope, receive: Receive, send: Send) -> None:
        token = current.bind(self.guard, held.principal)
        try:
            await self.app(scope, receive, send)
        finally:
            current.unbind(token)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            gate = self._gate or self._ready(scope)
            path = below_root(scope["path"], scope.get("root_path", ""))
            values = [value for name, value in scope["headers"] if name == b"authorization"]
            held = gate.admit("websocket", "", path, values)
            if held is None:
                held = await aio.run(gate.admit_steps("websocket", "", path, values))
        except Refused as refused:
            await deny_websocket(scope, send, refused.refusal)
            return
        except ConfigurationError as fault:
            log.error("every request is refused: %s", fault)
            await deny_websocket(scope, send, self.guard.refusals.fault(fault))
            return
        scope["cartaguard"] = held
        scope["user"] = held.principal
        expires_at = held.principal.expires_at
        if expires_at is None:
            await self._bound(held, scope, receive, send)
            return
        session = _Session(receive, send, expires_at - self.guard.clock())
        try:
            await self._bound(held, scope, session.receive, session.send)
        finally:
            session.end()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def checked(message: Message) -> None:
            # Start-up code may have added routes; from here on nothing is added any more.
            if message["type"] == "lifespan.startup.complete":
                self._ready(scope)
            await send(message)

        await self.app(scope, receive, checked)

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(scope, send, refused.refusal)

    async def _closed(self, fault: CartaGuardError, scope: Scope, send: Send) -> None:
        log.error("every request is refused: %s", fault)
        await respond(scope, send, self.guard.refusals.fault(fault))


def principal(scope: Scope) -> Principal:
    """The caller of the request with this scope.

    Raises :class:`~cartaguard.errors.ConfigurationError` when no guard stands in front of the application.
    """
    held = scope.get("cartaguard")
    if not isinstance(held, Pass):
        raise ConfigurationError("no guard stands in front of this application; wrap it with `GuardMiddleware`", code="no_guard")
    return held.principal


async def respond(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Send a refusal as an HTTP response; the body of the request stays unread."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in refusal.headers]
    headers.append((b"content-length", str(len(refusal.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})


async def deny_websocket(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Refuse a WebSocket before it is accepted: with a response where the server can, else by closing."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.reason})
        return
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in refusal.headers]
    headers.append((b"content-length", str(len(refusal.body)).encode("ascii")))
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": refusal.body})


def _is_preflight(scope: Scope) -> bool:
    """A CORS preflight (Fetch standard): OPTIONS with an origin and the method that is going to be used."""
    if scope["method"] != "OPTIONS":
        return False
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names


class _Session:
    """A WebSocket that ends with the token it was opened with.

    At that moment the client is sent a close frame, ``receive`` answers a disconnect, and whatever the
    application sends later is dropped: a session must not outlive the right to it.
    """

    def __init__(self, receive: Receive, send: Send, seconds: float) -> None:
        self._receive = receive
        self._send = send
        loop = asyncio.get_running_loop()
        self._expired: asyncio.Future[None] = loop.create_future()
        self._timer = loop.call_later(max(0.0, seconds), self._expire)
        self._over = False
        self._closing: asyncio.Task[None] | None = None

    def _expire(self) -> None:
        self._expired.set_result(None)
        if not self._over:
            self._over = True
            self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        try:
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "expired"})
        except (OSError, RuntimeError):
            # The client, or the server, closed at the same moment: there is nothing left to close.
            log.debug("a WebSocket was closed before its token expired")

    async def receive(self) -> Message:
        if self._expired.done():
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": "expired"}
        message: asyncio.Future[Message] = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait((message, self._expired), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not message.done() or self._expired.done():
                message.cancel()
        if self._expired.done():
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": "expired"}
        return message.result()

    async def send(self, message: Message) -> None:
        if self._expired.done():
            return
        if message["type"] == "websocket.close":
            self._over = True
        await self._send(message)

    def end(self) -> None:
        self._over = True
        self._timer.cancel()
