"""A published key set that a test changes and breaks, a verifier that uses it, and one way to call it in each colour."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cartaguard import Issuer, RemoteKeys, TokenVerifier
from cartaguard.errors import InvalidToken, KeysUnavailable
from support.keys import SigningKey, jwks, rsa_key
from support.served import Answer, Served
from support.tokens import CLIENT, ISSUER, Clock, token_for

__all__ = ["PATH", "World"]

PATH = "/keys"


class World:
    """A server with a key set, a verifier that uses it, a clock for both, and one way to call it."""

    def __init__(self, served: Served, colour: str) -> None:
        self.served = served
        self.clock = Clock()
        self.colour = colour
        self.publish(rsa_key("first"))
        self.verifier = self.new_verifier()

    def new_verifier(self, keys: RemoteKeys | None = None, **options: Any) -> TokenVerifier:
        self.keys = keys or RemoteKeys(self.served.url + PATH, **options)
        return TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=self.keys)], clock=self.clock)

    def new(self, url: str) -> None:
        """Use the key set at another address."""
        self.verifier = self.new_verifier(RemoteKeys(url))

    def publish(self, *keys: SigningKey | dict[str, Any]) -> None:
        self.served.answers[PATH] = Answer.of(jwks(*keys))

    def fail(self, status: int = 500) -> None:
        self.served.answers[PATH] = Answer(status)

    def token(self, key: SigningKey | None = None) -> str:
        return token_for(key=key or rsa_key("first"), now=self.clock.now)

    def verify(self, token: str) -> str:
        """The outcome: ``ok``, or the code of the refusal."""
        try:
            if self.colour == "blocking":
                self.verifier.verify(token)
            else:
                asyncio.run(self._averify(token))
        except (InvalidToken, KeysUnavailable) as fault:
            return fault.code
        return "ok"

    async def _averify(self, token: str) -> None:
        await self.verifier.averify(token)

    def many(self, tokens: list[str]) -> list[str]:
        """The outcomes of many at once, all of which are under way before the server answers."""
        self.served.gate.clear()
        opener = threading.Thread(target=self.served.open_on_arrival)
        opener.start()
        try:
            if self.colour == "blocking":
                with ThreadPoolExecutor(len(tokens)) as pool:
                    return list(pool.map(self.verify, tokens))

            async def one(token: str) -> str:
                try:
                    await self.verifier.averify(token)
                except (InvalidToken, KeysUnavailable) as fault:
                    return fault.code
                return "ok"

            async def all_of_them() -> list[str]:
                return await asyncio.gather(*map(one, tokens))

            return asyncio.run(all_of_them())
        finally:
            self.served.gate.set()
            opener.join()

    @property
    def fetches(self) -> int:
        return self.served.count(PATH)
