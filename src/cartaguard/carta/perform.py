"""Performing an operation, without I/O of its own: credential, request, retries, result."""

from __future__ import annotations

from typing import Protocol, TypeVar

from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.faults import RETRYABLE, fault_of
from cartaguard.carta.operation import Operation
from cartaguard.drivers.effects import Steps, same_origin
from cartaguard.errors import CartaError, CartaUnavailable, LoginError, TransportError
from cartaguard.http.exchange import HttpRequest, HttpResponse

__all__ = ["ATTEMPTS", "Login", "perform"]

T = TypeVar("T")

#: How often an operation that may be repeated is sent at most.
ATTEMPTS = 4

#: Seconds before the second sending; doubled for each further one.
FIRST_PAUSE = 0.25

#: The longest pause, in seconds, whatever a server's ``Retry-After`` says.
LONGEST_PAUSE = 10.0

#: What is worth another try when there was no answer. One that was too large, or led elsewhere, will be so again.
_PASSING = frozenset({"transport", "timeout"})


class Login(Protocol):
    """What gives requests their credential."""

    def authorization(self, carta: Endpoint) -> Steps[str]:
        """The value of the ``Authorization`` header. Raises :class:`~cartaguard.errors.LoginError`."""

    def renew(self, carta: Endpoint, refused: str) -> Steps[bool]:
        """Carta refused this value: get another. Returns whether there is one."""


def perform(carta: Endpoint, login: Login | None, operation: Operation[T]) -> Steps[T]:
    """Send an operation and read its answer.

    An operation that may be repeated is sent again, after a growing pause, when there was no usable answer. A
    refused credential is renewed once: a request that was refused was not carried out.

    :raises cartaguard.errors.CartaError: one of its subclasses, with Carta's own words in ``text``.
    """
    sendings = ATTEMPTS if operation.repeatable else 1
    renewable = not operation.anonymous
    pause = FIRST_PAUSE
    while True:
        authorization = "" if operation.anonymous else (yield from _authorization(carta, login))
        request = operation.request(carta, authorization)
        sendings -= 1
        asked_to_wait = 0.0
        try:
            response = yield from _exchange(request)
        except TransportError as cause:
            fault: CartaError = CartaUnavailable(f"carta gave no answer: {cause}")
            passing = cause.code in _PASSING
        else:
            if response.status == 401 and renewable and login is not None and (yield from login.renew(carta, authorization)):
                renewable = False
                sendings += 1
                continue
            if 200 <= response.status < 300 or response.status in operation.also:
                return operation.read(response)
            fault = fault_of(response, str(operation), secrets=(authorization, *operation.headers.values()))
            passing = response.status in RETRYABLE
            asked_to_wait = _retry_after(response)
        if not passing or sendings <= 0:
            raise fault from None
        yield from carta.pause(min(max(pause, asked_to_wait), LONGEST_PAUSE))
        pause *= 2


def _authorization(carta: Endpoint, login: Login | None) -> Steps[str]:
    if login is None:
        raise LoginError("carta has to know who asks; give a token, a profile or a user name and password", code="no_login")
    return (yield from login.authorization(carta))


def _exchange(request: HttpRequest) -> Steps[HttpResponse]:
    if request.method == "GET":
        return (yield from same_origin(request))
    response: HttpResponse = yield request
    return response


def _retry_after(response: HttpResponse) -> float:
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdecimal() else 0.0
