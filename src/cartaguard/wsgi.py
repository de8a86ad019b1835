"""The door for any WSGI application: ``app = GuardMiddleware(app, guard=guard)``.

The entries of the guard's policy say who may use which path; a path without an entry is refused. The caller is
then ``cartaguard.wsgi.principal(environ)``. The path is PATH_INFO alone (PEP 3333): neither SCRIPT_NAME nor a
forwarding or override header counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError, ConfigurationError, InvalidPath
from cartaguard.guard import current
from cartaguard.guard.gate import ANSWERED, Gate, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.http.environ import HELD, asked, is_preflight
from cartaguard.http.refusal import TITLES, Refusal
from cartaguard.model.principal import Principal

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["GuardMiddleware", "principal"]

T = TypeVar("T")


class GuardMiddleware:
    """Guards a WSGI application.

    :param app: the application.
    :param guard: decides; its policy is the table of paths.
    :param allow_preflight: let CORS preflights through undecided, for an application that answers them itself.
        A CORS middleware outside of this one needs nothing of the kind.
    """

    def __init__(self, app: WSGIApplication, *, guard: Guard, allow_preflight: bool = False) -> None:
        self.app = app
        self.guard = guard
        self.allow_preflight = allow_preflight
        self._gate = Gate(guard)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        gate = self._gate
        try:
            path, values = asked(environ)
            if self.allow_preflight and is_preflight(environ):
                held = gate.preflight(path)
            else:
                method = environ["REQUEST_METHOD"]
                held = gate.admit("http", method, path, values) or blocking.run(gate.admit_steps("http", method, path, values))
        except (InvalidPath, Refused) as fault:
            return _respond(gate.refused(fault).refusal, environ, start_response)
        environ[HELD] = held
        try:
            if not current.used:
                return self.app(environ, start_response)
            return self._bound(held, environ, start_response)
        except ANSWERED as fault:
            return _respond(gate.answer(fault, held.principal).refusal, environ, start_response, failed=True)

    def _bound(self, held: Pass, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        token = current.bind(self.guard, held.principal)
        try:
            body = self.app(environ, start_response)
        finally:
            current.unbind(token)
        if isinstance(body, (list, tuple)):
            # No code of the application's is left in there, and servers look at its length.
            return body

        def answer(fault: CartaGuardError) -> Iterable[bytes]:
            return _respond(held.gate.answer(fault, held.principal).refusal, environ, start_response, failed=True)

        return _Body(body, held, answer)


def principal(environ: WSGIEnvironment) -> Principal:
    """The caller of the request with this environ.

    Raises :class:`~cartaguard.errors.ConfigurationError` when no guard stands in front of the application.
    """
    held = environ.get(HELD)
    if not isinstance(held, Pass):
        raise ConfigurationError("no guard stands in front of this application; wrap it with `GuardMiddleware`", code="no_guard")
    return held.principal


def _respond(refusal: Refusal, environ: WSGIEnvironment, start_response: StartResponse, *, failed: bool = False) -> list[bytes]:
    """Answer with a refusal; the body of the request stays unread.

    :param failed: the application gave up halfway, and the fault is at hand: where its headers are sent already,
        the server raises it after all.
    """
    headers = [*refusal.headers, ("Content-Length", str(len(refusal.body)))]
    start_response(f"{refusal.status} {TITLES[refusal.status]}", headers, sys.exc_info() if failed else None)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [refusal.body]


class _Body:
    """The body of a response whose code runs after the application has returned.

    The caller is bound while that code runs and at no other moment, so that nothing is left behind, even by a
    server that forgets to close.
    """

    def __init__(self, body: Iterable[bytes], held: Pass, answer: Callable[[CartaGuardError], Iterable[bytes]]) -> None:
        self._body = body
        self._held = held
        self._answer = answer
        self._chunks: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return self._as_caller(self._next)
        except ANSWERED as fault:
            self._chunks = iter(self._answer(fault))
        return next(self._chunks)

    def _next(self) -> bytes:
        if self._chunks is None:
            self._chunks = iter(self._body)
        return next(self._chunks)

    def close(self) -> None:
        close: Callable[[], None] | None = getattr(self._body, "close", None)
        if close is not None:
            self._as_caller(close)

    def _as_caller(self, run: Callable[[], T]) -> T:
        token = current.bind(self._held.gate.guard, self._held.principal)
        try:
            return run()
        finally:
            current.unbind(token)
