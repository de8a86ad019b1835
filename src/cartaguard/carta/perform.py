"""Performing an operation, without I/O of its own: credential, request, retries, result."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from cartaguard.carta.faults import RETRYABLE, fault_of
from cartaguard.carta.operation import Operation
from cartaguard.carta.paths import address
from cartaguard.carta.requests import Endpoint
from cartaguard.drivers.effects import Call, Steps, same_origin
from cartaguard.errors import CartaError, CartaUnavailable, LoginError, TransportError
from cartaguard.http.exchange import HttpRequest, HttpResponse

__all__ = ["ATTEMPTS", "Login", "Pause", "perform", "wait"]

T = TypeVar("T")

#: How often an operation that may be repeated is sent at most.
ATTEMPTS = 4

#: Seconds before the second sending; doubled for each further one.
FIRST_PAUSE = 0.25

#: The longest that a server's ``Retry-After`` is waited for, in seconds.
LONGEST_PAUSE = 10.0

Pause = Callable[[float], Steps[None]]


class Login(Protocol):
    """What gives requests their credential."""

    def authorization(self, carta: Endpoint) -> Steps[str]:
        """The value of the ``Authorization`` header. Raises :class:`~cartaguard.errors.LoginError`."""

    def renew(self, carta: Endpoint) -> Steps[bool]:
        """Carta refused the credential: get another, if there is a way."""


def wait(seconds: float) -> Steps[None]:
    """Let time pass, in a thread or a task."""

    async def sleep() -> None:
        import asyncio

        await asyncio.sleep(seconds)

    yield Call(lambda: time.sleep(seconds), sleep)


def perform(carta: Endpoint, login: Login | None, operation: Operation[T], *, pause: Pause = wait) -> Steps[T]:
    """Send an operation and read its answer.

    An operation that may be repeated is sent again, after a growing pause, when there was no usable answer. A
    refused credential is renewed once: a request that was refused was not carried out.

    :raises cartaguard.errors.CartaError: one of its subclasses, with Carta's own words in ``text``.
    """
    attempts = ATTEMPTS if operation.repeatable else 1
    renewed = operation.anonymous
    seconds = FIRST_PAUSE
    while True:
        attempts -= 1
        request = yield from _request(carta, login, operation)
        try:
            response: HttpResponse = yield from (same_origin(request) if operation.method == "GET" else _plain(request))
        except TransportError as cause:
            fault: CartaError = CartaUnavailable(f"carta gave no answer: {cause}")
            ask_again = True
        else:
            if 200 <= response.status < 300:
                return operation.read(response)
            if response.status == 401 and not renewed and login is not None and (yield from login.renew(carta)):
                renewed = True
                attempts += 1
                continue
            fault = fault_of(response, f"{operation.method} {'/'.join(operation.path)}")
            ask_again = response.status in RETRYABLE
            seconds = max(seconds, _retry_after(response))
        if not ask_again or attempts <= 0:
            raise fault
        yield from pause(seconds)
        seconds *= 2


def _plain(request: HttpRequest) -> Steps[Any]:
    response = yield request
    return response


def _request(carta: Endpoint, login: Login | None, operation: Operation[Any]) -> Steps[HttpRequest]:
    headers = {"Accept": "application/json, text/plain", **operation.headers}
    if not operation.anonymous:
        if login is None:
            raise LoginError("carta has to know who asks; give a token, a profile or a user name and password", code="no_login")
        headers["Authorization"] = yield from login.authorization(carta)
    body = None
    if operation.json is not None:
        body = json.dumps(operation.json).encode()
        headers["Content-Type"] = "application/json"
    url = address(carta.host, *operation.path, query=operation.query)
    return HttpRequest(operation.method, url, headers, body, timeout=carta.timeout, client=carta.client)


def _retry_after(response: HttpResponse) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdecimal() else 0.0
