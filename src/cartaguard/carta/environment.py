"""Whose login it is, and at which Carta: from arguments, profiles and the process's environment."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from cartaguard.carta.login import API_TOKEN_USER, ApiTokenLogin, PasswordLogin, TokenLogin
from cartaguard.carta.perform import Login
from cartaguard.carta.profiles import Profile, Profiles
from cartaguard.errors import LoginError

__all__ = ["PRODUCTION", "SANDBOX", "Found", "find_login", "host_of"]

PRODUCTION = "https://api.carta.contextualize.us.com"
SANDBOX = "https://api.sandbox.carta.contextualize.us.com"

#: What profiles and ``CARTA_ENV`` call them; Carta's other tools say ``development`` for the sandbox.
_HOSTS = {"": PRODUCTION, "production": PRODUCTION, "sandbox": SANDBOX, "development": SANDBOX}


@dataclass(frozen=True, slots=True)
class Found:
    """Who asks, and where. ``source`` says in words where it was found."""

    host: str
    login: Login
    source: str


def host_of(environment: str) -> str:
    """The address of an environment: ``production``, ``sandbox`` (or ``development``), or an address itself.

    :raises cartaguard.errors.LoginError: (code ``environment``) for any other word.
    """
    if "://" in environment:
        return environment
    try:
        return _HOSTS[environment.strip().lower()]
    except KeyError:
        raise LoginError(f"`{environment}` is no environment; use production, sandbox or an address", code="environment") from None


def find_login(
    *,
    host: str | None = None,
    environment: str | None = None,
    api_token: str | None = None,
    profile: str | None = None,
    username: str | None = None,
    password: str | None = None,
    variables: Mapping[str, str] | None = None,
    profiles: Profiles | None = None,
) -> Found:
    """Find out who asks. The first of these that is given counts:

    1. ``api_token``, ``CARTA_API_TOKEN``
    2. ``profile``
    3. ``username`` and ``password``
    4. ``CARTA_PROFILE``
    5. ``CARTA_USERNAME`` and ``CARTA_PASSWORD``
    6. ``CARTA_USER`` and ``CARTA_PASS``, with a :class:`DeprecationWarning`

    This is the order of Carta's other client. The address is ``host``, ``CARTA_HOST``, or that of ``environment``,
    of the profile, or of ``CARTA_ENV`` where there is no profile; production's when nothing is said.

    :param variables: the environment; by default this process's own.
    :param profiles: another file of profiles.
    :raises cartaguard.errors.LoginError: (code ``no_login``) when nobody is named, or half of a pair is missing;
        (code ``no_profile``) for a profile that there is not.
    """
    known = os.environ if variables is None else variables
    address = host or known.get("CARTA_HOST")
    elsewhere = address or host_of(environment or known.get("CARTA_ENV", ""))
    for key, source in ((api_token, "the API token given"), (known.get("CARTA_API_TOKEN"), "CARTA_API_TOKEN")):
        if key:
            return Found(elsewhere, ApiTokenLogin(key), source)
    if not profile and (username or password):
        return _pair(elsewhere, username, password, "the user name and password given")
    chosen = profile or known.get("CARTA_PROFILE")
    if chosen:
        found = (Profiles() if profiles is None else profiles).get(chosen)
        # A profile belongs to its own environment, whatever CARTA_ENV says.
        return Found(address or host_of(environment or found.environment), _of_profile(found), f"the profile `{chosen}`")
    for name_key, secret_key in (("CARTA_USERNAME", "CARTA_PASSWORD"), ("CARTA_USER", "CARTA_PASS")):
        if known.get(name_key) or known.get(secret_key):
            if name_key == "CARTA_USER":
                text = "CARTA_USER and CARTA_PASS are deprecated; use CARTA_USERNAME and CARTA_PASSWORD"
                warnings.warn(text, DeprecationWarning, stacklevel=3)
            return _pair(elsewhere, known.get(name_key), known.get(secret_key), f"{name_key} and {secret_key}")
    raise LoginError(
        "nobody is named; give a profile, a user name and password or an API token, or set CARTA_PROFILE, "
        "CARTA_USERNAME and CARTA_PASSWORD, or CARTA_API_TOKEN",
        code="no_login",
    )


def _pair(host: str, username: str | None, password: str | None, source: str) -> Found:
    if not username or not password:
        raise LoginError(f"of {source}, only one is there; give both", code="no_login")
    return Found(host, PasswordLogin(username, password), source)


def _of_profile(profile: Profile) -> Login:
    # A password outlives any token.
    if profile.username == API_TOKEN_USER and profile.password:
        return ApiTokenLogin(profile.password)
    if profile.username and profile.password:
        return PasswordLogin(profile.username, profile.password)
    if profile.token:
        return TokenLogin(profile.token)
    raise LoginError(f"the profile `{profile.name}` has neither a password nor a token; log in anew", code="no_login")
