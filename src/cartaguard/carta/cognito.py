"""What Carta's login asks of its Cognito user pool: SRP, and renewing what it gave (protocol: Cognito's JSON 1.1 API).

The requests are sent as every other one of ours: unsigned, with a timeout, and without the AWS library, which at
its debug level logs the tokens that it sends and reads.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cartaguard.carta import srp
from cartaguard.carta.answers import an_object, json_value, number, optional_text, part, text
from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.faults import words_of
from cartaguard.carta.records import UserPool
from cartaguard.drivers.effects import Call, Steps
from cartaguard.errors import CartaError, CartaUnavailable, ConfigurationError, LoginError, TransportError
from cartaguard.http.exchange import HttpRequest, HttpResponse
from cartaguard.http.urls import is_loopback, secure_url
from cartaguard.model.principal import Credential

__all__ = ["Cognito", "Tokens", "log_in", "refresh"]

#: The variables by which AWS's own tools are told of another address, the special one first.
VARIABLES = ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL")

#: A region is put into an address, and so may hold nothing that could lead elsewhere.
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")

_REFUSALS = {
    "NotAuthorizedException": ("bad_credentials", "cognito does not take this user name and password"),
    "UserNotFoundException": ("bad_credentials", "cognito does not take this user name and password"),
    "PasswordResetRequiredException": ("password_reset_required", "the password has to be reset; do so on Carta's own page"),
    "UserNotConfirmedException": ("user_not_confirmed", "the user has to be confirmed; do so on Carta's own page"),
}

_CHALLENGES = {
    "NEW_PASSWORD_REQUIRED": ("new_password_required", "a new password has to be chosen first; do so on Carta's own page"),
}

#: Refusals that say "not now".
_BUSY = frozenset({"TooManyRequestsException", "LimitExceededException", "InternalErrorException"})


@dataclass(frozen=True, slots=True)
class Cognito:
    """The pool's client, and where it is asked."""

    url: str
    pool_id: str
    client_id: str
    timeout: float = 10.0
    client: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, carta: Endpoint, pool: UserPool) -> Cognito:
        """The Cognito of a Carta.

        Another address comes from the variables that AWS's tools read. A Carta on this machine, and no other, may
        name one itself, as the embedded Carta does.

        :raises ConfigurationError: for an address that no password's proof may be sent to.
        """
        for variable in VARIABLES:
            if os.environ.get(variable):
                url = secure_url(os.environ[variable], variable)
                break
        else:
            if pool.cognito_url and is_loopback(urlsplit(carta.host).hostname or ""):
                url = secure_url(pool.cognito_url, "cognitoUrl")
            elif _REGION.fullmatch(pool.region) is None:
                raise ConfigurationError(f"carta's user pool is in `{pool.region}`, which is not an AWS region", code="bad_region")
            else:
                url = f"https://cognito-idp.{pool.region}.amazonaws.com"
        return cls(url.rstrip("/") + "/", pool.user_pool_id, pool.client_id, carta.timeout, carta.client)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gave. ``lifetime`` is in seconds; ``refresh`` is empty when there is none, or none anew."""

    id: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: float


def log_in(cognito: Cognito, username: str, password: Credential, *, now: float) -> Steps[Tokens]:
    """Prove a password. The password itself is not sent.

    :param now: seconds since 1970.
    :raises LoginError: when it is refused, or something else is wanted first.
    :raises CartaUnavailable: when Cognito gives no answer.
    """
    # Large powers, and a first import of the library: not in an event loop.
    proof: srp.Proof = yield Call(lambda: srp.Proof(username, password, cognito.pool_id, cognito.client_id))
    answer = yield from _ask(cognito, "InitiateAuth", {"AuthFlow": "USER_SRP_AUTH", "AuthParameters": proof.opening()})
    if answer.get("ChallengeName") == "PASSWORD_VERIFIER":
        challenge = part(answer, "ChallengeParameters")
        responses: dict[str, str] = yield Call(lambda: proof.answer(challenge, now))
        said = {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": responses}
        session = optional_text(answer, "Session")
        answer = yield from _ask(cognito, "RespondToAuthChallenge", {**said, "Session": session} if session else said)
    return _tokens(answer)


def refresh(cognito: Cognito, refresh_token: str) -> Steps[Tokens | None]:
    """Renew what a login gave; ``None`` when the refresh token is no longer taken.

    :raises CartaUnavailable: when Cognito gives no answer.
    """
    try:
        said = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": refresh_token}}
        return _tokens((yield from _ask(cognito, "InitiateAuth", said)))
    except LoginError:
        return None


def _ask(cognito: Cognito, operation: str, said: Mapping[str, Any]) -> Steps[dict[str, Any]]:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
    }
    body = json.dumps({"ClientId": cognito.client_id, **said}).encode()
    try:
        response: HttpResponse = yield HttpRequest("POST", cognito.url, headers, body, timeout=cognito.timeout, client=cognito.client)
    except TransportError as cause:
        raise CartaUnavailable(f"cognito gave no answer: {cause}") from None
    if response.status == 200:
        return an_object(json_value(response.body))
    raise _refusal(response)


def _refusal(response: HttpResponse) -> CartaError:
    words = words_of(response.body)
    try:
        kind = optional_text(an_object(json_value(response.body)), "__type").rpartition("#")[2]
    except CartaError:
        kind = ""
    if response.status != 400 or kind in _BUSY:
        return CartaUnavailable(f"cognito answered with {response.status}", status=response.status, text=words)
    code, message = _REFUSALS.get(kind, ("login", "cognito refused the login"))
    if "attempts exceeded" in words:
        # The same kind as a wrong password, but one that passes.
        code, message = "too_many_attempts", "cognito takes no password of this user for some minutes"
    return LoginError(f"{message}: {words}" if words else message, status=400, text=words, code=code)


def _tokens(answer: dict[str, Any]) -> Tokens:
    challenge = optional_text(answer, "ChallengeName")
    if challenge:
        code, message = _CHALLENGES.get(
            challenge, ("mfa_required", f"cognito asks for more than a password (`{challenge}`); use an API token")
        )
        raise LoginError(message, code=code)
    result = part(answer, "AuthenticationResult")
    return Tokens(text(result, "IdToken"), optional_text(result, "RefreshToken"), float(number(result, "ExpiresIn") or 0))
