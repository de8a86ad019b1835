"""The door for any ASGI application: ``app = GuardMiddleware(app, guard=guard)``.

The entries of the guard's policy say who may use which path; a path without an entry is refused. The caller is
then ``scope["cartaguard"].principal`` (and ``scope["user"]``, as a courtesy that is never read back).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterator
from typing import Any

from cartaguard._asgi_session import ASGIApp, Message, Receive, Scope, Send, Session, deny_websocket, header_list
from cartaguard.drivers import aio
from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError
from cartaguard.guard import current
from cartaguard.guard.gate import ANSWERED, Gate, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.http.paths import below_root
from cartaguard.http.refusal import Refusal
from cartaguard.model.principal import Principal

__all__ = ["GuardMiddleware", "principal"]

log = logging.getLogger("cartaguard")


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
        #: Whether the application answers the refusals that it raises by itself.
        self._answered_inside = False
        self._fault: ConfigurationError | None = None
        #: FastAPI applies a ``root_path`` of its own behind this door.
        self._rooted: Any = next((inner for inner in chain(app) if _is_fastapi(inner)), None)

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
        # Servers tell ASGI 3 by a coroutine function.
        await self._begin(scope, receive, send)

    def _begin(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Everything, up to where something has to be waited for: most requests end here, and go to the application."""
        if scope["type"] != "http":
            return self._other(scope, receive, send)
        try:
            gate = self._gate or self._ready(scope)
            values = []
            for name, value in scope["headers"]:
                if name == b"authorization":
                    values.append(value)
            rooted = self._rooted
            path = self._path(scope) if scope.get("root_path") or (rooted is not None and rooted.root_path) else scope["path"]
            method = scope["method"]
            if self.allow_preflight and _is_preflight(scope):
                held: Pass | None = gate.preflight(path)
            else:
                held = gate.admit("http", method, path, values)
        except (Refused, ConfigurationError) as fault:
            return self._answer(fault, scope, receive, send)
        if held is None:
            return self._fetch(gate.admit_steps("http", method, path, values), scope, receive, send)
        scope["cartaguard"] = held
        scope["user"] = held.principal
        if self._answered_inside and not current.used:
            # Nothing is left to do once the application has answered: a coroutine of our own would only cost each request.
            return self.app(scope, receive, send)
        return self._serve(held, scope, receive, send)

    async def _fetch(self, steps: Steps[Pass], scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through once what is missing was fetched."""
        try:
            held = await aio.run(steps)
        except (Refused, ConfigurationError) as fault:
            await self._answer(fault, scope, receive, send)
            return
        scope["cartaguard"] = held
        scope["user"] = held.principal
        await self._serve(held, scope, receive, send)

    async def _serve(self, held: Pass, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, with its caller bound, and answer the refusals that it raises."""
        token = current.bind(self.guard, held.principal) if current.used else None
        started = self._answered_inside

        def sent(message: Message) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        try:
            await self.app(scope, receive, send if started else sent)
        except ANSWERED as fault:
            if started:
                raise
            await self._refuse(held.gate.answer(fault, held.principal), scope, receive, send)
        finally:
            if token is not None:
                current.unbind(token)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            raise ConfigurationError(f"the ASGI scope type `{kind}` is not known, and so not let through", code="unknown_scope")

    # -- HTTP ------------------------------------------------------------------------------------------

    async def _answer(self, fault: Refused | ConfigurationError, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not let through."""
        if isinstance(fault, Refused):
            await self._refuse(fault, scope, receive, send)
        else:
            log.error("every request is refused: %s", fault)
            await respond(scope, send, self.guard.refusals.fault(fault))

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(scope, send, refused.refusal)

    def _path(self, scope: Scope) -> str:
        root: str = scope.get("root_path", "")
        if self._rooted is not None:
            root = self._rooted.root_path or root
        return below_root(scope["path"], root)

    # -- WebSockets ------------------------------------------------------------------------------------

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            gate = self._gate or self._ready(scope)
            path = self._path(scope)
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
        session = Session(receive, send)
        if held.principal.expires_at is not None:
            session.expire_in(held.principal.expires_at - self.guard.clock())
        token = current.bind(self.guard, held.principal) if current.used else None
        try:
            await self.app(scope, session.receive, session.send)
        except ANSWERED as fault:
            if not await session.refuse(scope, gate.answer(fault, held.principal).refusal):
                raise
        finally:
            if token is not None:
                current.unbind(token)
            await session.end()

    # -- lifespan --------------------------------------------------------------------------------------

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def checked(message: Message) -> None:
            # Start-up code may have added routes; from here on nothing is added any more.
            if message["type"] == "lifespan.startup.complete":
                self._ready(scope)
            await send(message)

        await self.app(scope, receive, checked)


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
    await send({"type": "http.response.start", "status": refusal.status, "headers": header_list(refusal)})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})


def chain(app: Any) -> Iterator[Any]:
    """An application and what it wraps, as far as its middlewares tell (they call it ``app``)."""
    while app is not None:
        yield app
        app = getattr(app, "app", None)


def _is_fastapi(app: Any) -> bool:
    return any(kind.__module__ == "fastapi.applications" for kind in type(app).__mro__)


def _is_preflight(scope: Scope) -> bool:
    """A CORS preflight (Fetch standard): OPTIONS with an origin and the method that is going to be used."""
    if scope["method"] != "OPTIONS":
        return False
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names
