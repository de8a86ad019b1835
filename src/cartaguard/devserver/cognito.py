"""Cognito's calls, as far as a login needs them (the API reference of ``cognito-idp`` names and describes each).

Passwords are proven by SRP: the server learns no password, and who is not there looks like somebody who is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any, NoReturn

from cartaguard.devserver.carta import LIFETIME, DevCarta
from cartaguard.devserver.people import Person
from cartaguard.devserver.sessions import Session
from cartaguard.devserver.srp import Handshake, Verifier
from cartaguard.devserver.store import Tables
from cartaguard.errors import CartaGuardError, InvalidToken

__all__ = ["Cognito", "CognitoError"]

#: SRP's A: a number of at most 3072 bits, and one more zero in front.
_PUBLIC = re.compile(r"[0-9A-Fa-f]{1,770}")
#: Such as `Sun Nov 22 03:59:22 UTC 2026`.
_TIMESTAMP = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d{2}:\d{2}:\d{2} UTC \d{4}", re.ASCII)


class CognitoError(CartaGuardError):
    """A refusal: Cognito's own name for it, and a text for people."""

    code = "cognito"

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class Cognito:
    """Cognito for one embedded Carta.

    :param carta: whose users log in.
    :param plain: whether the client may send passwords (USER_PASSWORD_AUTH). Carta's may not.
    """

    def __init__(self, carta: DevCarta, *, plain: bool = False) -> None:
        self._carta = carta
        self._flows: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
            "USER_SRP_AUTH": self._begin,
            "REFRESH_TOKEN_AUTH": self._refresh,
            "REFRESH_TOKEN": self._refresh,
            **({"USER_PASSWORD_AUTH": self._plain} if plain else {}),
        }
        self._calls: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "InitiateAuth": self._initiate,
            "RespondToAuthChallenge": self._respond,
            "GetTokensFromRefreshToken": self._rotate,
            "RevokeToken": self._revoke,
            "GetUser": self._user,
            "GlobalSignOut": self._sign_out,
        }

    def answer(self, call: str, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one call.

        :param call: its name, such as ``InitiateAuth``.
        :raises CognitoError: for a call that is refused; it does not say whether a user exists.
        """
        if call not in self._calls:
            raise CognitoError("UnknownOperationException", f"`{call}` is not a call of this cognito")
        return self._calls[call](sent)

    def _initiate(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        self._check_client(sent)
        flow = self._flows.get(_text(sent, "AuthFlow"))
        if flow is None:
            raise CognitoError("InvalidParameterException", f"{sent['AuthFlow']} flow not enabled for this client")
        return flow(_texts(sent, "AuthParameters"))

    def _begin(self, asked: Mapping[str, str]) -> dict[str, Any]:
        name, client = _text(asked, "USERNAME"), _text(asked, "SRP_A")
        pool = self._carta.pool
        person = self._carta.store.transact(lambda tables: tables.people.named(name))
        verifier = Verifier.made_up(pool.secret, name) if person is None else person.verifier
        try:
            if _PUBLIC.fullmatch(client) is None:
                raise ValueError
            handshake = Handshake.answer(verifier, int(client, 16))
        except ValueError:
            raise CognitoError("InvalidParameterException", "SRP_A is not a correct hex") from None
        now = self._carta.now()
        block = self._carta.store.transact(lambda tables: tables.handshakes.begin(name, handshake.key, now=now))
        return {
            "ChallengeName": "PASSWORD_VERIFIER",
            "ChallengeParameters": {
                # Without zeros in front: clients hash the text as they get it.
                "SALT": f"{int.from_bytes(verifier.salt, 'big'):x}",
                "SRP_B": f"{handshake.public:x}",
                "SECRET_BLOCK": base64.b64encode(block).decode(),
                "USERNAME": name,
                "USER_ID_FOR_SRP": name,
            },
        }

    def _respond(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        self._check_client(sent)
        if _text(sent, "ChallengeName") != "PASSWORD_VERIFIER":
            raise CognitoError("InvalidParameterException", "only PASSWORD_VERIFIER is answered here")
        told = _texts(sent, "ChallengeResponses")
        name, timestamp = _text(told, "USERNAME"), _text(told, "TIMESTAMP")
        if _TIMESTAMP.fullmatch(timestamp) is None:
            raise CognitoError("InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
        try:
            block, signature = (
                base64.b64decode(_text(told, f"PASSWORD_CLAIM_{part}"), validate=True) for part in ("SECRET_BLOCK", "SIGNATURE")
            )
        except ValueError:
            raise CognitoError("InvalidParameterException", "the password claim is no base64") from None
        now = self._carta.now()
        # In a transaction of its own, so that it is used up by a wrong answer too.
        pending = self._carta.store.transact(lambda tables: tables.handshakes.take(block, now=now))
        if pending is None or pending.name != name:
            _refuse()
        expected = Handshake.signed(pending.key, self._carta.pool.id, name, block, timestamp)
        if not compare_digest(expected, signature):
            _refuse()
        return self._let_in(name)

    def _plain(self, asked: Mapping[str, str]) -> dict[str, Any]:
        name, password = _text(asked, "USERNAME"), _text(asked, "PASSWORD")
        pool = self._carta.pool
        if self._carta.store.transact(lambda tables: tables.people.proven(name, password, pool_id=pool.id)) is None:
            _refuse()
        return self._let_in(name)

    def _let_in(self, name: str) -> dict[str, Any]:
        now = self._carta.now()
        session, token = self._carta.store.transact(lambda tables: tables.sessions.start(name, now=now))
        return self._issued(session, RefreshToken=token)

    def _refresh(self, asked: Mapping[str, str]) -> dict[str, Any]:
        token, now = _text(asked, "REFRESH_TOKEN"), self._carta.now()
        session = self._carta.store.transact(lambda tables: tables.sessions.refreshed(token, now=now))
        if session is None:
            raise CognitoError("NotAuthorizedException", "Refresh Token has been revoked")
        return self._issued(session)

    def _rotate(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        self._check_client(sent)
        token, now = _text(sent, "RefreshToken"), self._carta.now()
        rotated = self._carta.store.transact(lambda tables: tables.sessions.rotated(token, now=now))
        if rotated is None:
            raise CognitoError("RefreshTokenReuseException", "Refresh Token has been revoked")
        session, token = rotated
        return self._issued(session, RefreshToken=token)

    def _issued(self, session: Session, **more: str) -> dict[str, Any]:
        claims = {"origin_jti": session.id, "auth_time": int(session.started)}
        issued = {f"{kind}Token": self._carta.token(session.user, use, claims=claims) for kind, use in (("Id", "id"), ("Access", "access"))}
        return {"AuthenticationResult": {**issued, **more, "ExpiresIn": int(LIFETIME), "TokenType": "Bearer"}, "ChallengeParameters": {}}

    def _revoke(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        self._check_client(sent)
        token = _text(sent, "Token")
        self._carta.store.transact(lambda tables: tables.sessions.revoke(token))
        return {}

    def _user(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        person = self._holder(sent)
        attributes = {
            "sub": person.id,
            "email": person.email,
            "email_verified": "true",
            "given_name": person.first_name,
            "family_name": person.last_name,
        }
        return {"Username": person.name, "UserAttributes": [{"Name": name, "Value": value} for name, value in attributes.items()]}

    def _sign_out(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        person = self._holder(sent)
        self._carta.store.transact(lambda tables: tables.sessions.end_all(person.name))
        return {}

    def _holder(self, sent: Mapping[str, Any]) -> Person:
        """Whose access token this is."""
        try:
            claims = self._carta.verifier("access").verify(_text(sent, "AccessToken"))
        except InvalidToken:
            raise CognitoError("NotAuthorizedException", "Invalid Access Token") from None

        def find(tables: Tables) -> Person | None:
            return None if tables.sessions.ended(str(claims.get("origin_jti"))) else tables.people.with_id(claims.subject)

        person = self._carta.store.transact(find)
        if person is None:
            raise CognitoError("NotAuthorizedException", "Access Token has been revoked")
        return person

    def _check_client(self, sent: Mapping[str, Any]) -> None:
        client = _text(sent, "ClientId")
        if client != self._carta.pool.client_id:
            raise CognitoError("ResourceNotFoundException", "User pool client does not exist.")


def _refuse() -> NoReturn:
    raise CognitoError("NotAuthorizedException", "Incorrect username or password.")


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str) or not value:
        raise CognitoError("InvalidParameterException", f"Missing required parameter {name}")
    return value


def _texts(sent: Mapping[str, Any], name: str) -> Mapping[str, str]:
    value = sent.get(name)
    if not isinstance(value, dict):
        raise CognitoError("InvalidParameterException", f"Missing required parameter {name}")
    return value
