"""The client's half of a Cognito login, by pycognito's arithmetic, with every step in the test's hands."""

from __future__ import annotations

from typing import Any, cast

from pycognito.aws_srp import AWSSRP

__all__ = ["SrpClient"]


class SrpClient:
    """One attempt of one user to log in."""

    def __init__(self, name: str, password: str, *, pool_id: str, client_id: str) -> None:
        self._client_id = client_id
        # It sends nothing itself, so it needs no client of its own.
        self._srp = AWSSRP(username=name, password=password, pool_id=pool_id, client_id=client_id, client=object())

    def opening(self, **changed: str) -> dict[str, Any]:
        """The parameters of InitiateAuth."""
        return {"AuthFlow": "USER_SRP_AUTH", "ClientId": self._client_id, "AuthParameters": {**self._srp.get_auth_params(), **changed}}

    def closing(self, challenge: dict[str, Any], **changed: str) -> dict[str, Any]:
        """The parameters of RespondToAuthChallenge, for the answer to the opening."""
        answers = cast("dict[str, str]", self._srp.process_challenge(challenge["ChallengeParameters"], self._srp.get_auth_params()))
        return {"ClientId": self._client_id, "ChallengeName": challenge["ChallengeName"], "ChallengeResponses": {**answers, **changed}}
