"""Asking Carta on behalf of a directory: in the caller's own name, or in a service account's.

Unlike the client this tries nothing twice: a caller is waiting for a decision, and a Carta that fails is left
alone for a while instead (:mod:`cartaguard.directories.caution`).
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import TypeVar, cast

from cartaguard.carta.calls.pool import login_pool
from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.login import ApiTokenLogin, Token, TokenLogin, is_word
from cartaguard.carta.operation import Operation
from cartaguard.carta.paths import UnaskableError
from cartaguard.carta.perform import Login
from cartaguard.directories.caution import Caution
from cartaguard.drivers.breaker import Breaker
from cartaguard.drivers.effects import Steps
from cartaguard.errors import CartaError, CartaUnavailable, ConfigurationError, FactsUnavailable, LoginError, TransportError, Unavailable
from cartaguard.events import emit
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.model.health import Condition
from cartaguard.model.principal import Principal

__all__ = ["Asking", "login_name", "service_login"]

T = TypeVar("T")

#: The statuses that are about Carta as a whole, not about one question.
_OVERALL = frozenset({429, 502, 503, 504})


class Asking:
    """One Carta, and in whose name it is asked.

    :param service: the login of a service account; without it each caller's own token is used.
    """

    def __init__(self, carta: Endpoint, service: Login | None) -> None:
        self.carta = carta
        self.service = service
        self._caution = Caution(carta.host)
        self._renewals = Breaker()
        # The path of a question may hold a caller's name, which is nobody's business in a log.
        self._path = re.compile(rf"(?<={re.escape(carta.host)})/[^\s`]*")

    def ask(self, operation: Operation[T], principal: Principal) -> Steps[T | None]:
        """What the answer says; ``None`` for 403 and 404, which say that there is nothing for whoever asks.

        :param principal: whose token is used where there is no service account.
        :raises UnaskableError: for a name that no path can carry; nothing is sent.
        :raises Unavailable: when there is no such answer.
        :raises CartaError: when it cannot be read, or the service account cannot log in.
        """
        url = operation.request(self.carta).url
        if self.service is None:
            own = f"Bearer {_own_token(principal)}"
            question: Hashable = (url, principal.issuer, principal.subject)
            self._caution.check(question)
            response = yield from self._exchange(operation.request(self.carta, own), question)
        else:
            self._caution.check(url)
            response = yield from self._serve(self.service, operation, url)
        if response.status == 200:
            return operation.read(response)
        if response.status in (403, 404):
            return None
        raise FactsUnavailable(f"`{url}` answered {response.status}", code=_doubt(response.status))

    def health(self) -> Condition:
        """Whether Carta answers."""
        return self._caution.health()

    def probe(self) -> Steps[None]:
        """Ask Carta what everybody may ask, to see whether it answers."""
        request = login_pool().request(self.carta)
        try:
            self._caution.check(request.url)
            yield from self._exchange(request, request.url)
        except FactsUnavailable as fault:
            self._report(fault)

    def _serve(self, service: Login, operation: Operation[T], url: str) -> Steps[HttpResponse]:
        """The answer to the service account, whose login is renewed once where Carta does not take it any more."""
        authorization = yield from self._heeding(service.authorization(self.carta))
        response = yield from self._exchange(operation.request(self.carta, authorization), url)
        if response.status != 401 or self._renewals.allow():
            return response
        if (yield from self._heeding(service.renew(self.carta, authorization))):
            authorization = yield from self._heeding(service.authorization(self.carta))
            response = yield from self._exchange(operation.request(self.carta, authorization), url)
        if response.status == 401:
            # A login that is good at Cognito and not here would else be renewed for every question.
            self._renewals.failure()
        else:
            self._renewals.success()
        return response

    def _heeding(self, steps: Steps[T]) -> Steps[T]:
        """Steps of a login: while it has no answer, Carta is left alone too."""
        try:
            return (yield from steps)
        except CartaUnavailable:
            self._caution.unreachable()
            raise
        except ConfigurationError as fault:
            # Carta itself names the pool to log in at, so that this shows only now.
            raise LoginError(str(fault), code=fault.code) from None

    def _exchange(self, request: HttpRequest, question: Hashable) -> Steps[HttpResponse]:
        try:
            response: HttpResponse = yield request
        except TransportError as fault:
            if fault.code == "too_large":
                self._caution.failed(question)
            else:
                self._caution.unreachable()
            raise FactsUnavailable(str(fault), code="carta_unavailable") from None
        if response.status in _OVERALL:
            self._caution.unreachable()
        elif response.status >= 500:
            self._caution.failed(question)
        else:
            self._caution.answered(question)
        return response

    def attempt(self, steps: Steps[T], nothing: T) -> Steps[tuple[T, str]]:
        """What the steps find, or nothing and the doubt that kept them from it.

        What cannot be asked about is not there: the doubt is empty then.
        """
        try:
            return (yield from steps), ""
        except UnaskableError:
            return nothing, ""
        except (Unavailable, CartaError) as fault:
            self._report(fault)
            return nothing, fault.code

    def _report(self, fault: Unavailable | CartaError) -> None:
        reason = self._path.sub("", str(fault))
        if fault.code == "carta_malformed":
            emit("answer_malformed", source=self.carta.host, reason=reason)
        else:
            emit("directory_in_doubt", source=self.carta.host, doubt=fault.code, reason=reason)


def service_login(credential: Token | Login | None, api_token: Token | None) -> Login | None:
    """The service account's login, if there is one."""
    if credential is not None and api_token is not None:
        raise ConfigurationError("`credential` and `api_token` contradict each other; leave one out", code="contradiction")
    if api_token is not None:
        return ApiTokenLogin(api_token)
    if credential is None or _is_login(credential):
        return cast("Login | None", credential)
    return TokenLogin(cast("Token", credential))


def _is_login(credential: object) -> bool:
    return all(callable(getattr(credential, name, None)) for name in ("authorization", "renew"))


def login_name(principal: Principal) -> str:
    """The name by which others ask about a caller."""
    if not principal.username.strip():
        raise FactsUnavailable("the caller has no login name to ask about", code="no_username")
    return principal.username


def _own_token(principal: Principal) -> str:
    token = None if principal.credential is None else principal.credential.reveal()
    if token is None or not is_word(token):
        raise FactsUnavailable("the caller came without a token of their own", code="no_credential")
    return token


def _doubt(status: int) -> str:
    if status == 401:
        return "carta_unauthorized"
    return "carta_unavailable" if status == 429 or status >= 500 else "carta_unexpected"
