"""A command's client: who asks, and which Carta, is found out once it is needed."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from cartaguard.cli.output import Output
from cartaguard.errors import LoginError

if TYPE_CHECKING:
    from cartaguard.carta.client import CartaClient
    from cartaguard.carta.environment import Found

__all__ = ["DEFAULT_PROFILE", "Session", "Where"]

#: The profile that counts where nobody is named.
DEFAULT_PROFILE = "default"

_NAMED_BY = ("CARTA_API_TOKEN", "CARTA_PROFILE", "CARTA_USERNAME", "CARTA_PASSWORD", "CARTA_USER", "CARTA_PASS")


@dataclass(frozen=True, slots=True)
class Where:
    """What a command's options say of Carta and the login."""

    host: str | None = None
    profile: str | None = None
    environment: str | None = None


class Session:
    """What a command works with: ``client``, ``out`` and the options. Use it in a ``with`` block."""

    def __init__(self, where: Where, *, as_json: bool) -> None:
        self.where = where
        self.out = Output(as_json=as_json)
        self._found: Found | None = None
        self._client: CartaClient | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def client(self) -> CartaClient:
        """Carta, as whoever is logged in.

        :raises cartaguard.errors.LoginError: when nobody is.
        """
        if self._client is None:
            from cartaguard.carta.client import CartaClient

            self._client = CartaClient(self.found.host, self.found.login).__enter__()
        return self._client

    @property
    def found(self) -> Found:
        """Who asks, by the options, the environment, or else the profile ``default``."""
        if self._found is None:
            self._found = self._find()
        return self._found

    def _find(self) -> Found:
        from cartaguard.carta.environment import find_login

        profile = self.where.profile
        if profile is None and not any(os.environ.get(name) for name in _NAMED_BY):
            profile = self._default()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = find_login(host=self.where.host, environment=self.where.environment, profile=profile)
        for warning in warned:
            self.out.note(f"cartaguard: {warning.message}")
        return found

    def _default(self) -> str:
        from cartaguard.carta.profiles import Profiles

        if DEFAULT_PROFILE not in Profiles().names():
            raise LoginError(
                "nobody is logged in; run `cartaguard login`, or set CARTA_PROFILE, CARTA_USERNAME and CARTA_PASSWORD, or CARTA_API_TOKEN",
                code="no_login",
            )
        return DEFAULT_PROFILE
