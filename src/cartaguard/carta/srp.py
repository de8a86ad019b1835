"""The client's side of SRP as Cognito does it; the arithmetic is pycognito's.

Only that much of it is used: its own requests go through the AWS library.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime
from typing import Any

from cartaguard.carta.answers import malformed, optional_text, text
from cartaguard.errors import LoginError
from cartaguard.model.principal import Credential

__all__ = ["Proof"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Proof:
    """One attempt to prove a password.

    :raises LoginError: (code ``login_extra``) when pycognito is not installed.
    """

    def __init__(self, username: str, password: Credential, pool_id: str, client_id: str) -> None:
        try:
            from pycognito.aws_srp import AWSSRP
        except ImportError:
            raise LoginError('a login with a password needs `pip install "cartaguard[login]"`', code="login_extra") from None
        # Given some client it makes none of its own; the password is handed over only where it is needed.
        self._srp = AWSSRP(username, "", pool_id, client_id, client=object())
        self._username = username
        self._password = password
        self._pool = pool_id.partition("_")[2]

    def opening(self) -> dict[str, str]:
        """The parameters that begin it."""
        return {"USERNAME": self._username, "SRP_A": f"{self._srp.large_a_value:x}"}

    def answer(self, challenge: dict[str, Any], now: float) -> dict[str, str]:
        """The answer to the challenge.

        :param now: seconds since 1970.
        :raises CartaError: (code ``carta_malformed``) for a challenge that is none.
        """
        user = text(challenge, "USER_ID_FOR_SRP")
        block = text(challenge, "SECRET_BLOCK")
        try:
            salt, public = int(text(challenge, "SALT"), 16), int(text(challenge, "SRP_B"), 16)
            sealed = base64.b64decode(block, validate=True)
        except (ValueError, binascii.Error):
            raise malformed("the challenge of the login is none") from None
        if public % self._srp.big_n == 0:
            # RFC 5054 section 2.5.3: whoever sends it knows nothing of the password.
            raise malformed("the challenge of the login is none")
        key = self._srp.get_password_authentication_key(user, self._password.reveal(), public, salt)
        moment = datetime.fromtimestamp(now, UTC)
        stamp = f"{_DAYS[moment.weekday()]} {_MONTHS[moment.month - 1]} {moment.day} {moment:%H:%M:%S} UTC {moment.year}"
        signature = hmac.digest(key, self._pool.encode() + user.encode() + sealed + stamp.encode(), "sha256")
        return {
            "TIMESTAMP": stamp,
            "USERNAME": optional_text(challenge, "USERNAME") or user,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(signature).decode(),
        }
