"""Carta's REST API from Python: :class:`CartaClient`, its asynchronous twin, and the ways to log in.

Importing this imports no HTTP client; what is asked of it is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cartaguard.carta.client import AsyncCartaClient, CartaClient
    from cartaguard.carta.login import ApiTokenLogin, PasswordLogin, TokenLogin
    from cartaguard.carta.profiles import Profile, Profiles

__all__ = ["ApiTokenLogin", "AsyncCartaClient", "CartaClient", "PasswordLogin", "Profile", "Profiles", "TokenLogin"]

_HOMES = {
    "ApiTokenLogin": "login",
    "AsyncCartaClient": "client",
    "CartaClient": "client",
    "PasswordLogin": "login",
    "Profile": "profiles",
    "Profiles": "profiles",
    "TokenLogin": "login",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
