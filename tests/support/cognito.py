"""A user pool behind a recording server: it proves passwords by SRP as the protocol says, and a test sets all else."""

from __future__ import annotations

import base64
import json
import secrets
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any

from cartaguard.devserver.srp import G, N, Verifier, pad
from support.recorder import Recorded, Recorder
from support.served import Answer

__all__ = ["Pool", "error"]

POOL_ID = "us-east-2_Abc123xyz"


def error(kind: str, message: str = "no", status: int = 400) -> Answer:
    """A refusal as Cognito words it."""
    return Answer(status, json.dumps({"__type": kind, "message": message}).encode())


class Pool:
    """Answers ``GET /auth``, the pool's API below ``/cognito``, and ``GET /user`` for the newest token alone.

    :param lifetime: seconds that its tokens are said to last.
    ``instead`` gives other answers by the name of the API's operation; ``asked`` has the names in order.
    """

    def __init__(self, recorder: Recorder, password: str, *, lifetime: int = 3600) -> None:
        self.recorder = recorder
        self.lifetime = lifetime
        self.instead: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.pool = {"region": "us-east-2", "userPoolId": POOL_ID, "userPoolWebClientId": "client", "cognitoUrl": f"{recorder.url}/cognito"}
        self.refresh_tokens = {"refresh-0"}
        self.rotates = False
        self.token = ""
        self._count = 0
        self._verifier = Verifier.of(POOL_ID, "olga-id", password)
        self._open: dict[str, tuple[int, int]] = {}
        recorder.decide = self.answer

    def answer(self, request: Recorded) -> Answer | None:
        if request.path == "/auth":
            self.asked.append("auth")
            assert "authorization" not in request.headers
            return Answer.of(self.pool)
        if request.path.startswith("/cognito"):
            assert request.headers["content-type"] == "application/x-amz-json-1.1"
            assert "authorization" not in request.headers
            name = request.headers["x-amz-target"].removeprefix("AWSCognitoIdentityProviderService.")
            flow = request.json.get("AuthFlow", name)
            self.asked.append(flow)
            return self.instead.get(flow) or getattr(self, f"_{flow}")(request.json)
        if request.path == "/user":
            good = request.headers.get("authorization") == f"Bearer {self.token}"
            return Answer.of({"name": "olga"}) if good else Answer(401)
        return None

    def expel(self) -> None:
        """Take no token any more that was given so far."""
        self.token = "none"

    def _USER_SRP_AUTH(self, body: dict[str, Any]) -> Answer:
        public = int(body["AuthParameters"]["SRP_A"], 16)
        assert public % N
        k = _number(pad(N) + bytes([G]))
        b = secrets.randbits(256)
        mine = (k * int.from_bytes(self._verifier.value, "big") + pow(G, b, N)) % N
        block = base64.b64encode(secrets.token_bytes(24)).decode()
        u = _number(pad(public) + pad(mine))
        self._open[block] = (u, pow(public * pow(int.from_bytes(self._verifier.value, "big"), u, N), b, N))
        challenge = {"SALT": self._verifier.salt.hex(), "SRP_B": f"{mine:x}", "SECRET_BLOCK": block, "USER_ID_FOR_SRP": "olga-id"}
        return Answer.of({"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": {**challenge, "USERNAME": "olga"}, "Session": "s"})

    def _RespondToAuthChallenge(self, body: dict[str, Any]) -> Answer:
        said = body["ChallengeResponses"]
        block = said["PASSWORD_CLAIM_SECRET_BLOCK"]
        u, secret = self._open.pop(block)
        key = digest(digest(pad(u), pad(secret), sha256), b"Caldera Derived Key\x01", sha256)[:16]
        text = POOL_ID.partition("_")[2].encode() + b"olga-id" + base64.b64decode(block) + said["TIMESTAMP"].encode()
        assert (body["Session"], said["USERNAME"]) == ("s", "olga")
        if not compare_digest(base64.b64decode(said["PASSWORD_CLAIM_SIGNATURE"]), digest(key, text, sha256)):
            return error("NotAuthorizedException", "Incorrect username or password.")
        return self._give("refresh-0")

    def _REFRESH_TOKEN_AUTH(self, body: dict[str, Any]) -> Answer:
        if body["AuthParameters"]["REFRESH_TOKEN"] not in self.refresh_tokens:
            return error("NotAuthorizedException", "Refresh Token has expired")
        if not self.rotates:
            return self._give("")
        self.refresh_tokens = {f"refresh-{self._count + 1}"}
        return self._give(f"refresh-{self._count + 1}")

    def _give(self, refresh: str) -> Answer:
        self._count += 1
        self.token = f"token-{self._count}"
        result = {"IdToken": self.token, "AccessToken": "access", "ExpiresIn": self.lifetime, "TokenType": "Bearer"}
        return Answer.of({"AuthenticationResult": {**result, "RefreshToken": refresh} if refresh else result, "ChallengeParameters": {}})


def _number(text: bytes) -> int:
    return int.from_bytes(sha256(text).digest(), "big")
